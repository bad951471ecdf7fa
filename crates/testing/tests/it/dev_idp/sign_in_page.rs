//! The page, as a browser gets it, and the provider's own session.

use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{ManualClock, Timestamp};
use gambeson_testing::DevIdp;
use http::{Request, Response};

use super::web::{answered, builder, claims, form, query, redeem, start, tokens};
use crate::loopback_client::{get, json, send};

async fn press(
    idp: &DevIdp,
    changes: &[(&str, &str)],
    user: &str,
    headers: &[(&str, &str)],
) -> Response<Bytes> {
    let mut request = Request::post("/sign-in");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = form(&[("request", &query(changes)), ("user", user)]);
    send(idp.address(), request.body(body).unwrap()).await.unwrap()
}

pub(super) fn cookie(answer: &Response<Bytes>) -> String {
    let whole = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(whole.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{whole}");
    whole.split(';').next().unwrap().to_owned()
}

/// Opens the authorization endpoint with the cookie; gives the fields of the redirect, or None for the page.
async fn open(
    idp: &DevIdp,
    cookie: &str,
    changes: &[(&str, &str)],
) -> Option<std::collections::HashMap<String, String>> {
    let request = Request::get(format!("/authorize?{}", query(changes))).header("cookie", cookie);
    let answer = send(idp.address(), request.body(String::new()).unwrap()).await.unwrap();
    answer.headers().get("location").map(|to| answered(to.to_str().unwrap()))
}

/// Presses alice's button; gives the cookie.
pub(super) async fn signed_in(idp: &DevIdp) -> String {
    let answer = press(idp, &[], "alice", &[("origin", idp.issuer())]).await;
    assert_eq!(answer.status(), 303);
    cookie(&answer)
}

#[tokio::test]
async fn the_page_is_plain_and_its_policy_strict() {
    let idp = start().await;
    let answer =
        get(idp.address(), &format!("/authorize?{}", query(&[("state", "\"><script>x")]))).await.unwrap();
    let page = std::str::from_utf8(answer.body()).unwrap();
    for name in ["Alice", "Bob", "Carol", "Dave", "web", "asks for no password", "development provider"] {
        assert!(page.contains(name), "{name}: {page}");
    }
    assert!(!page.contains("<script"), "{page}");
    let policy = answer.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.contains("form-action 'self' http://127.0.0.1:3000;"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(answer.headers()["referrer-policy"], "same-origin");
}

#[tokio::test]
async fn only_the_own_page_presses_buttons() {
    let idp = start().await;
    for headers in [
        [("origin", "http://127.0.0.1:3000"), ("accept", "*/*")],
        [("origin", "null"), ("accept", "*/*")],
        [("origin", idp.issuer()), ("sec-fetch-site", "same-site")],
        [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
    ] {
        let answer = press(&idp, &[], "alice", &headers).await;
        assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (403, None), "{headers:?}");
    }
    let port = idp.address().port();
    let (host, origin) = (format!("localhost:{port}"), format!("http://localhost:{port}"));
    let own = press(&idp, &[], "alice", &[("host", &host), ("origin", &origin)]).await;
    assert_eq!(own.status(), 303, "under its other name it is its own page too");
    assert_eq!(press(&idp, &[], "mallory", &[]).await.status(), 400);
    let elsewhere = press(&idp, &[("redirect_uri", "https://evil.example/")], "alice", &[]).await;
    assert_eq!((elsewhere.status().as_u16(), elsewhere.headers().get("location")), (400, None));
}

#[tokio::test]
async fn who_is_signed_in_is_not_asked_again_unless_the_client_wants_it() {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_000));
    let idp = builder().clock(clock.clone()).start().await.unwrap();
    let cookie = signed_in(&idp).await;
    clock.advance(Duration::from_secs(100));
    let silent = open(&idp, &cookie, &[("prompt", "none")]).await.unwrap();
    let id = claims(&json(&redeem(&idp, &silent["code"], &[]).await)["id_token"]);
    assert_eq!((&id["sub"], &id["auth_time"]), (&"alice".into(), &1_000.into()));
    assert!(open(&idp, &cookie, &[]).await.unwrap().contains_key("code"));
    assert!(open(&idp, &cookie, &[("max_age", "100")]).await.is_some());
    for changes in [("prompt", "login"), ("prompt", "select_account"), ("max_age", "99"), ("max_age", "0")] {
        assert!(open(&idp, &cookie, &[changes]).await.is_none(), "{changes:?}");
    }
    let stale = open(&idp, &cookie, &[("max_age", "99"), ("prompt", "none")]).await.unwrap();
    assert_eq!(stale["error"], "login_required");
    for other in ["", "gambeson-dev-idp-1=x", "x"] {
        let nobody = open(&idp, other, &[("prompt", "none")]).await.unwrap();
        assert_eq!(nobody["error"], "login_required", "{other}");
    }
    clock.advance(Duration::from_secs(12 * 3_600));
    assert_eq!(open(&idp, &cookie, &[("prompt", "none")]).await.unwrap()["error"], "login_required");
}

#[tokio::test]
async fn the_client_can_name_whom_it_expects() {
    let idp = start().await;
    let cookie = signed_in(&idp).await;
    let alice = tokens(&idp, &[]).await["id_token"].as_str().unwrap().to_owned();
    let hint = |token: &str| [("prompt", "none".to_owned()), ("id_token_hint", token.to_owned())];
    let by = async |fields: [(&str, String); 2]| {
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        open(&idp, &cookie, &fields).await.unwrap()
    };
    assert!(by(hint(&alice)).await.contains_key("code"));
    let bob = idp.mint().user("bob").typ("JWT").expired().token();
    assert_eq!(by(hint(&bob)).await["error"], "login_required");
    let forged = idp.mint().user("alice").typ("JWT").foreign_key().token();
    assert_eq!(by(hint(&forged)).await["error"], "invalid_request");
}
