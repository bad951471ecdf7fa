//! Routes whose handlers decide upon the record.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use gambeson_core::{ManualClock, Mode, Outcome, Timestamp};
use gambeson_rbac::{
    Attribute, Authorizer, OnRecord, PolicyErrorKind, PolicyHandle, Refusal, Routes, need, permissions,
};
use http::{Method, StatusCode};
use tower::ServiceExt;

use crate::support::{Sink, request};

permissions! {
    /// Approving an invoice.
    Approve = "invoice:approve",
    /// Reading one.
    Read = "invoice:read",
}

const POLICY: &str = r#"
version = 1
[permissions]
"invoice:approve" = { attributes = { amount = "number" } }
"invoice:read" = {}
[roles]
viewer = { grants = ["invoice:read"] }
clerk = { inherits = ["viewer"], grants = [{ perm = "invoice:approve", when = { amount = { max = 100 } } }] }
chief = { inherits = ["viewer"], grants = ["invoice:approve"] }
"#;

/// The invoice of so much; 7 is one without an amount, 0 does not exist.
async fn approve(ask: OnRecord<Approve>, Path(amount): Path<i64>) -> Result<StatusCode, Refusal> {
    match amount {
        0 => return Err(ask.authorizer().not_found()),
        7 => ask.decide(&[("currency", Attribute::Text("EUR"))]).await?,
        amount => ask.decide(&[("amount", Attribute::Number(amount))]).await?,
    };
    Ok(StatusCode::ACCEPTED)
}

/// Takes the question and never asks it.
async fn forgetful(_: OnRecord<Approve>, Path(_): Path<i64>) -> StatusCode {
    StatusCode::ACCEPTED
}

/// Asks, and goes on whatever the answer is.
async fn headstrong(ask: OnRecord<Approve>, Path(amount): Path<i64>) -> StatusCode {
    let _ = ask.decide(&[("amount", Attribute::Number(amount))]).await;
    StatusCode::ACCEPTED
}

async fn within(authz: Authorizer, Path(amount): Path<i64>) -> Result<StatusCode, Refusal> {
    authz.require_on(Approve, &[("amount", Attribute::Number(amount))]).await?;
    assert!(authz.allows_on(Approve, &[("amount", Attribute::Number(1))]));
    Ok(StatusCode::ACCEPTED)
}

fn routes(sink: &Sink) -> Routes {
    let (policy, sink): (PolicyHandle, _) = (POLICY.parse().unwrap(), Arc::new(sink.clone()));
    Routes::new(&policy)
        .on_record(Method::POST, "/approve/{amount}", need(Approve), approve)
        .on_record(Method::POST, "/forgetful/{amount}", need(Approve), forgetful)
        .on_record(Method::POST, "/headstrong/{amount}", need(Approve), headstrong)
        .post("/within/{amount}", need(Read), within)
        .authorize(|layer| layer.audit(sink))
}

async fn ask(app: &Router, path: &str, role: Option<&str>) -> StatusCode {
    app.clone().oneshot(request(Method::POST, path, role).map(Body::new)).await.unwrap().status()
}

#[tokio::test]
async fn the_record_decides() {
    let app = routes(&Sink::default()).build().unwrap();
    for (path, role, expected) in [
        ("/approve/100", Some("clerk"), 202),
        ("/approve/101", Some("clerk"), 403),
        ("/approve/101", Some("chief"), 202),
        ("/approve/7", Some("clerk"), 503),
        ("/approve/7", Some("chief"), 202),
        ("/approve/0", Some("clerk"), 404),
        ("/approve/100", Some("viewer"), 403),
        ("/approve/100", None, 401),
        ("/within/100", Some("clerk"), 202),
        ("/within/101", Some("clerk"), 403),
    ] {
        assert_eq!(ask(&app, path, role).await, expected, "{path} {role:?}");
    }
}

