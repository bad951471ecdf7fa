//! What callers are told: step-up, what is hidden, what can't be decided, and the same over gRPC.

use std::future::ready;
use std::sync::{Arc, Mutex};

use gambeson_core::{
    Authentication, Challenges, GrpcStatus, ManualClock, Outcome, Principal, PrincipalBuilder, RequestFacts,
    RequestHead, Timestamp,
};
use gambeson_rbac::{AuthorizeLayer, Authorizer, Decision, GrpcMethod, Policy, PolicyHandle, Situation};
use http::{HeaderMap, Method, Response, StatusCode, header};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{Inner, Sink, request_of};

const POLICY: &str = r#"version = 1
[permissions]
read = {}
approve = { acr = ["phr", "phrh"], max_age = "10m" }
delete = {}
[roles]
clerk = { grants = ["read"] }
boss = { grants = ["*"] }
[routes]
"GET /notes" = { perm = "read" }
"POST /notes" = { perm = "delete", max_age = "1h" }
"POST /approve" = { perm = "approve", acr = ["gold"] }
"GET /secret" = { perm = "delete", forbidden = "not-found" }
"PUT /secret" = { perm = "delete", forbidden = "not-found" }
"GET /mixed" = { perm = "delete", forbidden = "not-found" }
"PUT /mixed" = { perm = "delete" }
"#;

const NOW: i64 = 100_000;

fn by_path<'a>(head: &RequestHead<'a>) -> Option<&'a str> {
    Some(head.uri.path())
}

fn layer(policy: &str) -> AuthorizeLayer {
    let policy: PolicyHandle = policy.parse().unwrap();
    AuthorizeLayer::new(&policy, by_path).clock(Arc::new(ManualClock::at(Timestamp::from_unix_seconds(NOW))))
}

fn caller(role: &str) -> PrincipalBuilder {
    Principal::user("https://id", "alice").role(role)
}

/// The status, the fields and the slug that the facts have; a refused request never reaches the inner service.
async fn ask(
    layer: &AuthorizeLayer,
    method: Method,
    path: &str,
    caller: Option<PrincipalBuilder>,
) -> (u16, HeaderMap, Option<&'static str>) {
    let (inner, mut request) =
        (Inner::default(), request_of(method, path, caller.map(PrincipalBuilder::build)));
    let facts = RequestFacts::ensure(&mut request);
    let answer = layer.layer(inner.clone()).oneshot(request).await.unwrap();
    assert_eq!(inner.calls(), usize::from(answer.status() == StatusCode::OK));
    let slug = facts.rejection().map(gambeson_core::Rejection::slug);
    (answer.status().as_u16(), answer.headers().clone(), slug)
}

#[tokio::test]
async fn a_weak_or_old_log_in_is_asked_to_be_a_better_one() {
    let layer = layer(POLICY);
    let boss =
        |acr: &str, age: i64| caller("boss").acr(acr).auth_time(Timestamp::from_unix_seconds(NOW - age));
    let by_permission = "Bearer step-up acr_values=\"phr phrh\" max_age=Some(600)";
    let by_route = "Bearer step-up acr_values=\"\" max_age=Some(3600)";
    for (path, who, expected) in [
        ("/approve", boss("pwd", 0), Some(by_permission)),
        ("/approve", boss("phr", 631), Some(by_permission)),
        ("/approve", boss("phr", -31), Some(by_permission)),
        ("/approve", caller("boss").acr("phr"), Some(by_permission)),
        // What the route asks for comes on top.
        ("/approve", boss("phr", 0), Some("Bearer step-up acr_values=\"gold\" max_age=None")),
        ("/notes", boss("pwd", 3_600), None),
        ("/notes", boss("pwd", 3_631), Some(by_route)),
        ("/notes", caller("boss"), Some(by_route)),
        ("/notes", boss("pwd", -60), Some(by_route)),
    ] {
        let (status, headers, slug) = ask(&layer, Method::POST, path, Some(who)).await;
        let challenge = headers.get(header::WWW_AUTHENTICATE).map(|value| value.to_str().unwrap());
        assert_eq!((status, challenge), (if expected.is_some() { 401 } else { 200 }, expected), "{path}");
        assert_eq!(slug, expected.map(|_| "insufficient-user-authentication"));
    }
    // Who may not is not asked to sign in again for nothing; a service never signed in.
    assert_eq!(ask(&layer, Method::POST, "/approve", Some(caller("clerk"))).await.0, 403);
    let service = Principal::service("https://id", "jobs").role("boss");
    assert_eq!(ask(&layer, Method::POST, "/notes", Some(service)).await.0, 401);
    assert_eq!(ask(&layer, Method::POST, "/notes", None).await.1[header::WWW_AUTHENTICATE], "Bearer");
}

