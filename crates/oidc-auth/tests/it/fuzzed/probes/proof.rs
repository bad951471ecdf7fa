//! DPoP proofs, signed by the very key that the token is bound to: whatever else is wrong with one, it does not pass.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use gambeson_core::RequestFacts;
use gambeson_oidc_auth::dpop::MemoryReplay;
use gambeson_oidc_auth::{AuthLayer, Dpop, Verifier};
use http::{Request, Response, StatusCode, Uri, header};
use serde_json::Value;
use tower::{Layer, ServiceExt, service_fn};
use url::Url;

use super::key::{CLIENTS, NOW, bound_token, key_set, line, object, sha256, verifier_of};

pub(super) const ORIGIN: &str = "https://api.example.com";

static TOKEN: LazyLock<String> = LazyLock::new(bound_token);
static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| verifier_of(&key_set()).build().unwrap());

pub(crate) fn probe(bytes: &[u8]) -> bool {
    let (path, rest) = line(bytes);
    let (header, payload) = line(rest);
    let Ok(uri) = Uri::try_from(path) else { return false };
    let (header, payload) = (filled(header), filled(payload));
    let proof = CLIENTS.signed(&header, &payload);
    let layer = AuthLayer::required(VERIFIER.clone()).dpop(dpop());
    let status = ask(&layer, &uri, &proof);
    if status != StatusCode::OK {
        assert!(matches!(status.as_u16(), 400 | 401 | 503), "{status}");
        return false;
    }
    check_header(&header);
    check_payload(&payload, &uri);
    assert_eq!(ask(&layer, &uri, &proof), StatusCode::UNAUTHORIZED, "a proof that is good twice");
    true
}

/// Checks of proofs that have seen none yet.
pub(super) fn dpop() -> Dpop {
    Dpop::at(ORIGIN).replay(Arc::new(MemoryReplay::with_capacity(16))).build().unwrap()
}

/// Puts in the key and the token's digest, which mutation would never hit upon.
fn filled(bytes: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text
            .replace("@jwk@", &CLIENTS.public().to_string())
            .replace("@ath@", &sha256(TOKEN.as_bytes()))
            .into_bytes(),
        Err(_) => bytes.to_vec(),
    }
}

fn ask(layer: &AuthLayer, uri: &Uri, proof: &str) -> StatusCode {
    let request = Request::get(uri.clone()).header(header::AUTHORIZATION, format!("DPoP {}", *TOKEN));
    answer(layer, request.header("dpop", proof).body(()).unwrap()).status()
}

/// What the layer answers before an app that says who calls. Nothing in it waits.
pub(super) fn answer(layer: &AuthLayer, request: Request<()>) -> Response<Bytes> {
    let app = service_fn(async |request: Request<()>| {
        let facts = RequestFacts::of(request.extensions()).cloned().unwrap_or_default();
        let who = facts.principal().map_or("nobody".to_owned(), |who| who.subject().to_owned());
        Ok::<_, Infallible>(Response::new(Bytes::from(who)))
    });
    super::login::wait_for(layer.layer(app).oneshot(request)).unwrap()
}

fn check_header(header: &[u8]) {
    let Some(header) = object(header) else { return };
    assert!(header["typ"].as_str().is_some_and(|typ| typ.eq_ignore_ascii_case("dpop+jwt")));
    assert!(header["alg"] == "EdDSA" || header["alg"] == "Ed25519");
    let own = CLIENTS.public();
    assert!(["crv", "kty", "x"].iter().all(|name| header["jwk"][name] == own[name]), "another key");
    assert!(["d", "k", "p"].iter().all(|name| header["jwk"].get(name).is_none()), "a private key");
    assert!(["crit", "b64", "zip"].iter().all(|name| header.get(name).is_none()));
}

fn check_payload(payload: &[u8], uri: &Uri) {
    let Some(claims) = object(payload) else { return };
    assert_eq!(claims["htm"], "GET");
    assert_eq!(claims["ath"], sha256(TOKEN.as_bytes()));
    assert!(claims["jti"].as_str().is_some_and(|jti| !jti.is_empty()));
    let age = claims["iat"].as_i64().expect("a whole number").abs_diff(NOW);
    assert!(age < 60, "{age} s off");
    check_place(&claims["htu"], uri);
}

/// The address is the request's to whoever reads it, as browsers do for one.
fn check_place(htu: &Value, uri: &Uri) {
    let target = Url::parse(htu.as_str().expect("a text")).expect("an address");
    let asked = Url::parse(&format!("{ORIGIN}{}", uri.path())).expect("an address");
    assert_eq!((target.scheme(), target.host_str(), target.port()), ("https", asked.host_str(), None));
    assert_eq!((target.username(), target.password()), ("", None));
    assert_eq!(unescaped(target.path()), unescaped(asked.path()));
}

fn unescaped(path: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let hex = others.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &others[2..];
            }
            None => {
                out.push(*first);
                rest = others;
            }
        }
    }
    out
}
