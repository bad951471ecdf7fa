//! The stack as a user composes it.
#![expect(clippy::unwrap_used, reason = "a test that unwraps None has failed")]

mod edge_and_login;
mod kit;
mod readiness;
mod report;
mod rights;
mod trail;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use gambeson::audit_trail::AuditLayer;
use gambeson::core::{ConfigError, Principal, RequestFacts};
use gambeson::hardening_headers::{
    Connection, EdgeLimitLayer, EdgeRate, Hardening, HardeningLayer, Limits, LimitsLayer, PeerLayer,
    TrustedProxies,
};
use gambeson::oidc_auth::{AuthLayer, Issuer, Login, LoginLayer, Verifier};
use gambeson::otel_setup::{AxumRoute, Telemetry, TelemetryLayer};
use gambeson::rbac::{AuthorizeLayer, PolicyHandle, Routes, need, public};
use gambeson::{Profile, Stack};
use gambeson_testing::{DevIdp, RecordingAuditSink};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

const POLICY: &str = r#"
version = 1
[permissions]
"notes:read" = {}
"notes:write" = {}
[roles]
viewer = { grants = ["notes:read"] }
editor = { inherits = ["viewer"], grants = ["notes:write"] }
"#;

struct Scene {
    idp: DevIdp,
    telemetry: Telemetry,
    trail: Arc<RecordingAuditSink>,
    app: Router,
}

async fn scene() -> Scene {
    let idp = DevIdp::builder().bind("127.0.0.1:0").audience("notes").start().await.unwrap();
    let telemetry = Telemetry::builder("notes", "1.0.0").routes(AxumRoute).build().unwrap();
    let trail = Arc::new(RecordingAuditSink::default());
    let policy: PolicyHandle = POLICY.parse().unwrap();
    let sink = Arc::clone(&trail);
    let (router, authorize): (Router, _) = Routes::new(&policy)
        .get("/notes", need("notes:read"), async || "the notes")
        .post("/notes", need("notes:write"), async |body: String| body)
        .get("/", public("the front door"), async || "welcome")
        .authorize(move |layer| layer.audit(sink))
        .into_parts()
        .unwrap();
    let verifier =
        Verifier::builder(Issuer::discover(idp.issuer())).audience("notes").run_in(Profile::Development);
    // Given from the inside out: the stack knows better.
    let stack = Stack::builder(PeerLayer::new(TrustedProxies::none()))
        .authorization(authorize)
        .authentication(AuthLayer::new(verifier.build().unwrap()))
        .edge_limit(EdgeLimitLayer::new(EdgeRate::per_minute(1).burst(20)).unwrap())
        .limits(LimitsLayer::new(Limits::new().body(64)).unwrap())
        .hardening(Hardening::api().build().unwrap().layer())
        .telemetry(telemetry.layer())
        .build(Profile::Production)
        .unwrap();
    Scene { idp, telemetry, trail, app: router.layer(stack) }
}

