//! The app as a browser meets it.

use axum::body::Bytes;
use axum::http::Request;
use gambeson::core::{Spawn, TokioSpawn};
use gambeson::hardening_headers::Connection;
use gambeson_testing::Browser;
use gambeson_testing::rp::{Given, Outcome, RelyingParty, Running, Suite};

use super::*;

/// The app on a port of its own, with the provider that it is told.
async fn start(given: Given) -> Result<Running, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let settings = Settings {
        issuer: given.issuer().to_owned(),
        client_id: given.client_id().to_owned(),
        client_secret: given.client_secret().to_owned(),
        origin: origin.clone(),
        profile: Profile::Development,
    };
    let app = app(&settings)?;
    let (guard, dropped) = tokio::sync::oneshot::channel::<()>();
    let told_to_end = async { drop(dropped.await) };
    TokioSpawn::new()
        .spawn(Box::pin(async { drop(serve(listener, app, Server::new().shutdown(told_to_end)).await) }));
    Ok(Running::at(origin).keep(guard))
}

#[tokio::test]
async fn it_passes_the_official_tests_of_relying_parties() {
    let report = Suite::new(RelyingParty::new("/private")).run(start).await.unwrap();
    assert!(report.is_passed(), "{report}");
    assert_eq!(report.outcome("oidcc-client-test"), Some(Outcome::Passed), "{report}");
    assert_eq!(report.outcome("oidcc-client-test-rp-init-logout"), Some(Outcome::Passed), "{report}");
}

/// As a container or systemd ends it. Without the handler the signal ends this test.
#[cfg(unix)]
#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let told = told_to_end().unwrap();
    let own = std::process::id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &own]).status().unwrap().success());
    told.await;
}

/// A browser before the app.
async fn visit() -> (DevIdp, Browser) {
    let (settings, idp) = develop("127.0.0.1:0").await.unwrap();
    let here = Connection::new("127.0.0.1:40000".parse().unwrap());
    (idp, Browser::new().app(&settings.origin, app(&settings).unwrap()).extension(here))
}

#[tokio::test]
async fn a_stranger_signs_in_and_comes_back_to_where_they_were() {
    let (_idp, mut browser) = visit().await;
    assert!(browser.open("/").await.unwrap().text().contains("Sign in"));
    let page = browser.sign_in("/private", "alice").await.unwrap();
    assert_eq!(page.url(), "http://127.0.0.1:3003/private");
    assert!(page.text().contains("Only alice sees this."));
    assert_eq!(
        page.headers()["cache-control"],
        "no-store",
        "the back button shows nothing after the log-out"
    );
    assert!(page.headers().contains_key("content-security-policy"));
}

#[tokio::test]
async fn signing_out_ends_the_session_also_for_who_kept_the_cookie() {
    let (_idp, mut browser) = visit().await;
    browser.sign_in("/login", "alice").await.unwrap();
    let mut kept = browser.clone();
    assert!(browser.open("/").await.unwrap().text().contains("Sign out"));
    let foreign =
        Request::post("/logout").header("origin", "https://evil.example").body(Bytes::new()).unwrap();
    assert_eq!(browser.ask(foreign).await.unwrap().status(), 403);
    let page = browser.submit("/logout", &[]).await.unwrap();
    assert_eq!((page.status().as_u16(), page.url()), (200, "http://127.0.0.1:3003/"));
    assert_eq!(browser.cookie("session"), None);
    assert_eq!(kept.look("/private").await.unwrap().status(), 303);
}

#[tokio::test]
async fn the_cookie_is_out_of_every_script_s_reach() {
    let (_idp, mut browser) = visit().await;
    browser.sign_in("/login", "alice").await.unwrap();
    assert!(browser.cookie("session").is_some());
    assert_eq!(browser.script_cookies(), "");
}
