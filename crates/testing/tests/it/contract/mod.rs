//! The probes let sound layers pass, and report each layer that breaks a law.

#[cfg(all(feature = "adopt-axum", feature = "adopt-hyper", feature = "adopt-tonic"))]
mod adopt;
mod broken;
mod flawed_body;
mod guard;
mod outbound;

use gambeson_core::ProblemJson;
use gambeson_testing::contract::{self, Cases, Probe, Report};
use http::Request;

use broken::{Broken, Flaw};
use flawed_body::{BodyFlaw, Flawed};
use guard::GuardLayer;

fn cases() -> Cases {
    Cases::passing(|| Request::post("/notes").header("x-key", "1").body("a note").unwrap())
        .refusing(|| Request::get("/notes").body(()).unwrap())
}

async fn report(flaw: Flaw) -> Report {
    contract::examine(move || Broken(flaw), cases()).await
}

#[tokio::test]
async fn sound_layers_pass() {
    contract::check(GuardLayer::<ProblemJson>::default, cases()).await;
    contract::check(contract::WrapBodyLayer::new, Cases::passing(|| Request::new(()))).await;
    contract::check(tower::layer::util::Identity::new, Cases::passing(|| Request::new(()))).await;
    contract::check_refusal(GuardLayer::<ProblemJson>::default, || Request::new(())).await;
}

#[tokio::test]
async fn a_sound_layer_that_awaits_passes() {
    contract::check(|| Broken(Flaw::NoneButAwaits), cases()).await;
}

#[tokio::test]
async fn a_layer_that_calls_an_unreadied_clone_is_reported() {
    let report = report(Flaw::CallsUnreadiedClone).await;
    assert!(report.found_by(Probe::Readiness), "{report}");
    assert!(report.to_string().contains("law 6"), "{report}");
}

#[tokio::test]
async fn a_layer_that_calls_before_it_decides_is_reported() {
    let report = report(Flaw::CallsBeforeRefusing).await;
    assert!(report.found_by(Probe::Refusal), "{report}");
    assert!(report.found_by(Probe::BodyWrap), "{report}");
}

#[tokio::test]
async fn a_layer_that_swallows_pending_is_reported() {
    assert!(report(Flaw::SwallowsPending).await.found_by(Probe::Readiness));
}

#[tokio::test]
async fn a_layer_that_swallows_errors_of_readiness_is_reported() {
    assert!(report(Flaw::SwallowsReadinessErrors).await.found_by(Probe::Errors));
}

#[tokio::test]
async fn a_layer_that_keeps_its_refusal_to_itself_is_reported() {
    let report = report(Flaw::ForgetsTheFacts).await;
    assert_eq!(report.findings()[0].probe, Probe::Refusal, "{report}");
}

#[tokio::test]
async fn a_layer_that_lets_pass_what_it_must_refuse_is_reported() {
    assert!(report(Flaw::RefusesNothing).await.found_by(Probe::Refusal));
}

#[tokio::test]
async fn a_layer_that_refuses_what_must_pass_is_reported() {
    assert!(report(Flaw::RefusesAll).await.found_by(Probe::Passes));
}

#[tokio::test]
async fn a_layer_that_goes_on_after_a_cancel_is_reported() {
    assert!(report(Flaw::SpawnsTheInner).await.found_by(Probe::Cancel));
}

#[tokio::test]
async fn a_layer_that_stays_ready_in_clones_is_reported() {
    assert!(report(Flaw::CopiesReadiness).await.found_by(Probe::Clone));
}

#[tokio::test]
async fn a_layer_that_answers_errors_is_reported() {
    assert!(report(Flaw::AnswersErrors).await.found_by(Probe::Errors));
}

#[tokio::test]
async fn a_layer_that_a_panic_poisons_is_reported() {
    assert!(report(Flaw::PoisonedByPanic).await.found_by(Probe::Panic));
}

#[tokio::test]
async fn a_layer_that_calls_twice_is_reported() {
    let report = report(Flaw::CallsTwice).await;
    let words = "called the inner service 2 times";
    let found = report.findings().iter().any(|f| f.probe == Probe::Passes && f.what.contains(words));
    assert!(found, "{report}");
}

#[tokio::test]
async fn a_layer_that_calls_an_unreadied_clone_panics_around_towers_own_services() {
    let report = report(Flaw::CallsUnreadiedClone).await;
    assert!(report.found_by(Probe::TowerInners), "{report}");
}

#[tokio::test]
async fn a_layer_that_calls_before_it_decides_is_reported_behind_a_buffer() {
    let report = report(Flaw::CallsBeforeRefusing).await;
    assert!(report.found_by(Probe::TowerInners), "{report}");
}

#[tokio::test]
async fn a_layer_that_wraps_bodies_well_passes() {
    contract::check(|| Flawed(BodyFlaw::None), Cases::passing(|| Request::new("a note"))).await;
}

#[tokio::test]
async fn layers_that_treat_bodies_and_fields_wrongly_are_reported() {
    for (flaw, probe, words) in [
        (BodyFlaw::KeepsDroppedBodies, Probe::DropMidBody, "left 1 inner bodies alive"),
        (BodyFlaw::SwallowsFailure, Probe::DropMidBody, "passed on as if it were whole"),
        (BodyFlaw::KnowsOneBodyOnly, Probe::BodyWrap, "around a layer that wraps bodies"),
        (BodyFlaw::ChangesData, Probe::Passes, "body was changed"),
        (BodyFlaw::DropsTrailers, Probe::Passes, "trailers are gone"),
        (BodyFlaw::PromisesTooMuch, Probe::Passes, "promises Some(1000)"),
        (BodyFlaw::SaysEndTooEarly, Probe::Passes, "said is_end_stream and went on"),
        (BodyFlaw::OverwritesAField, Probe::Passes, "set-cookie: inner-one=1` is gone"),
        (BodyFlaw::DropsAField, Probe::Passes, "content-type: text/plain` is gone"),
    ] {
        let report = contract::examine(move || Flawed(flaw), Cases::passing(|| Request::new("a note"))).await;
        let found = report.findings().iter().any(|f| f.probe == probe && f.what.contains(words));
        assert!(found, "{flaw:?}: {report}");
        let only = flaw != BodyFlaw::KnowsOneBodyOnly || !report.found_by(Probe::Passes);
        assert!(only, "with the body it knows it does well: {report}");
    }
}

#[tokio::test]
async fn a_probe_can_be_left_out_for_a_reason() {
    let cases = cases().except(Probe::Refusal, "it refuses on purpose without facts");
    let report = contract::examine(|| Broken(Flaw::ForgetsTheFacts), cases).await;
    assert!(!report.found_by(Probe::Refusal), "{report}");
}

#[tokio::test]
#[should_panic(expected = "the layer breaks the contract")]
async fn check_panics_with_the_laws() {
    contract::check(|| Broken(Flaw::RefusesAll), cases()).await;
}