impl Scene {
    async fn ask(&self, method: &str, path: &str, user: Option<&str>, body: &str) -> (Response<()>, String) {
        let mut request = Request::builder().method(method).uri(path).header("host", "notes.example");
        request = request.header("content-length", body.len());
        if let Some(user) = user {
            request =
                request.header("authorization", format!("Bearer {}", self.idp.mint().user(user).token()));
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(Connection::new("192.0.2.7:4711".parse().unwrap()));
        let (parts, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, ()), String::from_utf8(body.to_vec()).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_gets_through_and_nobody_else() {
    let scene = scene().await;
    for (method, path, user, status) in [
        ("GET", "/", None, 200),
        ("GET", "/notes", None, 401),
        ("GET", "/notes", Some("bob"), 200),
        ("POST", "/notes", Some("bob"), 403),
        ("POST", "/notes", Some("alice"), 200),
        ("GET", "/nowhere", Some("alice"), 404),
        ("GET", "/nowhere", None, 401),
        ("PUT", "/notes", Some("alice"), 405),
    ] {
        let (reply, body) = scene.ask(method, path, user, "text").await;
        assert_eq!(reply.status(), status, "{method} {path} {user:?}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_hardened_counted_and_named_alike() {
    let scene = scene().await;
    let (reply, body) = scene.ask("POST", "/notes", Some("bob"), "text").await;
    assert_eq!(reply.status(), StatusCode::FORBIDDEN);
    assert_eq!(reply.headers()["x-content-type-options"], "nosniff");
    let id = reply.headers()["x-request-id"].to_str().unwrap();
    assert!(body.contains(id), "{body}");

    let event = scene.trail.events().into_iter().find(|event| event.reason.is_some()).unwrap();
    assert_eq!(event.context.request_id.unwrap().as_str(), id);
    assert!(body.contains(&event.context.trace.unwrap().trace_id_hex().to_string()), "{body}");

    let metrics = scene.telemetry.metrics_text();
    let counted = r#"http_route="/notes",http_response_status_code="403""#;
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_edge_refuses_before_any_cryptography() {
    let scene = scene().await;
    let (reply, _) = scene.ask("POST", "/notes", Some("alice"), &"x".repeat(65)).await;
    assert_eq!(reply.status(), StatusCode::PAYLOAD_TOO_LARGE, "the body is looked at first");
    assert_eq!(reply.headers()["x-content-type-options"], "nosniff");
    let mut last = StatusCode::OK;
    for _ in 0..40 {
        last = scene.ask("GET", "/notes", Some("bob"), "").await.0.status();
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let mut request =
        Request::get("/notes").header("authorization", "Bearer junk").body(Body::empty()).unwrap();
    request.extensions_mut().insert(Connection::new("192.0.2.7:4711".parse().unwrap()));
    let reply = scene.app.clone().oneshot(request).await.unwrap();
    assert_eq!(reply.status(), StatusCode::TOO_MANY_REQUESTS, "nobody looked at the token");
    let (reply, _) = scene.ask("POST", "/notes", Some("alice"), &"x".repeat(65)).await;
    assert_eq!(
        reply.status(),
        StatusCode::TOO_MANY_REQUESTS,
        "what the layers before it refuse counts as well"
    );
    assert_eq!(reply.headers()["x-content-type-options"], "nosniff");
}

#[test]
fn production_lists_every_hole() {
    let error =
        Stack::builder(PeerLayer::new(TrustedProxies::none())).build(Profile::Production).unwrap_err();
    assert_eq!(error.problems().len(), 6, "{error}");
    assert!(error.to_string().contains("AuthLayer::off()"), "{error}");
}

#[test]
fn trust_that_a_proxy_can_not_give_is_refused_in_both_profiles() {
    for profile in [Profile::Production, Profile::Development] {
        let peer = PeerLayer::new(TrustedProxies::cloudflare().client_certificate());
        let error = Stack::builder(peer).build(profile).unwrap_err();
        let field = "hardening-headers.proxies.client-certificate";
        assert!(error.problems().iter().any(|problem| problem.field == field), "{error}");
    }
}

#[test]
fn a_hole_that_is_meant_is_said() {
    let stack = Stack::builder(PeerLayer::new(TrustedProxies::none()))
        .telemetry(TelemetryLayer::off())
        .hardening(HardeningLayer::off())
        .limits(LimitsLayer::off())
        .edge_limit(EdgeLimitLayer::off())
        .authentication(AuthLayer::off())
        .authorization(AuthorizeLayer::off())
        .build(Profile::Production);
    assert!(stack.is_ok());
}

#[test]
fn production_signs_nobody_in_without_the_cross_site_check() {
    let login = Login::builder(Issuer::discover("https://id.example.com"), "web")
        .public_origin("https://notes.example.com")
        .build();
    let error = Stack::builder(PeerLayer::new(TrustedProxies::none()))
        .hardening(HardeningLayer::off())
        .login(LoginLayer::new(login.unwrap()))
        .build(Profile::Production)
        .unwrap_err();
    assert!(error.problems().iter().any(|problem| &*problem.field == "stack.hardening"), "{error}");
}

#[test]
fn authorization_without_authentication_is_refused_in_both_profiles() {
    for profile in [Profile::Production, Profile::Development] {
        let policy: PolicyHandle = POLICY.parse().unwrap();
        let error: ConfigError = Stack::builder(PeerLayer::new(TrustedProxies::none()))
            .authorization(policy.authorize_layer())
            .build(profile)
            .unwrap_err();
        assert!(error.problems().iter().any(|problem| problem.field == "stack.authentication"), "{error}");
    }
}

#[test]
fn strict_audit_without_a_sink_is_found_at_the_start() {
    let policy: PolicyHandle =
        POLICY.replace(r#""notes:write" = {}"#, r#""notes:write" = { audit = "strict" }"#).parse().unwrap();
    let error = Stack::builder(PeerLayer::new(TrustedProxies::none()))
        .authentication(AuthLayer::off())
        .authorization(policy.authorize_layer())
        .build(Profile::Development)
        .unwrap_err();
    assert!(error.to_string().contains("audit"), "{error}");
}

#[tokio::test]
async fn a_stack_that_is_all_off_adds_nothing_but_the_peer() {
    let stack = Stack::builder(PeerLayer::new(TrustedProxies::none())).build(Profile::Development).unwrap();
    let show = async |request: Request<Body>| {
        let facts = RequestFacts::of(request.extensions()).cloned().unwrap_or_default();
        format!("{:?}", facts.principal().map(Principal::subject))
    };
    let app: Router = Router::new().route("/", axum::routing::get(show)).layer(stack);
    let reply = app.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(reply.status(), StatusCode::OK);
    assert!(reply.headers().get("content-security-policy").is_none());
    assert!(reply.headers().get("x-request-id").is_some());
}

/// Inside of what catches a panic, outside of the deadline of handlers: else either would look as if the client had gone away.
#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_an_act_is_told_as_it_was() {
    let (trail, clock) = (Arc::new(RecordingAuditSink::default()), gambeson_testing::ManualClock::default());
    let policy: PolicyHandle = POLICY.parse().unwrap();
    let (router, authorize): (Router, _) = Routes::new(&policy)
        .get("/done", need("notes:read"), async || "done")
        .get("/panic", need("notes:read"), async || -> &'static str { panic!("on purpose") })
        .get("/slow", need("notes:read"), std::future::pending::<&'static str>)
        .authorize(|layer| {
            layer.authentication_from(|_: &gambeson::core::RequestHead<'_>| {
                let bob = Principal::user("https://id.example", "bob").role("viewer").build();
                Some(gambeson::core::Authentication::Verified(bob, gambeson::core::Challenges::none()))
            })
        })
        .into_parts()
        .unwrap();
    let limits = LimitsLayer::new(Limits::new()).unwrap();
    let limits = limits.clock(Arc::new(clock.clone())).timer(Arc::new(clock.clone()));
    let stack = Stack::builder(PeerLayer::new(TrustedProxies::none()))
        .hardening(Hardening::api().build().unwrap().layer())
        .limits(limits)
        .outcomes(AuditLayer::new(trail.clone()))
        .authentication(AuthLayer::off())
        .authorization(authorize)
        .build(Profile::Development)
        .unwrap();
    let app = router.layer(stack);
    for path in ["/done", "/panic", "/slow"] {
        let mut answer = std::pin::pin!(app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()));
        let early =
            std::future::poll_fn(|context| std::task::Poll::Ready(answer.as_mut().poll(context))).await;
        clock.advance(std::time::Duration::from_secs(3_600));
        let answer = match early {
            std::task::Poll::Ready(answer) => answer.unwrap(),
            std::task::Poll::Pending => answer.await.unwrap(),
        };
        answer.into_body().collect().await.unwrap();
    }
    let told: Vec<_> =
        trail.events().into_iter().map(|event| (event.outcome.as_str(), event.reason)).collect();
    let failed = |reason: &'static str| ("failed", Some(reason.into()));
    assert_eq!(told, [("success", None), failed("panicked"), failed("handler-deadline")]);
}
