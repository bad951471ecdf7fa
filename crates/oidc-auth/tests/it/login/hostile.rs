//! What others try.

use gambeson_testing::Fault;
use http::{Method, header};

use super::browser::{Browser, ORIGIN, Scene, location, parameter, refusal, with_parameter};

const NOT_STARTED: &str = "login-not-started";

#[tokio::test]
async fn an_answer_counts_once_and_in_its_own_browser() {
    let scene = Scene::new().await;
    let (app, mut alice, mut victim) = (scene.app(), Browser::default(), Browser::default());
    let url = alice.leave(&app, "/login").await;
    let back = scene.idp.sign_in(&url, "alice").unwrap();
    // Log-in CSRF: the victim's browser is led to somebody's answer.
    victim.leave(&app, "/login").await;
    assert_eq!(refusal(&victim.get(&app, &back).await), (400, NOT_STARTED.into()));
    assert_eq!(victim.who(&app).await, "nobody");
    let kept = alice.clone();
    location(&alice.get(&app, &back).await);
    assert_eq!(refusal(&alice.get(&app, &back).await), (400, NOT_STARTED.into()), "replay");
    // With the cookie copied before: the provider takes no code twice.
    let mut copy = kept;
    assert_eq!(refusal(&copy.get(&app, &back).await), (400, "login-failed".into()));
}

#[tokio::test]
async fn state_code_and_issuer_belong_together() {
    let scene = Scene::new().await;
    let app = scene.app();
    let mut browser = Browser::default();
    let url = browser.leave(&app, "/login").await;
    let back = scene.idp.sign_in(&url, "alice").unwrap();
    let state = parameter(&back, "state").unwrap();
    let changed = |name, value: Option<&str>| with_parameter(&back, name, value);
    let same_mark = format!("{}{}", &state[..11], "A".repeat(32));
    let junk = "=".repeat(43);
    for (url, status, slug) in [
        (changed("state", None), 400, NOT_STARTED),
        (changed("state", Some("")), 400, NOT_STARTED),
        (changed("state", Some(&same_mark)), 400, NOT_STARTED),
        (changed("state", Some(&junk)), 400, NOT_STARTED),
        (changed("state", Some("../../etc")), 400, NOT_STARTED),
        (format!("{back}&state={state}"), 400, "login-response"),
        (format!("{back}&code=x"), 400, "login-response"),
        (changed("iss", Some("https://evil.example")), 400, "login-response"),
        (changed("iss", None), 400, "login-response"),
        (changed("code", None), 400, "login-response"),
        (changed("code", Some("made-up")), 400, "login-failed"),
    ] {
        let mut copy = browser.clone();
        let answer = copy.get(&app, &url).await;
        assert_eq!(refusal(&answer), (status, slug.into()), "{url}");
        assert!(!copy.cookies.contains_key("session"));
    }
    // Code injection: a code of another attempt, though of the same person, fits neither verifier nor nonce.
    let mut other = Browser::default();
    let url = other.leave(&app, "/login").await;
    let theirs = scene.idp.sign_in(&url, "bob").unwrap();
    let injected = changed("code", Some(&parameter(&theirs, "code").unwrap()));
    assert_eq!(refusal(&browser.get(&app, &injected).await), (400, "login-failed".into()));
    assert!(scene.store.is_empty());
}