#[tokio::test]
async fn a_browser_is_sent_to_sign_in_better() {
    let layer = layer(&POLICY.replace("\"POST /approve\"", "\"GET /approve\"")).log_in("/login");
    let ask = async |method: Method, path: &str, who: &str, mode: &'static str| {
        let mut request = request_of(method, path, Some(caller(who).build()));
        request.headers_mut().insert("sec-fetch-mode", mode.parse().unwrap());
        request.extensions_mut().clear();
        let facts = RequestFacts::ensure(&mut request);
        facts.authenticate(Authentication::Verified(caller(who).build(), Challenges::none())).unwrap();
        let answer = layer.layer(Inner::default()).oneshot(request).await.unwrap();
        let location = answer.headers().get(header::LOCATION).map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), location)
    };
    let better = "/login?return_to=%2Fapprove%3Fid%3D7%26x%3D%2F&acr_values=phr+phrh&max_age=600";
    assert_eq!(ask(Method::GET, "/approve?id=7&x=/", "boss", "navigate").await, (303, Some(better.into())));
    assert_eq!(ask(Method::GET, "/approve", "boss", "cors").await, (401, None));
    assert_eq!(ask(Method::POST, "/notes", "boss", "navigate").await, (401, None), "a form would be lost");
    assert_eq!(ask(Method::GET, "/approve", "clerk", "navigate").await, (403, None));
}

