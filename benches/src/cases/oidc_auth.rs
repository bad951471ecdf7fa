//! Tokens: their signatures, and the layer that remembers them.

use std::hint::black_box;

use aws_lc_rs::digest;
use aws_lc_rs::signature::ParsedPublicKey;
use gambeson_oidc_auth::{AuthLayer, CacheConfig, Issuer, Verifier};
use http::{Request, StatusCode};
use tower::Layer;

use crate::drive::{NoBody, Recycle, recycled, recycling};
use crate::token::{self, Token};
use crate::{Case, Kind, Run};

const CRATE: &str = "oidc-auth";

pub(super) fn cases() -> Vec<Case> {
    let verify = |name, ours: fn() -> Run, raw: fn() -> Run| {
        Case::new(CRATE, name, Kind::Part).peer("aws-lc-rs", raw).gambeson(ours)
    };
    vec![
        verify("verify_rs256", || verified(token::rs256()), || raw(token::rs256())).timed_only(),
        verify("verify_es256", || verified(token::es256()), || raw(token::es256())).timed_only(),
        verify("verify_ed25519", || verified(token::ed25519()), || raw(token::ed25519())).timed_only(),
        Case::new(CRATE, "layer_cached_token", Kind::Pass)
            .bare(|| recycled(|app| app, vec![request(&token::ed25519())], StatusCode::OK))
            .gambeson(|| {
                let token = token::ed25519();
                let layer = AuthLayer::new(verifier(&token, CacheConfig::default()));
                recycled(|app| layer.layer(app), vec![request(&token)], StatusCode::OK)
            })
            .peer("sha256_token", || {
                let token = token::ed25519().text;
                Box::new(move || {
                    black_box(digest::digest(&digest::SHA256, black_box(token.as_bytes())));
                })
            }),
        Case::new(CRATE, "layer_reject", Kind::Reject)
            .bare(|| recycled(|app| app, vec![request(&token::ed25519())], StatusCode::OK))
            .gambeson(|| {
                let token = token::ed25519();
                let layer = AuthLayer::new(verifier(&token, CacheConfig::default()));
                let junk =
                    || Request::get("/").header("authorization", "Bearer e30.e30.c2ln").body(NoBody::new());
                let junk = move || junk().expect("a request");
                recycling(layer.layer(Recycle::default()), junk, StatusCode::UNAUTHORIZED)
            }),
        Case::new(CRATE, "layer_miss", Kind::Miss)
            .bare(|| recycled(|app| app, vec![request(&token::ed25519())], StatusCode::OK))
            .gambeson(|| {
                let token = token::ed25519();
                let layer = AuthLayer::new(verifier(&token, CacheConfig::off()));
                recycled(|app| layer.layer(app), vec![request(&token)], StatusCode::OK)
            })
            .timed_only(),
    ]
}

pub(crate) fn verifier(token: &Token, cache: CacheConfig) -> Verifier {
    let issuer = Issuer::static_keys(token::ISSUER, token.jwks.clone());
    Verifier::builder(issuer).audience(token::AUDIENCE).cache(cache).build().expect("valid settings")
}

pub(crate) fn request(token: &Token) -> Request<NoBody> {
    let bearer = format!("Bearer {}", token.text);
    Request::get("/notes").header("authorization", bearer).body(NoBody::new()).expect("a request")
}

fn verified(token: Token) -> Run {
    let verifier = verifier(&token, CacheConfig::off());
    assert_eq!(verifier.verify(&token.text).expect("a good token").subject(), "alice", "the case passes");
    Box::new(move || {
        black_box(verifier.verify(black_box(&token.text)).is_ok());
    })
}

/// The check of the signature alone, with a key that was parsed before.
fn raw(token: Token) -> Run {
    let key = ParsedPublicKey::new(token.algorithm, &token.public).expect("a key");
    let (message, signature) = (token.signed().to_owned(), token.signature.clone());
    assert!(key.verify_sig(message.as_bytes(), &signature).is_ok(), "the signature is good");
    Box::new(move || {
        black_box(key.verify_sig(black_box(message.as_bytes()), &signature).is_ok());
    })
}