#[tokio::test]
async fn no_fault_of_the_provider_signs_anybody_in() {
    let scene = Scene::new().await;
    let app = scene.app();
    for (fault, status, slug) in [
        (Fault::WrongNonce, 400, "login-failed"),
        (Fault::WrongAudience, 400, "login-failed"),
        (Fault::WrongIdTokenIssuer, 400, "login-failed"),
        (Fault::WrongAtHash, 400, "login-failed"),
        (Fault::WrongKid, 400, "login-failed"),
        (Fault::WrongResponseIssuer, 400, "login-response"),
        (Fault::NoResponseIssuer, 400, "login-response"),
        (Fault::WrongState, 400, NOT_STARTED),
        (Fault::TokenError, 503, "login-unavailable"),
        (Fault::Html, 503, "login-unavailable"),
        (Fault::Redirect, 503, "login-unavailable"),
        (Fault::Down, 503, "login-unavailable"),
    ] {
        let mut browser = Browser::default();
        let url = browser.leave(&app, "/login").await;
        scene.idp.fault(fault);
        let back = scene.idp.sign_in(&url, "alice").unwrap();
        let answer = browser.get(&app, &back).await;
        scene.idp.fault(Fault::None);
        assert_eq!(refusal(&answer), (status, slug.into()), "{fault:?}");
        assert!(!answer.headers().contains_key(header::RETRY_AFTER), "the same answer counts once");
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        for secret in ["nonce", "audience", "iss", "kid", "at_hash", "127.0.0.1"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(!browser.cookies.contains_key("session"), "{fault:?}");
    }
    assert!(scene.store.is_empty());
    assert!(!scene.events().iter().any(|event| event.starts_with("login success")));
}

#[tokio::test]
async fn a_provider_that_is_down_is_told_and_asked_again() {
    let scene = Scene::new().await;
    let app = scene.app();
    scene.idp.fault(Fault::ServerError);
    let mut browser = Browser::default();
    for _ in 0..20 {
        let answer = browser.get(&app, "/login").await;
        assert_eq!(refusal(&answer), (503, "login-unavailable".into()));
        assert!(answer.headers().contains_key(header::RETRY_AFTER));
    }
    let asked = scene.idp.requests("/.well-known/openid-configuration");
    assert!(asked <= 3, "{asked} requests for 20 visits (one of the keys', one of the log-in's)");
    scene.idp.fault(Fault::None);
    scene.clock.advance(std::time::Duration::from_secs(3));
    browser.leave(&app, "/login").await;
}

#[tokio::test]
async fn a_cancelled_log_in_is_told_kindly() {
    let scene = Scene::new().await;
    let app = scene.app();
    for (error, status, slug) in [
        ("access_denied", 403, "login-denied"),
        ("server_error", 503, "login-unavailable"),
        ("temporarily_unavailable", 503, "login-unavailable"),
        ("invalid_scope", 400, "login-failed"),
        ("<script>alert(1)</script>", 400, "login-failed"),
    ] {
        let mut browser = Browser::default();
        let url = browser.leave(&app, "/login").await;
        let state = parameter(&url, "state").unwrap();
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("error", error)
            .append_pair("error_description", "<b>you</b>")
            .append_pair("state", &state)
            .append_pair("iss", scene.idp.issuer())
            .finish();
        let mut request = browser.request(Method::GET, &format!("/login/callback?{query}"));
        let mut page = browser.request(Method::GET, &format!("/login/callback?{query}"));
        page.headers_mut().insert(header::ACCEPT, "text/html".parse().unwrap());
        let page = app.ask(page).await;
        assert!(!String::from_utf8_lossy(page.body()).contains("<script>"));
        assert!(!String::from_utf8_lossy(page.body()).contains("<b>"));
        request.headers_mut().insert(header::ACCEPT, "*/*".parse().unwrap());
        assert_eq!(refusal(&browser.send(&app, request).await), (status, slug.into()), "{error}");
        assert!(browser.cookies.is_empty(), "the attempt is over");
    }
}

#[tokio::test]
async fn nobody_is_sent_elsewhere() {
    let scene = Scene::new().await;
    let app = scene.app();
    for (asked, gone_to) in [
        ("/notes", "/notes"),
        ("%2Fnotes%3Fa%3Db%26c", "/notes?a=b&c"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("%2F%2Fevil.example", "/"),
        ("/%5Cevil.example", "/"),
        ("/%09/evil.example", "/"),
        ("/%0d%0aSet-Cookie:%20session=x", "/"),
        ("javascript:alert(1)", "/"),
        ("/login", "/"),
        ("/login?return_to=/x", "/"),
        ("/logout", "/"),
        ("/a&return_to=/b", "/"),
        ("@evil.example", "/"),
        (".evil.example", "/"),
    ] {
        let mut browser = Browser::default();
        let url = browser.leave(&app, &format!("/login?return_to={asked}")).await;
        let back = scene.idp.sign_in(&url, "alice").unwrap();
        assert_eq!(location(&browser.get(&app, &back).await), format!("{ORIGIN}{gone_to}"), "{asked}");
    }
}

#[tokio::test]
async fn the_host_of_a_request_decides_nothing() {
    let scene = Scene::new().await;
    let app = scene.app();
    let browser = Browser::default();
    let mut request = browser.request(Method::GET, "/login");
    for name in ["host", "x-forwarded-host", "x-original-host", "forwarded"] {
        request.headers_mut().insert(name, "evil.example".parse().unwrap());
    }
    assert!(!location(&app.ask(request).await).contains("evil"));
}

#[tokio::test]
async fn a_log_in_is_a_navigation_and_a_log_out_a_form_of_this_site() {
    let scene = Scene::new().await;
    let (app, mut browser) = (scene.app(), Browser::default());
    browser.sign_in(&scene, &app, "alice").await;
    let with = |method, path, name, value: &str| {
        let mut request = browser.request(method, path);
        request.headers_mut().insert(http::HeaderName::from_static(name), value.parse().unwrap());
        request
    };
    for (method, path, name, value, status, slug) in [
        (Method::GET, "/login", "sec-fetch-mode", "cors", 403, "navigation-only"),
        (Method::GET, "/login", "sec-fetch-mode", "no-cors", 403, "navigation-only"),
        (Method::GET, "/login", "sec-fetch-dest", "iframe", 403, "navigation-only"),
        (Method::GET, "/login", "sec-purpose", "prefetch", 403, "navigation-only"),
        (Method::POST, "/login", "x-a", "b", 405, "method-not-allowed"),
        (Method::POST, "/login/callback", "x-a", "b", 405, "method-not-allowed"),
        (Method::GET, "/logout", "x-a", "b", 405, "method-not-allowed"),
        (Method::HEAD, "/logout", "x-a", "b", 405, "method-not-allowed"),
        (Method::POST, "/logout", "sec-fetch-site", "cross-site", 403, "cross-site-logout"),
        (Method::POST, "/logout", "sec-fetch-site", "same-site", 403, "cross-site-logout"),
        (Method::POST, "/logout", "origin", "https://evil.example", 403, "cross-site-logout"),
        (Method::POST, "/logout", "origin", "null", 403, "cross-site-logout"),
    ] {
        let answer = app.ask(with(method, path, name, value)).await;
        assert_eq!(refusal(&answer), (status, slug.into()), "{path} {name}: {value}");
        assert_eq!(answer.headers().contains_key(header::ALLOW), status == 405);
    }
    assert_eq!(browser.clone().who(&app).await, "alice", "none of them ended the session");
    for (name, value) in [("sec-fetch-site", "same-origin"), ("origin", ORIGIN)] {
        let mut browser = Browser::default();
        browser.sign_in(&scene, &app, "bob").await;
        let mut request = browser.request(Method::POST, "/logout");
        request.headers_mut().insert(http::HeaderName::from_static(name), value.parse().unwrap());
        location(&browser.send(&app, request).await);
        assert_eq!(browser.who(&app).await, "nobody");
    }
}

#[tokio::test]
async fn who_is_not_signed_in_may_log_out() {
    let scene = Scene::new().await;
    let (app, mut browser) = (scene.app(), Browser::default());
    assert_eq!(location(&browser.post(&app, "/logout").await), format!("{ORIGIN}/"));
}

#[tokio::test]
async fn a_planted_session_does_not_become_a_signed_in_one() {
    let scene = Scene::new().await;
    let app = scene.app();
    let mut mallory = Browser::default();
    mallory.sign_in(&scene, &app, "dave").await;
    let planted = mallory.cookies["session"].clone();
    for cookie in [planted.clone(), "A".repeat(43), "junk".into()] {
        let mut victim = Browser::default();
        victim.cookies.insert("session".into(), cookie.clone());
        victim.sign_in(&scene, &app, "alice").await;
        assert_ne!(victim.cookies["session"], cookie, "the id rotates");
        assert_eq!(victim.who(&app).await, "alice");
        assert_eq!(mallory.who(&app).await, "nobody", "and the old session is over");
    }
}

#[tokio::test]
async fn tossed_and_torn_cookies_count_for_nothing() {
    let scene = Scene::new().await;
    let (app, mut browser) = (scene.app(), Browser::default());
    browser.sign_in(&scene, &app, "alice").await;
    let id = browser.cookies["session"].clone();
    let mut flipped = id.clone().into_bytes();
    flipped[0] = if flipped[0] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let long = "A".repeat(100_000);
    for cookie in [
        format!("session={id}; session={id}"),
        format!("session={flipped}; session={id}"),
        format!("session={flipped}"),
        format!("session=\"{id}\""),
        format!("session={id}="),
        format!("Session={id}"),
        format!("session={long}"),
        "session=".into(),
        "session".into(),
        ";;;=;=".into(),
    ] {
        let mut request = Browser::default().request(Method::GET, "/notes");
        request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        assert_eq!(app.ask(request).await.body(), "nobody", "{cookie:.60}");
    }
    assert_eq!(browser.who(&app).await, "alice");
}

#[tokio::test]
async fn ten_thousand_strangers_cost_no_memory() {
    let scene = Scene::new().await;
    let app = scene.app();
    for _ in 0..10_000 {
        Browser::default().leave(&app, "/login").await;
    }
    assert!(scene.store.is_empty());
    assert_eq!(scene.idp.requests("/token"), 0);
    assert!(
        scene.idp.requests("/.well-known/openid-configuration") <= 2,
        "the document is asked for once, and once for keys"
    );
    assert!(scene.events().is_empty());
}