#[tokio::test]
async fn a_step_up_is_a_problem_that_scripts_can_read_and_is_on_record() {
    let sink = Sink::default();
    let layer = layer(POLICY).audit(Arc::new(sink.clone()));
    let request = request_of(Method::POST, "/notes", Some(caller("boss").build()));
    let answer = layer.layer(Inner::default()).oneshot(request).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let body = std::str::from_utf8(&body).unwrap();
    assert!(body.contains(r#""error":"insufficient_user_authentication""#), "{body}");
    let (event, _) = sink.take().remove(0);
    assert_eq!(event.outcome, Outcome::Denied);
    assert_eq!(event.reason.as_deref(), Some("insufficient-user-authentication"));
}

#[tokio::test]
async fn what_is_forbidden_can_look_as_if_it_were_not_there() {
    let sink = Sink::default();
    let layer = layer(POLICY).audit(Arc::new(sink.clone()));
    let clerk = || Some(caller("clerk"));
    let unknown = ask(&layer, Method::GET, "/unknown", clerk()).await;
    for (method, path) in [(Method::GET, "/secret"), (Method::DELETE, "/secret")] {
        assert_eq!(ask(&layer, method.clone(), path, clerk()).await, unknown, "{method} {path}");
    }
    let reasons: Vec<_> = sink.take().into_iter().filter_map(|(event, _)| event.reason).collect();
    assert_eq!(reasons, ["forbidden"], "the trail knows the truth");
    assert_eq!(ask(&layer, Method::GET, "/secret", Some(caller("boss"))).await.0, 200);
    assert_eq!(ask(&layer, Method::DELETE, "/secret", Some(caller("boss"))).await.0, 405);
    assert_eq!(ask(&layer, Method::GET, "/secret", None).await.0, 401);
    assert_eq!(ask(&layer, Method::PUT, "/mixed", clerk()).await.0, 403);
    assert_eq!(
        ask(&layer, Method::DELETE, "/mixed", clerk()).await.0,
        405,
        "one of its methods is no secret"
    );
    assert_eq!(ask(&layer, Method::POST, "/approve", clerk()).await.0, 403);
}

#[tokio::test]
async fn who_is_told_of_other_methods_is_decided_by_the_layers_clock() {
    let at_times = "boss = { grants = [\"*\"] }\nlate = { grants = [{ perm = \"delete\", until = \"1970-01-02T03:46:41Z\" }] }\n\
                    over = { grants = [{ perm = \"delete\", until = \"1970-01-02T03:46:40Z\" }] }";
    let layer = layer(&POLICY.replace("boss = { grants = [\"*\"] }", at_times));
    for (role, expected) in [("late", 405), ("over", 404)] {
        assert_eq!(ask(&layer, Method::DELETE, "/secret", Some(caller(role))).await.0, expected, "{role}");
    }
}

#[test]
fn a_policy_alone_looks_at_the_log_in_too() {
    let policy = Policy::parse(POLICY).unwrap();
    let at = |seconds| Timestamp::from_unix_seconds(seconds);
    let approve = policy.permission("approve").unwrap();
    let boss = |acr: &str, age: i64| caller("boss").acr(acr).auth_time(at(NOW - age)).build();
    let now = Situation::then(at(NOW));
    for (who, expected) in [
        (boss("phr", 0), Decision::Allow),
        (boss("pwd", 0), Decision::Deny),
        (boss("phr", 631), Decision::Deny),
        (caller("boss").build(), Decision::Deny),
    ] {
        assert_eq!(policy.decide_in(&who, approve, &now), expected, "{who:?}");
        assert_eq!(policy.decide_by_roles(&who, approve, &now), Decision::Allow, "{who:?}");
    }
    // By the system's clock both of them are old.
    assert!(!policy.may(&boss("phr", 0), "approve") && policy.may(&boss("phr", 0), "read"));
    assert_eq!(policy.decide(&boss("phr", 0), approve), Decision::Deny);
    let clerk = caller("clerk").acr("phr").auth_time(at(NOW)).build();
    assert_eq!(policy.decide_in(&clerk, approve, &now), Decision::Deny);
}

#[test]
fn what_is_remembered_of_a_caller_looks_at_the_log_in_too() {
    let policy = Policy::parse(POLICY).unwrap();
    let (approve, read) = (policy.permission("approve").unwrap(), policy.permission("read").unwrap());
    let boss = caller("boss").build();
    for _ in 0..3 {
        assert_eq!(
            policy.decide_by_roles(&boss, approve, &Situation::then(Timestamp::default())),
            Decision::Allow
        );
        assert_eq!(policy.decide(&boss, approve), Decision::Deny);
        assert_eq!(policy.decide(&boss, read), Decision::Allow);
    }
}

#[tokio::test]
async fn what_is_shown_needs_the_log_in_too() {
    let layer = layer(POLICY);
    for (acr, expected) in [("phr", true), ("pwd", false)] {
        let shows = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&shows);
        let app = layer.layer(service_fn(move |request: http::Request<_>| {
            let authorizer = Authorizer::of(&request).unwrap();
            *seen.lock().unwrap() = Some((authorizer.allows("approve"), authorizer.allows("read")));
            ready(Ok::<_, std::convert::Infallible>(Response::new(
                http_body_util::Full::<bytes::Bytes>::default(),
            )))
        }));
        let boss = caller("boss").acr(acr).auth_time(Timestamp::from_unix_seconds(NOW)).build();
        app.oneshot(request_of(Method::GET, "/notes", Some(boss))).await.unwrap();
        assert_eq!(*shows.lock().unwrap(), Some((expected, true)), "{acr}");
    }
}

#[tokio::test]
async fn a_policy_can_hide_all_of_it_and_a_route_can_differ() {
    let hidden = POLICY
        .replace("[routes]", "[answers]\nforbidden = \"not-found\"\n[routes]\n\"GET /open\" = \"public\"\n\"POST /open\" = { perm = \"delete\" }")
        .replace(
            "\"PUT /mixed\" = { perm = \"delete\" }",
            "\"PUT /mixed\" = { perm = \"delete\", forbidden = \"forbidden\" }",
        );
    let layer = layer(&hidden);
    let clerk = || Some(caller("clerk"));
    assert_eq!(ask(&layer, Method::POST, "/approve", clerk()).await.0, 404);
    assert_eq!(ask(&layer, Method::PUT, "/mixed", clerk()).await.0, 403);
    assert_eq!(ask(&layer, Method::DELETE, "/approve", clerk()).await.0, 404);
    assert_eq!(ask(&layer, Method::DELETE, "/open", clerk()).await.0, 405);
    assert_eq!(ask(&layer, Method::GET, "/notes", clerk()).await.0, 200);
}

#[tokio::test]
async fn what_cannot_be_decided_is_503_with_a_reason_for_the_log() {
    let claims = "[claims.id]\nissuer = \"https://id\"\ngroups = { g = \"boss\" }\n[routes]";
    let sink = Sink::default();
    let layer = layer(&POLICY.replace("[routes]", claims)).audit(Arc::new(sink.clone()));
    let overage = Principal::user("https://id", "alice").claims(r#"{"_claim_names": {"groups": "src1"}}"#);
    let (status, headers, slug) = ask(&layer, Method::GET, "/notes", Some(overage)).await;
    assert_eq!((status, slug), (503, Some("indeterminate")));
    assert_eq!(headers[header::RETRY_AFTER], "5");
    let (event, _) = sink.take().remove(0);
    assert_eq!((event.outcome, event.reason.as_deref()), (Outcome::Failed, Some("indeterminate")));
    let (name, cause) = &event.details[0];
    assert!(*name == "cause" && cause.contains("leaves groups out"), "{cause}");
}

#[tokio::test]
async fn grpc_has_a_code_for_each_answer() {
    let policy: PolicyHandle = r#"version = 1
[permissions]
read = {}
approve = { acr = ["phr"] }
[roles]
boss = { grants = ["*"] }
[claims.id]
issuer = "https://id"
groups = { g = "boss" }
[routes]
"POST /n.Notes/List" = { perm = "read" }
"POST /n.Notes/Approve" = { perm = "approve" }
"POST /n.Notes/Secret" = { perm = "read", forbidden = "not-found" }
"#
    .parse()
    .unwrap();
    let layer = AuthorizeLayer::new(&policy, GrpcMethod).respond_with(GrpcStatus);
    let with = |claims: &str| Some(Principal::user("https://id", "alice").claims(claims).build());
    let (boss, nobody_in_particular) = (r#"{"groups": ["g"]}"#, "{}");
    for (method, who, expected) in [
        ("List", with(boss), None),
        ("List", None, Some(("16", "unauthenticated"))),
        ("Approve", with(boss), Some(("16", "insufficient-user-authentication"))),
        ("List", with(nobody_in_particular), Some(("7", "forbidden"))),
        ("List", with(r#"{"hasgroups": true}"#), Some(("14", "indeterminate"))),
        ("Secret", with(nobody_in_particular), Some(("5", "not-found"))),
        ("Unknown", with(boss), Some(("5", "not-found"))),
        ("Unknown", None, Some(("16", "unauthenticated"))),
    ] {
        let request = request_of(Method::POST, &format!("/n.Notes/{method}"), who);
        let answer = layer.layer(Inner::default()).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let field = |name| answer.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(field("grpc-status").zip(field("grpc-message")), expected, "{method}");
    }
}

#[test]
fn what_is_wrong_in_these_words_is_told_with_its_line() {
    let text = r#"version = 1
[permissions]
a = { acr = [], max_age = "ten" }
b = { acr = ["two words"], max_age = 600 }
[answers]
forbidden = "gone"
hidden = true
[routes]
"GET /a" = { perm = "a", forbidden = "hidden" }
"GET /b" = { public = "why", max_age = "1h" }
"GET /c" = { perm = "a", acr = "phr" }
"#;
    let error = Policy::parse(text).unwrap_err();
    let mut found: Vec<_> =
        error.findings().iter().map(|finding| (finding.position.line, finding.id)).collect();
    found.sort_unstable();
    let expected = [
        (3, "acr"),
        (3, "duration"),
        (4, "acr"),
        (4, "wrong-type"),
        (6, "unknown-answer"),
        (7, "unknown-key"),
        (9, "unknown-answer"),
        (10, "public-with-terms"),
        (11, "acr"),
        (11, "wrong-type"),
    ];
    assert_eq!(found, expected, "{error}");
}
