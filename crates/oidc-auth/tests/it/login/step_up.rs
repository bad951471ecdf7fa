//! A browser's log-in that is not enough for what it wants to do.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_oidc_auth::{LoginLayer, RequireAcr, RequireLayer};
use gambeson_testing::Fault;
use http::{Method, Request, Response, StatusCode, header};
use tower::{Layer, ServiceExt, service_fn};

use super::browser::{App, Browser, ORIGIN, Scene, location, parameter, refusal, who};

/// An app all of whose routes ask for this.
async fn ask(scene: &Scene, guard: &RequireLayer, request: Request<()>) -> Response<Bytes> {
    let login = LoginLayer::new(scene.builder().build().unwrap());
    login.layer(guard.layer(service_fn(who))).oneshot(request).await.unwrap()
}

fn navigation(browser: &Browser, url: &str) -> Request<()> {
    let mut request = browser.request(Method::GET, url);
    request.headers_mut().insert(header::ACCEPT, "text/html".parse().unwrap());
    request.headers_mut().insert("sec-fetch-mode", "navigate".parse().unwrap());
    request.headers_mut().insert("sec-fetch-dest", "document".parse().unwrap());
    request
}

/// A log-in that may ask for two contexts.
fn listing(scene: &Scene) -> App {
    App(LoginLayer::new(scene.builder().acr_values(["phr", "phrh"]).build().unwrap()))
}

#[tokio::test]
async fn an_old_log_in_becomes_a_fresh_one_and_goes_back_to_where_it_was_wanted() {
    let scene = Scene::new().await;
    let app = scene.app();
    let guard =
        RequireAcr::fresh(Duration::from_secs(300)).clock(Arc::new(scene.clock.clone())).log_in("/login");
    let mut browser = Browser::default();
    browser.sign_in(&scene, &app, "alice").await;
    let first = browser.cookies["session"].clone();
    assert_eq!(ask(&scene, &guard, navigation(&browser, "/pay?to=bob")).await.body(), "alice");

    scene.clock.advance(Duration::from_secs(331));
    let script = browser.request(Method::GET, "/pay?to=bob");
    assert_eq!(ask(&scene, &guard, script).await.status(), StatusCode::UNAUTHORIZED, "a script gets its 401");
    let sent = ask(&scene, &guard, navigation(&browser, "/pay?to=bob")).await;
    assert_eq!(sent.status(), StatusCode::SEE_OTHER);
    let login = location(&sent);
    assert_eq!(login, "/login?return_to=%2Fpay%3Fto%3Dbob&max_age=300");

    let at_provider = browser.leave(&app, &login).await;
    assert_eq!(parameter(&at_provider, "max_age").as_deref(), Some("300"));
    let back = scene.idp.sign_in(&at_provider, "alice").unwrap();
    let signed_in = browser.get(&app, &back).await;
    assert_eq!(location(&signed_in), format!("{ORIGIN}/pay?to=bob"));
    assert_ne!(browser.cookies["session"], first, "more rights, another id");
    assert_eq!(ask(&scene, &guard, navigation(&browser, "/pay?to=bob")).await.body(), "alice");
    let mut old = Browser::default();
    old.cookies.insert("session".into(), first);
    assert_eq!(old.who(&app).await, "nobody", "the old id is over");
}

#[tokio::test]
async fn a_provider_that_is_asked_how_old_the_log_in_is_must_say_it() {
    let scene = Scene::new().await;
    let app = scene.app();
    scene.idp.fault(Fault::NoAuthTime);
    let mut browser = Browser::default();
    assert_eq!(location(&browser.sign_in(&scene, &app, "alice").await), format!("{ORIGIN}/"), "nobody asked");
    let at_provider = browser.leave(&app, "/login?max_age=300").await;
    let back = scene.idp.sign_in(&at_provider, "alice").unwrap();
    assert_eq!(refusal(&browser.get(&app, &back).await), (400, "login-failed".into()));
    scene.idp.fault(Fault::None);
    let at_provider = browser.leave(&app, "/login?max_age=300").await;
    let back = scene.idp.sign_in(&at_provider, "alice").unwrap();
    assert_eq!(location(&browser.get(&app, &back).await), format!("{ORIGIN}/"));
}

#[tokio::test]
async fn the_contexts_that_would_do_go_to_the_provider() {
    let scene = Scene::new().await;
    let app = listing(&scene);
    let guard = RequireAcr::one_of(["phr", "phrh"]).log_in("/login");
    let mut browser = Browser::default();
    let stranger = ask(&scene, &guard, navigation(&browser, "/pay")).await;
    assert_eq!(
        location(&stranger),
        "/login?return_to=%2Fpay&acr_values=phr+phrh",
        "nobody logs in well at once"
    );
    browser.sign_in(&scene, &app, "alice").await;
    let sent = ask(&scene, &guard, navigation(&browser, "/pay")).await;
    let at_provider = browser.leave(&app, &location(&sent)).await;
    assert_eq!(parameter(&at_provider, "acr_values").as_deref(), Some("phr phrh"));
    let post = browser.request(Method::POST, "/pay");
    assert_eq!(
        ask(&scene, &guard, post).await.status(),
        StatusCode::UNAUTHORIZED,
        "a form is not sent twice"
    );
}

#[tokio::test]
async fn an_address_asks_for_no_context_that_the_app_does_not_know() {
    let scene = Scene::new().await;
    let app = listing(&scene);
    for (query, refused) in [
        ("acr_values=0", true),
        ("acr_values=phr+0", true),
        ("acr_values=phrh+phr", false),
        ("max_age=9", false),
    ] {
        let answer = Browser::default().get(&app, &format!("/login?{query}")).await;
        if refused {
            assert_eq!(refusal(&answer), (400, "login-failed".into()), "{query}");
        } else {
            location(&answer);
        }
    }
    let answer = Browser::default().get(&scene.app(), "/login?acr_values=phr").await;
    assert_eq!(refusal(&answer), (400, "login-failed".into()), "none is listed");
}

#[tokio::test]
async fn a_provider_that_does_not_do_what_was_asked_signs_nobody_in_and_sends_nobody_round() {
    let scene = Scene::new().await;
    let app = listing(&scene);
    let mut browser = Browser::default();
    browser.sign_in(&scene, &app, "alice").await;
    // The provider knows no contexts, and the ID token has no `acr`.
    let url = browser.leave(&app, "/login?acr_values=phr&return_to=/pay").await;
    let back = scene.idp.sign_in(&url, "alice").unwrap();
    assert_eq!(refusal(&browser.get(&app, &back).await), (400, "login-failed".into()));
    assert_eq!(browser.who(&app).await, "alice", "who is signed in stays so");
}

#[tokio::test]
async fn what_no_log_in_meets_is_no_reason_to_log_in() {
    let scene = Scene::new().await;
    let guard = RequireAcr::one_of([""; 0]).log_in("/login");
    let mut browser = Browser::default();
    browser.sign_in(&scene, &scene.app(), "alice").await;
    let answer = ask(&scene, &guard, navigation(&browser, "/pay")).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}