#[tokio::test]
async fn a_handler_that_forgets_to_ask_or_to_listen_answers_nothing() {
    let app = routes(&Sink::default()).build().unwrap();
    assert_eq!(ask(&app, "/forgetful/1", Some("clerk")).await, 500);
    assert_eq!(ask(&app, "/forgetful/1", Some("chief")).await, 500);
    assert_eq!(ask(&app, "/headstrong/101", Some("clerk")).await, 500);
    assert_eq!(ask(&app, "/headstrong/1", Some("clerk")).await, 202);
}

#[tokio::test]
async fn each_decision_is_on_record_once() {
    let sink = Sink::default();
    let app = routes(&sink).build().unwrap();
    for (path, role, expected) in [
        ("/approve/1", "clerk", Outcome::Success),
        ("/approve/1", "chief", Outcome::Success),
        ("/approve/101", "clerk", Outcome::Denied),
        ("/approve/1", "viewer", Outcome::Denied),
    ] {
        let _ = ask(&app, path, Some(role)).await;
        let outcomes: Vec<Outcome> = sink.take().iter().map(|(event, _)| event.outcome).collect();
        assert_eq!(outcomes, [expected], "{path} {role}");
    }
}

#[test]
fn a_permission_that_depends_on_the_record_has_no_other_route() {
    let policy: PolicyHandle = POLICY.parse().unwrap();
    let error = Routes::<()>::new(&policy)
        .post("/a/{amount}", need(Approve), || async {})
        .on_record(Method::POST, "/b/{amount}", need(Read), approve)
        .build()
        .unwrap_err();
    let told = error.to_string();
    assert!(told.contains("declare the route with `Routes::on_record`"), "{told}");
    assert!(told.contains("the handler decides on `invoice:approve`"), "{told}");

    // Nor does a reload bring one.
    let plain = POLICY
        .replace("{ perm = \"invoice:approve\", when = { amount = { max = 100 } } }", "\"invoice:approve\"");
    let policy: PolicyHandle = plain.parse().unwrap();
    let _app: Router = Routes::new(&policy).post("/a", need(Approve), || async {}).build().unwrap();
    assert_eq!(policy.replace(POLICY).unwrap_err().kind(), PolicyErrorKind::Mismatch);
}

#[tokio::test]
async fn a_plain_route_of_the_file_refuses_what_depends() {
    let text = format!("{POLICY}[routes]\n\"POST /a\" = {{ perm = \"invoice:approve\" }}");
    let policy: PolicyHandle = text.parse().unwrap();
    let router = Router::new().route("/a", axum::routing::post(|| async {}));
    let app: Router = router.layer(policy.authorize_layer());
    assert_eq!(ask(&app, "/a", Some("clerk")).await, 503);
    assert_eq!(ask(&app, "/a", Some("chief")).await, 200);
    assert_eq!(ask(&app, "/a", Some("viewer")).await, 403);
}

#[tokio::test]
async fn observing_lets_a_handler_go_on_that_the_record_refuses() {
    let observing = Mode::Observe { until: Timestamp::from_unix_seconds(1_000) };
    let clock = Arc::new(ManualClock::at(Timestamp::from_unix_seconds(100)));
    let of_layer = clock.clone();
    let app = routes(&Sink::default())
        .authorize(move |layer| layer.mode(observing).clock(of_layer))
        .build()
        .unwrap();
    assert_eq!(ask(&app, "/approve/101", Some("clerk")).await, 202);
    clock.set(Timestamp::from_unix_seconds(1_000));
    assert_eq!(ask(&app, "/approve/101", Some("clerk")).await, 403, "from that moment on it does not");
}

#[tokio::test]
async fn the_question_belongs_to_its_route() {
    let policy: PolicyHandle =
        POLICY.replace("[roles]", "[roles]\nall = { grants = [\"*:*\"] }").parse().unwrap();
    let app: Router = Routes::new(&policy).post("/x/{amount}", need(Read), forgetful).build().unwrap();
    assert_eq!(ask(&app, "/x/1", Some("all")).await, 500);
}
