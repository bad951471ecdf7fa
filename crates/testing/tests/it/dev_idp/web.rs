//! A web app that signs people in, and what it asks for.

use std::collections::HashMap;

use bytes::Bytes;
use gambeson_testing::{DevClient, DevIdp, DevIdpBuilder};
use http::{Request, Response};
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::loopback_client::{json, post, send};

pub(crate) const CALLBACK: &str = "http://127.0.0.1:3000/callback";
pub(crate) const HOME: &str = "http://127.0.0.1:3000/";
/// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A provider that knows a confidential client `web` and a public one, `spa`.
pub(crate) fn builder() -> DevIdpBuilder {
    let web =
        DevClient::confidential("web", "web-secret").redirect_uri(CALLBACK).post_logout_redirect_uri(HOME);
    DevIdp::builder().audience("notes").client(web).client(DevClient::public("spa").redirect_uri(CALLBACK))
}

pub(crate) async fn start() -> DevIdp {
    builder().start().await.unwrap()
}

/// The parameters with these in place of the usual ones; an empty one is left out.
pub(crate) fn query(changes: &[(&str, &str)]) -> String {
    let usual = [
        ("response_type", "code"),
        ("client_id", "web"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid profile email"),
        ("state", "the-state"),
        ("nonce", "the-nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let mut fields: Vec<(&str, &str)> = usual.into();
    fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    fields.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    form(&fields)
}

pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

pub(crate) fn authorize_url(idp: &DevIdp, changes: &[(&str, &str)]) -> String {
    format!("{}/authorize?{}", idp.issuer(), query(changes))
}

/// The parameters of an answer to the client.
pub(crate) fn answered(location: &str) -> HashMap<String, String> {
    assert!(location.starts_with(CALLBACK), "{location}");
    Url::parse(location).unwrap().query_pairs().into_owned().collect()
}

pub(crate) fn code(idp: &DevIdp, changes: &[(&str, &str)]) -> String {
    answered(&idp.sign_in(&authorize_url(idp, changes), "alice").unwrap())["code"].clone()
}

/// Exchanges a code, with these fields in place of the usual ones.
pub(crate) async fn redeem(idp: &DevIdp, code: &str, changes: &[(&str, &str)]) -> Response<Bytes> {
    let usual = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("client_id", "web"),
        ("client_secret", "web-secret"),
        ("code_verifier", VERIFIER),
    ];
    let mut fields: Vec<(&str, &str)> = usual.into();
    fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    fields.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    post(idp.address(), "/token", &form(&fields)).await
}

pub(crate) async fn refresh(idp: &DevIdp, token: &str) -> Response<Bytes> {
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("client_id", "web"),
        ("client_secret", "web-secret"),
    ];
    post(idp.address(), "/token", &form(&fields)).await
}

/// Signs alice in and gives her tokens.
pub(crate) async fn tokens(idp: &DevIdp, changes: &[(&str, &str)]) -> Value {
    let answer = redeem(idp, &code(idp, changes), &[]).await;
    assert_eq!(answer.status(), 200, "{:?}", answer.body());
    json(&answer)
}

pub(crate) async fn userinfo(idp: &DevIdp, token: &str) -> Response<Bytes> {
    let request = Request::get("/userinfo").header("authorization", format!("Bearer {token}"));
    send(idp.address(), request.body(String::new()).unwrap()).await.unwrap()
}

/// The error code of a refused token request.
pub(crate) fn error(answer: &Response<Bytes>) -> (u16, String) {
    (answer.status().as_u16(), json(answer)["error"].as_str().unwrap_or_default().to_owned())
}

pub(crate) fn claims(token: &Value) -> Value {
    jsonwebtoken::dangerous::insecure_decode::<Value>(token.as_str().unwrap()).unwrap().claims
}
