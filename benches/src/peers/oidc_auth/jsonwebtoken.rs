//! jsonwebtoken, over the same cryptography.

use std::hint::black_box;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;

use crate::Run;
use crate::token::{self, Token};

pub(super) const NAME: &str = "jsonwebtoken";

pub(super) fn rs256() -> Run {
    decoded(token::rs256(), Algorithm::RS256)
}

pub(super) fn es256() -> Run {
    decoded(token::es256(), Algorithm::ES256)
}

pub(super) fn ed25519() -> Run {
    decoded(token::ed25519(), Algorithm::EdDSA)
}

/// As a resource server uses it: the header says which key.
fn decoded(token: Token, algorithm: Algorithm) -> Run {
    let keys: JwkSet = serde_json::from_str(&token.jwks).expect("keys");
    let keys = keys.keys.iter().map(|key| {
        let id = key.common.key_id.clone().expect("a key has a name");
        (id, DecodingKey::from_jwk(key).expect("a key"))
    });
    let keys: Vec<(String, DecodingKey)> = keys.collect();
    let mut rules = Validation::new(algorithm);
    rules.set_audience(&[token::AUDIENCE]);
    rules.set_issuer(&[token::ISSUER]);
    let verify = move |token: &str| {
        let wanted = decode_header(token).ok()?.kid?;
        let (_, key) = keys.iter().find(|(id, _)| *id == wanted)?;
        decode::<Value>(token, key, &rules).ok().map(|token| token.claims)
    };
    assert_eq!(verify(&token.text).expect("a good token")["sub"], "alice", "the peer accepts it too");
    assert!(verify(&token.forged()).is_none(), "the peer refuses a forgery");
    Box::new(move || {
        black_box(verify(black_box(&token.text)));
    })
}
