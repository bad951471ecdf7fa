//! The app as its callers meet it.

use axum::body::Body;
use gambeson::hardening_headers::Connection;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

struct Scene {
    idp: DevIdp,
    app: Router,
    _data: tempfile::TempDir,
}

impl Scene {
    async fn start() -> Self {
        let idp = DevIdp::builder().bind("127.0.0.1:0").audience("hello").start().await.unwrap();
        let data = tempfile::tempdir().unwrap();
        let trail = AuditTrail::open(data.path(), &Config::default()).unwrap();
        let telemetry = Telemetry::builder("hello-hardened", "1").routes(AxumRoute).build().unwrap();
        let app = app(Profile::Development, idp.issuer(), &trail, &telemetry).unwrap();
        Self { idp, app, _data: data }
    }

    async fn ask(&self, method: Method, path: &str, user: Option<&str>) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:3000");
        if let Some(user) = user {
            let token = self.idp.mint().user(user).token();
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(Connection::new("127.0.0.1:40000".parse().unwrap()));
        self.app.clone().oneshot(request).await.unwrap()
    }
}

async fn text(answer: Response<Body>) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn the_front_door_is_open_and_hardened() {
    let scene = Scene::start().await;
    let answer = scene.ask(Method::GET, "/", None).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn nobody_is_greeted_without_a_token() {
    let scene = Scene::start().await;
    let answer = scene.ask(Method::GET, "/hello", None).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(answer.headers().contains_key("www-authenticate"));
    assert!(answer.headers().contains_key("content-security-policy"));
}

#[tokio::test]
async fn a_viewer_is_greeted_and_may_not_shout() {
    let scene = Scene::start().await;
    let greeted = scene.ask(Method::GET, "/hello", Some("bob")).await;
    assert_eq!(text(greeted).await, "Hello bob.\n");
    let refused = scene.ask(Method::POST, "/hello", Some("bob")).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_editor_may_shout() {
    let scene = Scene::start().await;
    let answer = scene.ask(Method::POST, "/hello", Some("alice")).await;
    assert_eq!(text(answer).await, "HELLO ALICE!\n");
}

#[tokio::test]
async fn production_wants_a_real_issuer() {
    let data = tempfile::tempdir().unwrap();
    let trail = AuditTrail::open(data.path(), &Config::default()).unwrap();
    let telemetry = Telemetry::builder("hello-hardened", "1").routes(AxumRoute).build().unwrap();
    let error = app(Profile::Production, "http://127.0.0.1:3001", &trail, &telemetry).unwrap_err();
    assert!(error.to_string().contains("https"), "{error}");
}
