//! Fields of a request through the whole layer: it answers 200, 400, 401 or 503, and its challenges can be read.

use std::sync::LazyLock;

use bytes::Bytes;
use gambeson_oidc_auth::{AuthLayer, Verifier};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};

use super::key::{CLIENTS, NOW, bound_token, good_token, key_set, sha256, verifier_of};
use super::proof::{ORIGIN, answer, dpop};

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| verifier_of(&key_set()).build().unwrap());
static TOKEN: LazyLock<String> = LazyLock::new(good_token);
static BOUND: LazyLock<String> = LazyLock::new(bound_token);
static PROOF: LazyLock<String> = LazyLock::new(|| {
    let jwk = CLIENTS.public();
    let header = format!(r#"{{"alg":"EdDSA","jwk":{jwk},"typ":"dpop+jwt"}}"#);
    let ath = sha256(BOUND.as_bytes());
    let payload = format!(r#"{{"ath":"{ath}","htm":"GET","htu":"{ORIGIN}/notes","iat":{NOW},"jti":"1"}}"#);
    CLIENTS.signed(header.as_bytes(), payload.as_bytes())
});

const DPOP: HeaderName = HeaderName::from_static("dpop");

pub(crate) fn probe(bytes: &[u8]) -> bool {
    let fields: Vec<(HeaderName, HeaderValue)> =
        bytes.split(|byte| *byte == b'\n').take(8).filter_map(field).collect();
    let required = AuthLayer::required(VERIFIER.clone()).dpop(dpop()).realm("notes");
    let optional = AuthLayer::new(VERIFIER.clone());
    let told = answer(&required, request(&fields));
    check(&told, &fields);
    // Without DPoP the same, but for those who bring nothing.
    let other = answer(&optional, request(&fields));
    check(&other, &fields);
    if other.body() == "nobody" {
        assert!(told.status() == StatusCode::UNAUTHORIZED, "let in without a credential");
    }
    told.status() == StatusCode::OK
}

/// One line as a field: `dpop:` is a proof, the rest credentials.
fn field(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = match line.strip_prefix(b"dpop:") {
        Some(value) => (DPOP, value),
        None => (header::AUTHORIZATION, line),
    };
    let value = match std::str::from_utf8(value) {
        Ok(text) => {
            let text = text.replace("@token@", &TOKEN).replace("@bound@", &BOUND);
            text.replace("@proof@", &PROOF).into_bytes()
        }
        Err(_) => value.to_vec(),
    };
    Some((name, HeaderValue::from_bytes(&value).ok()?))
}

fn request(fields: &[(HeaderName, HeaderValue)]) -> Request<()> {
    let mut request = Request::get("/notes").body(()).unwrap();
    request.headers_mut().extend(fields.iter().cloned());
    request
}

fn check(told: &Response<Bytes>, fields: &[(HeaderName, HeaderValue)]) {
    let credentials = || fields.iter().filter(|(name, _)| *name == header::AUTHORIZATION);
    let challenges: Vec<&[u8]> =
        told.headers().get_all(header::WWW_AUTHENTICATE).iter().map(HeaderValue::as_bytes).collect();
    match told.status().as_u16() {
        200 => {
            assert!(challenges.is_empty());
            if told.body() != "nobody" {
                assert_eq!((told.body().as_ref(), credentials().count()), (&b"alice"[..], 1));
            }
        }
        400 | 401 => {
            let schemes: Vec<&str> = challenges.iter().map(|value| scheme(value)).collect();
            let all = [&["Bearer"][..], &["DPoP"], &["Bearer", "DPoP"]];
            assert!(all.contains(&schemes.as_slice()), "{schemes:?}");
        }
        status => assert_eq!(status, 503),
    }
    if told.status() != StatusCode::OK {
        check_problem(told);
    }
}

/// Nobody's credential comes back.
fn check_problem(told: &Response<Bytes>) {
    assert_eq!(told.headers()[header::CONTENT_TYPE], "application/problem+json");
    let problem: serde_json::Value = serde_json::from_slice(told.body()).expect("a problem document");
    assert_eq!(problem["status"], told.status().as_u16());
    let body = String::from_utf8_lossy(told.body());
    for sent in [&*TOKEN, &*BOUND, &*PROOF] {
        assert!(!body.contains(sent), "the credential stands in the answer");
    }
}

/// The scheme of one challenge (RFC 9110 §11.6.1), of which all parameters can be read and none stands twice.
fn scheme(value: &[u8]) -> &str {
    let text = std::str::from_utf8(value).expect("ASCII");
    let (scheme, mut rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut names = Vec::new();
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").expect("name and value");
        let (value, others) = value.split_once('"').expect("a closed quote");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{text}");
        assert!(!value.contains('\\') && !names.contains(&name), "{text}");
        names.push(name);
        rest = others.strip_prefix(", ").unwrap_or(others);
    }
    scheme
}
