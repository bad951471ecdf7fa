//! The checks let a sound guard pass, and report each one that makes a mistake.

mod gate;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use gambeson_testing::authorization::{self, App, Caller, Check, Guard, Report};
use http::{Method, Request};

use gate::{Flaw, Gate, Shared};

fn of(method: Method, role: Option<&'static str>) -> impl Fn() -> Request<()> + Send + Sync + 'static {
    move || {
        let request = Request::builder().method(method.clone()).uri("/notes");
        match role {
            Some(role) => request.header("x-role", role).body(()).unwrap(),
            None => request.body(()).unwrap(),
        }
    }
}

/// Holds the policy until somebody asked meanwhile, or nobody does any more.
fn reload(shared: &Shared) {
    let _loading = shared.policy.blocking_write();
    let before = shared.asked.load(Ordering::SeqCst);
    for _ in 0..20_000 {
        if shared.asked.load(Ordering::SeqCst) > before + 8 {
            return;
        }
        std::thread::yield_now();
    }
}

fn asking(caller: &Caller) -> Request<()> {
    let mut request = Request::get("/notes").body(()).unwrap();
    request.extensions_mut().insert(caller.clone());
    request
}

fn guard(flaw: Flaw) -> Guard {
    const VIEWER: &[&str] = &["viewer"];
    let shared = Arc::new(Shared::default());
    let (plain, wide, empty) = (shared.clone(), shared.clone(), shared.clone());
    let (reloads, reads) = (shared.clone(), shared);
    let get = |role| of(Method::GET, Some(role));
    Guard::new(move |app: App| Gate::new(app, flaw, VIEWER, &plain), get("viewer"), get("guest"))
        .nobody(of(Method::GET, None))
        .undecidable(get("unknown"))
        .cell("DELETE as viewer", false, of(Method::DELETE, Some("viewer")))
        .cell("GET as nobody", false, of(Method::GET, None))
        .callers("viewer", asking)
        .reload(move || reload(&reloads))
        .reading(move || reads.policy.clone().try_read_owned())
        .wider(move |app: App| Gate::new(app, flaw, &["viewer", "guest"], &wide))
        .empty_requirement(move |app: App| Gate::new(app, flaw, &[], &empty))
        .except(Check::UnnamedRoute, "it knows no routes")
}

async fn report(flaw: Flaw) -> Report {
    authorization::examine(&guard(flaw)).await
}

#[tokio::test]
async fn a_sound_guard_passes() {
    authorization::check(&guard(Flaw::None)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_guard_passes_on_many_threads() {
    authorization::check(&guard(Flaw::None)).await;
}

/// Looks for the finding of this check, with these words in it.
async fn reported(flaw: Flaw, check: Check, words: &str) -> Report {
    let report = report(flaw).await;
    let found = report.findings().iter().any(|found| found.check == check && found.what.contains(words));
    assert!(found, "{flaw:?}: {report}");
    report
}

#[tokio::test]
async fn a_guard_that_does_nothing_is_reported_by_nearly_all_checks() {
    let report =
        reported(Flaw::DoesNothing, Check::Cells, "3 of 4 cells: the request that must be refused").await;
    for check in [Check::DecidesFirst, Check::Readiness, Check::NoGlobalLock, Check::Statuses] {
        assert!(report.found_by(check), "{report}");
    }
    for check in [Check::Undecidable, Check::EmptyRequirement, Check::OnlyNarrows] {
        assert!(report.found_by(check), "{report}");
    }
}

#[tokio::test]
async fn a_guard_that_refuses_all_is_reported() {
    reported(Flaw::RefusesAll, Check::Cells, "it must pass").await;
}

#[tokio::test]
async fn a_cell_that_is_open_is_reported_and_no_other() {
    let report = reported(Flaw::TakesAnyMethod, Check::Cells, "1 of 4 cells: DELETE as viewer").await;
    assert_eq!(report.findings().len(), 1, "{report}");
}

#[tokio::test]
async fn a_decision_that_depends_on_the_one_before_is_reported() {
    reported(Flaw::RemembersTheLast, Check::Cells, "the request that must be refused").await;
}

#[tokio::test]
async fn a_guard_that_calls_before_it_decides_is_reported_before_each_service() {
    let report = reported(Flaw::CallsFirst, Check::DecidesFirst, "called tower's Buffer 33 times").await;
    let found = report.to_string();
    for name in ["a service that starts its work in call", "a service that spawns its work", "a client with"]
    {
        assert!(found.contains(&format!("called {name}")), "{report}");
    }
    // What spawns has begun by then, whether its answer is waited for or not.
    assert!(
        found.contains("called a service that spawns its work 33 times, which began its work 33 times"),
        "{report}"
    );
}

#[tokio::test]
async fn a_guard_that_calls_and_then_waits_has_begun_the_work_in_a_buffer_too() {
    let words = "called tower's Buffer 33 times, which began its work 33 times";
    reported(Flaw::CallsFirstAndWaits, Check::DecidesFirst, words).await;
}

#[tokio::test]
async fn a_guard_that_calls_an_unreadied_clone_is_reported_before_each_service() {
    let report =
        reported(Flaw::CallsUnreadiedClone, Check::Readiness, "before tower's ConcurrencyLimit").await;
    let found = report.to_string();
    for name in ["a service that has to be polled ready was called", "tower's Buffer:", "tower's LoadShed:"] {
        assert!(found.contains(name), "{name}: {report}");
    }
    assert!(found.contains("tower's RateLimit in a Buffer"), "{report}");
}

#[tokio::test]
async fn locks_are_reported() {
    for (flaw, words) in [
        (Flaw::LocksWhileItCalls, "beside a slow request did not end"),
        (Flaw::LocksToRead, "a decision while the policy is read did not end"),
        (Flaw::RefusesWhileReloading, "what must pass was answered with 403"),
        (Flaw::AllowsWhileReloading, "what must be refused was answered with 200"),
    ] {
        reported(flaw, Check::NoGlobalLock, words).await;
    }
}

#[tokio::test]
async fn wrong_statuses_are_reported() {
    for (flaw, check, words) in [
        (Flaw::ForbidsNobody, Check::Statuses, "nobody was answered with 403 instead of 401"),
        (Flaw::ForgetsTheChallenge, Check::Statuses, "without WWW-Authenticate"),
        (Flaw::ForbidsTheUndecided, Check::Undecidable, "answered with 403 instead of 503"),
        (
            Flaw::AllowsTheUndecidedOnce,
            Check::Undecidable,
            "it must be refused, but it was answered with 200",
        ),
    ] {
        let report = reported(flaw, check, words).await;
        assert_eq!(report.findings().len(), 1, "{report}");
    }
}

#[tokio::test]
async fn keys_that_mix_callers_up_are_reported() {
    type Key = fn(&Caller) -> String;
    let keys: [(Key, &str); 8] = [
        (|caller| caller.subject.clone(), "one name at two issuers"),
        (|caller| format!("{}/{}", caller.issuer, caller.subject), "a role was withdrawn"),
        (
            |caller| format!("{}/{}", caller.issuer, caller.subject.to_lowercase()),
            "names that differ in case",
        ),
        (|caller| format!("{}/{}", caller.issuer, caller.subject.trim()), "names that differ in a space"),
        (
            |caller| format!("{}|{}|{:?}", caller.issuer, caller.subject, caller.tenant),
            "a role was exchanged",
        ),
        (
            |caller| [&[caller.issuer.clone(), caller.subject.clone()][..], &caller.roles].concat().join("/"),
            "subject and role put together with \"/\" between",
        ),
        (|caller| format!("{}{:?}", caller.subject, caller.roles.join(",")), "roles put together with \",\""),
        (
            |caller| format!("{:?}{:?}", &caller.subject.get(..256), caller.roles.len()),
            "names that begin alike",
        ),
    ];
    for (key, words) in keys {
        let report = reported(Flaw::Remembers(key), Check::CacheKeys, words).await;
        assert_eq!(report.findings().len(), 1, "{report}");
    }
    let whole = report(Flaw::Remembers(|caller| format!("{caller:?}"))).await;
    assert!(whole.is_sound(), "a key that has everything in it mixes nobody up: {whole}");
}

#[tokio::test]
async fn roles_that_are_taken_for_others_are_reported() {
    type Takes = fn(&str) -> bool;
    let takes: [(Takes, &str); 5] = [
        (|role| role.eq_ignore_ascii_case("viewer"), "roles that differ in case"),
        (|role| role.starts_with("viewer"), "a role in a longer one"),
        (|role| role.ends_with("viewer"), "a role at the end of a longer one"),
        (|role| role.split(',').any(|part| part == "viewer"), "roles put together with \",\""),
        (|role| matches!(role, "viewer" | "*" | ""), "a wildcard as role"),
    ];
    for (takes, words) in takes {
        reported(Flaw::Takes(takes), Check::CacheKeys, words).await;
    }
}

#[tokio::test]
async fn a_requirement_of_nothing_that_lets_through_is_reported() {
    reported(Flaw::AllOfNothing, Check::EmptyRequirement, "it must be refused").await;
}

#[tokio::test]
async fn a_guard_that_trusts_another_one_is_reported() {
    let report = reported(Flaw::TrustsTheOuter, Check::OnlyNarrows, "inside of a wider one").await;
    assert_eq!(report.findings().len(), 1, "{report}");
}

#[tokio::test]
async fn a_check_that_cannot_be_made_is_a_finding_unless_it_is_excepted() {
    let get = |role| of(Method::GET, Some(role));
    let shared = Arc::new(Shared::default());
    let bare = Guard::new(
        move |app: App| Gate::new(app, Flaw::None, &["viewer"], &shared),
        get("viewer"),
        get("guest"),
    );
    let report = authorization::examine(&bare).await;
    let untried: Vec<Check> = Check::ALL.into_iter().filter(|check| report.is_untried(*check)).collect();
    assert_eq!(
        untried,
        [
            Check::NoGlobalLock,
            Check::Statuses,
            Check::Undecidable,
            Check::CacheKeys,
            Check::EmptyRequirement,
            Check::OnlyNarrows,
            Check::UnnamedRoute
        ]
    );
    assert!(!report.found_by(Check::Statuses) && !report.is_sound());
    assert!(report.to_string().contains("not tried: say what nobody's request looks like"), "{report}");
    let excepted = untried.into_iter().fold(bare, |guard, check| guard.except(check, "only an example"));
    authorization::check(&excepted).await;
}

#[tokio::test]
#[should_panic(expected = "the layer does not authorize as it must")]
async fn check_panics_with_what_was_found() {
    authorization::check(&guard(Flaw::DoesNothing)).await;
}

#[cfg(feature = "adopt-axum")]
mod before_axum {
    use gambeson_testing::authorization::AxumApp;
    use tower::layer::layer_fn;

    use super::*;

    fn guard(flaw: Flaw) -> Guard<AxumApp> {
        let (shared, get) = (Arc::new(Shared::default()), |role| of(Method::GET, Some(role)));
        let (routed, wide) = (shared.clone(), shared.clone());
        Guard::new(
            move |app: AxumApp| Gate::new(app, flaw, &["viewer"], &shared),
            get("viewer"),
            get("guest"),
        )
        .nobody(of(Method::GET, None))
        .on_router("/notes", move |router| {
            let shared = routed.clone();
            router.layer(layer_fn(move |inner| Gate::new(inner, flaw, &["viewer"], &shared).by_route()))
        })
        .wider(move |app: AxumApp| Gate::new(app, flaw, &["viewer", "guest"], &wide))
        .except(Check::NoGlobalLock, "looked at without axum")
        .except(Check::Undecidable, "looked at without axum")
        .except(Check::CacheKeys, "looked at without axum")
        .except(Check::EmptyRequirement, "looked at without axum")
    }

    #[tokio::test]
    async fn a_sound_guard_passes() {
        authorization::check(&guard(Flaw::None)).await;
    }

    #[tokio::test]
    async fn a_guard_that_lets_through_what_has_no_name_is_reported() {
        let report = authorization::examine(&guard(Flaw::TrustsUnnamed)).await;
        assert_eq!(report.findings().len(), 1, "{report}");
        assert!(report.found_by(Check::UnnamedRoute), "{report}");
        for path in ["/mounted-service/deep, asked for by nobody", "/not-named, asked for by who may not"] {
            assert!(report.to_string().contains(path), "{report}");
        }
    }

    #[tokio::test]
    async fn an_unreadied_clone_is_reported() {
        let report = authorization::examine(&guard(Flaw::CallsUnreadiedClone)).await;
        assert!(report.found_by(Check::Readiness), "{report}");
    }
}
