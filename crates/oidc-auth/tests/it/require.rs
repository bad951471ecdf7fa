//! Scopes and step-up.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    Answer, AuditError, AuditEvent, AuditSink, Authentication, Challenges, Durability, GrpcStatus,
    ManualClock, Mode, Principal, PrincipalBuilder, Receipt, RequestFacts, Timestamp,
};
use gambeson_oidc_auth::{AuthLayer, RequireAcr, RequireLayer, RequireScopes};
use gambeson_testing::contract::{self, Cases};
use http::{Request, Response, StatusCode, header};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

use crate::fake_issuer::{START, claims_with, static_verifier};
use crate::signer::Signer;

const MINUTES: Duration = Duration::from_secs(300);

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_unix_seconds(START)))
}

/// Behind the real authentication layer, with a token that differs by one claim; `None`: no token.
async fn ask(layer: &RequireLayer, claim: Option<(&str, Value)>) -> Response<Bytes> {
    ask_with(layer, claim.map(|(name, value)| claims_with(name, value))).await
}

async fn ask_with(layer: &RequireLayer, claims: Option<Value>) -> Response<Bytes> {
    let signer = Signer::es256("k");
    let auth = AuthLayer::new(static_verifier(&[&signer]).build().unwrap())
        .resource_metadata("https://api.example/x");
    let mut request = Request::post("/orders");
    if let Some(claims) = claims {
        let token = signer.token(&claims);
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let app = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Bytes::from("done"))));
    auth.layer(layer.layer(app)).oneshot(request.body(()).unwrap()).await.unwrap()
}

fn challenge(answer: &Response<Bytes>) -> &str {
    answer.headers()[header::WWW_AUTHENTICATE].to_str().unwrap()
}

#[tokio::test]
async fn all_of_them_or_any_of_them() {
    let none: [&str; 0] = [];
    for (layer, scope, status) in [
        (RequireScopes::all(["a", "b"]), "a b c", 200),
        (RequireScopes::all(["a", "b"]), "a c", 403),
        (RequireScopes::any(["a", "b"]), "c b", 200),
        (RequireScopes::any(["a", "b"]), "c", 403),
        (RequireScopes::all(["a"]), "", 403),
        (RequireScopes::all(["a"]), "A ab a:b", 403),
        (RequireScopes::all(none), "a", 403),
        (RequireScopes::any(none), "a", 403),
        (RequireLayer::off(), "", 200),
    ] {
        let answer = ask(&layer, Some(("scope", json!(scope)))).await;
        assert_eq!(answer.status(), status, "{layer:?} {scope}");
    }
}

#[tokio::test]
async fn the_challenge_says_what_would_do() {
    let answer = ask(&RequireScopes::all(["orders:write", "b"]), Some(("scope", json!("a")))).await;
    assert_eq!(
        challenge(&answer),
        "Bearer resource_metadata=\"https://api.example/x\", error=\"insufficient_scope\", scope=\"orders:write b\""
    );
    let body = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(body.contains("insufficient_scope") && body.contains("#insufficient-scope"), "{body}");
    let layer = RequireAcr::one_of(["gold", "silver"]).max_age(MINUTES).clock(clock());
    let answer = ask(&layer, Some(("acr", json!("bronze")))).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        challenge(&answer),
        "Bearer resource_metadata=\"https://api.example/x\", error=\"insufficient_user_authentication\", \
         acr_values=\"gold silver\", max_age=\"300\""
    );
    for layer in [RequireScopes::any(["a"]), RequireAcr::fresh(MINUTES)] {
        let answer = ask(&layer, None).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(challenge(&answer), "Bearer resource_metadata=\"https://api.example/x\"");
    }
}

#[tokio::test]
async fn a_log_in_must_be_strong_and_fresh() {
    let fresh = || RequireAcr::fresh(MINUTES).clock(clock());
    for (layer, claim, value, status) in [
        (RequireAcr::one_of(["gold"]), "acr", json!("gold"), 200),
        (RequireAcr::one_of(["gold"]), "acr", json!("Gold"), 401),
        (RequireAcr::one_of(["gold"]), "acr", Value::Null, 401),
        (RequireAcr::one_of([""; 0]), "acr", json!("gold"), 401),
        (fresh(), "auth_time", json!(START - 330), 200),
        (fresh(), "auth_time", json!(START - 331), 401),
        (fresh(), "auth_time", Value::Null, 401),
        (fresh(), "auth_time", json!(START + 30), 200),
        (fresh(), "auth_time", json!(START + 31), 401),
        (RequireAcr::one_of(["gold"]).max_age(MINUTES).clock(clock()), "acr", json!("gold"), 401),
    ] {
        let answer = ask(&layer, Some((claim, value.clone()))).await;
        assert_eq!(answer.status(), status, "{layer:?} {claim} {value}");
    }
}

