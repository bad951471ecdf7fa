//! The two keys of the probes, the same in each run: the issuer's and a client's.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gambeson_core::{ManualClock, Timestamp};
use gambeson_oidc_auth::{Issuer, Verifier, VerifierBuilder};
use serde_json::{Value, json};

pub(super) const ISSUER: &str = "https://id.example";
/// The moment at which all is looked at.
pub(super) const NOW: i64 = 1_795_000_000;

/// A key of which the private half is as public as this file.
pub(super) struct Key(Ed25519KeyPair);

pub(super) static ISSUERS: LazyLock<Key> = LazyLock::new(|| Key::of(7));
pub(super) static CLIENTS: LazyLock<Key> = LazyLock::new(|| Key::of(9));

impl Key {
    fn of(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    /// The members that make the key.
    pub(super) fn public(&self) -> Value {
        json!({"crv": "Ed25519", "kty": "OKP", "x": encode(self.0.public_key().as_ref())})
    }

    /// RFC 7638 §3: a map of serde_json keeps its names in order.
    pub(super) fn thumbprint(&self) -> String {
        sha256(self.public().to_string().as_bytes())
    }

    pub(super) fn signed(&self, header: &[u8], payload: &[u8]) -> String {
        let signed = format!("{}.{}", encode(header), encode(payload));
        let signature = encode(self.0.sign(signed.as_bytes()).as_ref());
        format!("{signed}.{signature}")
    }
}

/// The claims of a good token.
pub(super) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "api", "sub": "alice", "client_id": "web", "jti": "1",
        "iat": NOW, "exp": NOW + 300, "scope": "notes:read",
    })
}

pub(super) fn good_token() -> String {
    issued(&claims())
}

/// A token that is bound to the client's key.
pub(super) fn bound_token() -> String {
    let mut claims = claims();
    claims["cnf"] = json!({"jkt": CLIENTS.thumbprint()});
    issued(&claims)
}

fn issued(claims: &Value) -> String {
    ISSUERS.signed(br#"{"alg":"EdDSA","kid":"k","typ":"at+jwt"}"#, claims.to_string().as_bytes())
}

/// The issuer's key set.
pub(super) fn key_set() -> String {
    let mut jwk = ISSUERS.public();
    jwk["kid"] = json!("k");
    json!({"keys": [jwk]}).to_string()
}

/// A verifier with this key set.
pub(super) fn verifier_of(key_set: &str) -> VerifierBuilder {
    let issuer = Issuer::static_keys(ISSUER, key_set);
    Verifier::builder(issuer).audience("api").clock(Arc::new(clock()))
}

pub(super) fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_unix_seconds(NOW))
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// The first line, and all that is behind it.
pub(super) fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

/// The JSON object that a part of an accepted token must be to any reader. Numbers beyond a double and halves of a surrogate
/// pair, in members that nobody reads, are what readers differ on (RFC 8259 §6, §8.2).
pub(super) fn object(bytes: &[u8]) -> Option<Value> {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => {
            assert!(value.is_object(), "accepted, but no object: {value}");
            Some(value)
        }
        Err(error) => {
            let told = error.to_string();
            let known = ["number out of range", "hex escape"].iter().any(|words| told.contains(words));
            assert!(known, "accepted, but not JSON: {error}");
            None
        }
    }
}
