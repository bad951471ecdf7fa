//! The app as its callers meet it.

use axum::body::Body;
use gambeson::hardening_headers::Connection;
use gambeson::{PlaceState, Protected};
use http::header::{COOKIE, LOCATION, SET_COOKIE};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

struct Scene {
    idp: DevIdp,
    stack: Stack,
    app: Protected,
    _data: tempfile::TempDir,
}

impl Scene {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config::from_path(format!("{HERE}/gambeson.toml")).unwrap();
        config.audit_trail.directory = Some(data.path().to_owned());
        let idp = develop(&mut config, "127.0.0.1:0").await.unwrap();
        let kit = Kit::open(&config).await.unwrap();
        let (stack, router) = app(&kit).unwrap();
        Self { idp, app: stack.protect(router), stack, _data: data }
    }

    async fn ask(&self, method: Method, path: &str, user: Option<&str>) -> Response<Body> {
        let mut headers = vec![("host", "127.0.0.1:3000".to_owned())];
        if let Some(user) = user {
            headers.push(("authorization", format!("Bearer {}", self.idp.mint().user(user).token())));
        }
        self.send(method, path, &headers).await
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, String)]) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, value);
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
async fn every_place_of_the_stack_is_taken() {
    let report = Scene::start().await.stack.report();
    // Its callers are people with tokens and sessions: no service shows a certificate.
    let off: Vec<_> = report.places.iter().filter(|place| place.state != PlaceState::On).collect();
    assert!(off.iter().map(|place| place.layer).eq(["CertificateLayer"]), "{report}");
    let weak: Vec<_> = report.weaknesses().collect();
    assert!(weak.iter().all(|(_, what)| what.contains("plain http")), "{weak:?}");
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
async fn an_editor_may_shout_until_the_budget_is_spent() {
    let scene = Scene::start().await;
    for _ in 0..2 {
        let answer = scene.ask(Method::POST, "/hello", Some("alice")).await;
        assert_eq!(text(answer).await, "HELLO ALICE!\n");
    }
    let refused = scene.ask(Method::POST, "/hello", Some("alice")).await;
    assert_eq!(refused.status(), StatusCode::PAYMENT_REQUIRED);
}

#[tokio::test]
async fn a_caller_who_asks_too_often_waits() {
    let scene = Scene::start().await;
    for _ in 0..30 {
        assert_eq!(scene.ask(Method::GET, "/hello", Some("bob")).await.status(), StatusCode::OK);
    }
    let refused = scene.ask(Method::GET, "/hello", Some("bob")).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(scene.ask(Method::GET, "/hello", Some("alice")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn strangers_hosts_and_pages_are_refused() {
    let scene = Scene::start().await;
    let foreign = scene.send(Method::GET, "/", &[("host", "evil.example".to_owned())]).await;
    assert_eq!(foreign.status(), StatusCode::MISDIRECTED_REQUEST);
    let own = ("host", "127.0.0.1:3000".to_owned());
    let cross_site = [own, ("origin", "https://evil.example".to_owned()), ("cookie", "a=b".to_owned())];
    let refused = scene.send(Method::POST, "/hello", &cross_site).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_browser_signs_in() {
    let scene = Scene::start().await;
    let begun = scene.ask(Method::GET, "/login", None).await;
    let at_provider = begun.headers()[LOCATION].to_str().unwrap();
    let back = scene.idp.sign_in(at_provider, "bob").unwrap();
    let back = back.strip_prefix("http://127.0.0.1:3000").unwrap();
    let headers = [("host", "127.0.0.1:3000".to_owned()), (COOKIE.as_str(), cookies(&begun))];
    let signed_in = scene.send(Method::GET, back, &headers).await;
    let session = cookies(&signed_in);
    let headers = [("host", "127.0.0.1:3000".to_owned()), (COOKIE.as_str(), session)];
    assert_eq!(text(scene.send(Method::GET, "/hello", &headers).await).await, "Hello bob.\n");
}

/// What a browser would send back of what it was told to keep.
fn cookies(answer: &Response<Body>) -> String {
    let set = answer.headers().get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    let kept = set.filter_map(|cookie| cookie.split(';').next()).filter(|cookie| !cookie.ends_with('='));
    kept.collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn production_says_at_once_what_it_wants() {
    let data = tempfile::tempdir().unwrap();
    let mut config = Config::from_path(format!("{HERE}/gambeson.toml")).unwrap();
    config.audit_trail.directory = Some(data.path().to_owned());
    config.oidc_auth.issuer = "http://127.0.0.1:3001".to_owned();
    let said = Kit::open(&config).await.unwrap_err().to_string();
    for part in ["oidc-auth.issuer", "https", "oidc-auth.login.public-origin", "client-secret"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}
