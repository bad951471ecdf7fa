//! RP-initiated logout.

use bytes::Bytes;
use gambeson_testing::DevIdp;
use http::{Request, Response};

use super::sign_in_page::signed_in;
use super::web::{HOME, answered, error, form, query, redeem, refresh, start, tokens, userinfo};
use crate::loopback_client::{json, send};

async fn logout(idp: &DevIdp, cookie: &str, fields: &[(&str, &str)]) -> Response<Bytes> {
    let request = Request::get(format!("/logout?{}", form(fields))).header("cookie", cookie);
    send(idp.address(), request.body(String::new()).unwrap()).await.unwrap()
}

async fn confirm(idp: &DevIdp, cookie: &str, origin: &str) -> Response<Bytes> {
    let request = Request::post("/logout").header("cookie", cookie).header("origin", origin);
    send(idp.address(), request.body("confirm=yes&request=".to_owned()).unwrap()).await.unwrap()
}

async fn is_signed_in(idp: &DevIdp, cookie: &str) -> bool {
    fields(idp, cookie).await.contains_key("code")
}

async fn fields(idp: &DevIdp, cookie: &str) -> std::collections::HashMap<String, String> {
    let request =
        Request::get(format!("/authorize?{}", query(&[("prompt", "none")]))).header("cookie", cookie);
    let answer = send(idp.address(), request.body(String::new()).unwrap()).await.unwrap();
    answered(answer.headers()["location"].to_str().unwrap())
}

#[tokio::test]
async fn with_a_hint_nobody_is_asked() {
    let idp = start().await;
    let cookie = signed_in(&idp).await;
    let given = json(&redeem(&idp, &fields(&idp, &cookie).await["code"], &[]).await);
    let hint = given["id_token"].as_str().unwrap();
    let back = [("id_token_hint", hint), ("post_logout_redirect_uri", HOME), ("state", "bye & thanks")];
    let answer = logout(&idp, &cookie, &back).await;
    assert_eq!(
        (answer.status(), &answer.headers()["location"]),
        (
            303.try_into().unwrap(),
            &format!("{HOME}?state=bye+%26+thanks").parse::<http::HeaderValue>().unwrap()
        )
    );
    assert!(answer.headers()["set-cookie"].to_str().unwrap().ends_with("Max-Age=0"));
    assert!(!is_signed_in(&idp, &cookie).await);
    let again = refresh(&idp, given["refresh_token"].as_str().unwrap()).await;
    assert_eq!(error(&again), (400, "invalid_grant".to_owned()));
    assert_eq!(userinfo(&idp, given["access_token"].as_str().unwrap()).await.status(), 401);
    assert_eq!(logout(&idp, &cookie, &back).await.status(), 303, "who is signed out already comes back too");
}

#[tokio::test]
async fn offline_access_outlives_the_session() {
    let idp = start().await;
    let given = tokens(&idp, &[("scope", "openid offline_access")]).await;
    logout(&idp, "", &[("id_token_hint", given["id_token"].as_str().unwrap())]).await;
    assert_eq!(refresh(&idp, given["refresh_token"].as_str().unwrap()).await.status(), 200);
}

#[tokio::test]
async fn places_and_hints_that_are_not_known_are_refused() {
    let idp = start().await;
    let cookie = signed_in(&idp).await;
    let hint = tokens(&idp, &[]).await["id_token"].as_str().unwrap().to_owned();
    let forged = idp.mint().user("alice").typ("JWT").tampered().token();
    for fields in [
        vec![("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", "https://evil.example/")],
        vec![("id_token_hint", &hint), ("post_logout_redirect_uri", "http://127.0.0.1:3000")],
        vec![("id_token_hint", &hint), ("client_id", "spa")],
        vec![("post_logout_redirect_uri", HOME)],
        vec![("id_token_hint", &forged)],
    ] {
        let answer = logout(&idp, &cookie, &fields).await;
        assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (400, None), "{fields:?}");
    }
    assert!(is_signed_in(&idp, &cookie).await);
}

#[tokio::test]
async fn without_a_hint_the_person_is_asked() {
    let idp = start().await;
    let cookie = signed_in(&idp).await;
    let asked = logout(&idp, &cookie, &[("client_id", "web"), ("post_logout_redirect_uri", HOME)]).await;
    assert!(std::str::from_utf8(asked.body()).unwrap().contains("name=\"confirm\""));
    assert!(is_signed_in(&idp, &cookie).await);
    assert_eq!(confirm(&idp, &cookie, "https://evil.example").await.status(), 403);
    assert!(is_signed_in(&idp, &cookie).await);
    assert_eq!(confirm(&idp, &cookie, idp.issuer()).await.status(), 200);
    assert!(!is_signed_in(&idp, &cookie).await);
}
