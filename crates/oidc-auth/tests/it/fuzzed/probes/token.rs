//! Any text as a token: what is accepted is what a second reader accepts too, and `explain` says so.

use std::sync::LazyLock;

use gambeson_core::Principal;
use gambeson_oidc_auth::{CacheConfig, ClaimNames, TokenProfile, Verdict, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::key::{ISSUER, ISSUERS, NOW, decode, key_set, object, verifier_of};

/// As it is by default, with the cache of verified tokens.
static STRICT: LazyLock<Verifier> = LazyLock::new(|| verifier_of(&key_set()).build().unwrap());

/// For issuers of tokens that don't say what they are, with claims at other places, and without the cache.
static LENIENT: LazyLock<Verifier> = LazyLock::new(|| {
    let mut names = ClaimNames::default();
    names.roles = "/realm_access/roles".into();
    let builder = verifier_of(&key_set()).profile(TokenProfile::JwtLenient).claims(names);
    builder.cache(CacheConfig::off()).build().unwrap()
});

static SECOND: LazyLock<DecodingKey> = LazyLock::new(|| {
    let jwk = serde_json::from_value(ISSUERS.public()).unwrap();
    DecodingKey::from_jwk(&jwk).unwrap()
});

pub(crate) fn probe(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(judge)
}

/// Whether one of the verifiers accepts the token.
pub(super) fn judge(token: &str) -> bool {
    [&*STRICT, &*LENIENT].map(|verifier| judge_by(verifier, token)).contains(&true)
}

fn judge_by(verifier: &Verifier, token: &str) -> bool {
    let outcome = verifier.verify(token);
    assert_eq!(verifier.verify(token).is_ok(), outcome.is_ok(), "asked twice, answered otherwise");
    let explained = verifier.explain(token);
    let shown = explained.to_string();
    let failed = explained.steps().iter().any(|step| step.verdict == Verdict::Failed);
    match &outcome {
        Ok(principal) => {
            assert!(explained.is_accepted() && !failed, "accepted, but explained as refused: {shown}");
            check(token, principal);
        }
        // Blanks and the scheme around a token are taken off for people, not for requests.
        Err(_) if explained.is_accepted() => {
            assert_ne!(bare(token), token, "refused, but explained as accepted");
        }
        Err(error) => {
            assert!(failed, "refused for no reason: {shown}");
            let told = format!("{error} {error:?}");
            assert!(told.len() < 8_192, "a refusal of {} bytes", told.len());
        }
    }
    outcome.is_ok()
}

fn bare(token: &str) -> &str {
    let token = token.trim();
    match token.split_at_checked(7) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer ") => rest.trim(),
        _ => token,
    }
}

/// All that an accepted token has to be, by another reader's eyes.
fn check(token: &str, principal: &Principal) {
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3);
    let part = |index: usize| decode(parts[index]).expect("base64url");
    if let Some(claims) = object(&part(1)) {
        check_claims(&claims, principal);
    }
    let Some(header) = object(&part(0)) else { return };
    for unknown in ["crit", "b64", "zip"] {
        assert!(header.get(unknown).is_none(), "{unknown}");
    }
    let known = ["alg", "typ", "kid"];
    let others = header.as_object().unwrap().keys().any(|name| !known.contains(&name.as_str()));
    // jsonwebtoken reads members of the header that nothing here depends on, and knows no name of RFC 9864.
    if !others && header["alg"] == "EdDSA" {
        check_by_another(token);
    } else {
        assert!(header["alg"] == "EdDSA" || header["alg"] == "Ed25519", "{header}");
    }
}

fn check_claims(claims: &Value, principal: &Principal) {
    assert_eq!(claims["iss"], ISSUER);
    let aud = &claims["aud"];
    assert!(aud == "api" || aud.as_array().is_some_and(|list| list.contains(&"api".into())), "{aud}");
    let seconds = |name: &str| claims.get(name).map(|value| value.as_i64().expect("a whole number"));
    assert!(seconds("exp").expect("exp") > NOW - 30);
    for begin in ["iat", "nbf"] {
        assert!(seconds(begin).is_none_or(|at| at <= NOW + 30), "{begin}");
    }
    let life = seconds("exp").map(|exp| i128::from(exp) - i128::from(seconds("iat").unwrap_or(NOW)));
    assert!(life.is_some_and(|life| life <= 86_400), "lives for {life:?} s");
    assert_eq!(claims["sub"], principal.subject());
    assert!(!principal.subject().is_empty() && claims.get("cnf").is_none());
}

/// Times are compared above: jsonwebtoken has a clock of its own.
fn check_by_another(token: &str) {
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&["api"]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    rules.validate_exp = false;
    let outcome = jsonwebtoken::decode::<IgnoredAny>(token, &SECOND, &rules);
    assert!(outcome.is_ok(), "accepted, but jsonwebtoken says {:?}", outcome.err());
}
