//! The messages of a first hour: each names what was got, what was wanted, and the cure.

use gambeson_oidc_auth::TokenError;
use serde_json::{Value, json};

use crate::fake_issuer::{START, claims, claims_with, static_verifier};
use crate::signer::Signer;

fn error(claim: &str, value: Value) -> TokenError {
    let signer = Signer::es256("k");
    let token = signer.token(&claims_with(claim, value));
    static_verifier(&[&signer]).build().unwrap().verify(&token).unwrap_err()
}

#[test]
fn the_first_hours_mistakes_are_named() {
    let audience = error("aud", json!("other")).to_string();
    assert!(audience.contains("other") && audience.contains("api"), "{audience}");
    let slash = error("iss", json!("https://id.example/")).to_string();
    assert!(slash.contains("trailing slash"), "{slash}");
    let issuer = error("iss", json!("https://other.example")).to_string();
    assert!(issuer.contains("other.example") && issuer.contains("https://id.example"), "{issuer}");
    let skew = error("iat", json!(START + 90)).to_string();
    assert!(skew.contains("90 s in the future") && skew.contains("clock"), "{skew}");
    let expired = error("exp", json!(START - 90)).to_string();
    assert!(expired.contains("90 s ago"), "{expired}");
    let (signer, header) = (Signer::es256("k"), json!({"alg": "ES256", "typ": "JWT", "kid": "k"}));
    let plain = signer.token_of(&header.to_string(), &claims().to_string());
    let typ = static_verifier(&[&signer]).build().unwrap().verify(&plain).unwrap_err().to_string();
    assert!(typ.contains("\"JWT\"") && typ.contains("at+jwt") && typ.contains("JwtLenient"), "{typ}");
}

#[test]
fn what_strangers_write_is_cut_and_escaped() {
    let long = error("aud", json!("x".repeat(5_000))).to_string();
    assert!(long.contains("xxx") && long.len() < 700, "{long}");
    for (claim, value) in [("aud", "\u{1b}[2J\n"), ("exp", "\u{1b}[2J\n")] {
        let text = error(claim, json!(value)).to_string();
        assert!(!text.contains('\u{1b}') && !text.contains('\n'), "{text}");
    }
}