#[tokio::test]
async fn scopes_can_ask_for_a_fresh_log_in_too() {
    for layer in [RequireScopes::all(["a"]), RequireScopes::any(["a", "b"])] {
        let layer = layer.max_age(MINUTES).clock(clock());
        let with = |scope: &str, at: Value| {
            let mut claims = claims_with("auth_time", at);
            claims["scope"] = json!(scope);
            Some(claims)
        };
        for (scope, at, status) in [
            ("a", json!(START - 330), 200),
            ("a", json!(START - 331), 401),
            ("a", Value::Null, 401),
            ("c", json!(START), 403),
        ] {
            let answer = ask_with(&layer, with(scope, at.clone())).await;
            assert_eq!(answer.status(), status, "{layer:?} {scope} {at}");
        }
        let stale = ask_with(&layer, with("a", Value::Null)).await;
        let wanted = "error=\"insufficient_user_authentication\", max_age=\"300\"";
        assert!(challenge(&stale).ends_with(wanted), "{stale:?}");
    }
}

#[derive(Debug, Default, Clone)]
struct Events(Arc<Mutex<Vec<AuditEvent>>>);

impl AuditSink for Events {
    fn record(&self, event: AuditEvent, _: Durability) -> Answer<Result<Receipt, AuditError>> {
        self.0.lock().unwrap().push(event);
        Answer::Ready(Ok(Receipt::queued()))
    }
}

#[tokio::test]
async fn observing_lets_pass_and_ends_and_refusals_are_audited() {
    let (clock, events) = (clock(), Events::default());
    let until = Timestamp::from_unix_seconds(START + 10);
    let layer = RequireScopes::all(["b"])
        .mode(Mode::Observe { until })
        .clock(clock.clone())
        .audit(Arc::new(events.clone()));
    let scope = || Some(("scope", json!("a")));
    assert_eq!(ask(&layer, scope()).await.status(), StatusCode::OK);
    clock.advance(Duration::from_secs(10));
    assert_eq!(ask(&layer, scope()).await.status(), StatusCode::FORBIDDEN);
    let events = events.0.lock().unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].reason.as_deref(), Some("insufficient-scope"));
}

fn by(change: fn(PrincipalBuilder) -> PrincipalBuilder) -> Request<()> {
    let mut request = Request::get("/").body(()).unwrap();
    let caller = change(Principal::user("https://id.example", "alice")).build();
    let verified = Authentication::Verified(caller, Challenges::none());
    RequestFacts::ensure(&mut request).authenticate(verified).unwrap();
    request
}

#[tokio::test]
async fn the_layer_keeps_the_laws() {
    let cases = Cases::passing(|| by(|b| b.scope("a"))).refusing(|| by(|b| b.scope("b")));
    contract::check(|| RequireScopes::all(["a"]), cases).await;
    let cases = Cases::passing(|| by(|b| b.acr("gold"))).refusing(|| by(|b| b));
    contract::check(|| RequireAcr::one_of(["gold"]), cases).await;
    contract::check(RequireLayer::off, Cases::passing(|| Request::get("/").body(()).unwrap())).await;
}

#[tokio::test]
async fn without_an_authentication_layer_nobody_passes() {
    let request = || Request::get("/").body(()).unwrap();
    let until = Timestamp::from_unix_seconds(i64::from(u32::MAX));
    let layer = RequireScopes::all(["a"]).mode(Mode::Observe { until });
    assert_eq!(
        contract::adopt::axum(layer.clone(), request()).await.status(),
        500,
        "not even while observing"
    );
    assert_eq!(contract::adopt::axum(layer.clone(), by(|b| b.scope("a"))).await.status(), 200);
    assert_eq!(contract::adopt::hyper(layer.clone(), request()).await.unwrap().status(), 500);
    let refused = contract::adopt::tonic(layer.respond_with(GrpcStatus), request()).await.unwrap();
    assert_eq!(refused.headers()["grpc-message"], "layer-order");
}
