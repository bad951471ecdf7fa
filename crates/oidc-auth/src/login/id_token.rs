//! What an ID token must be beyond what every token must be (OpenID Connect Core 1.0 §3.1.3.7).

use std::net::IpAddr;

use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gambeson_core::Principal;

use super::random::Random;
use crate::algorithm::Algorithm;
use crate::error::{Reason, TokenError};
use crate::jwt::{Claims, Compact, Header};
use crate::policy::{Policy, TokenKind};
use crate::verifier::Verifier;

/// What the rest of the log-in knows of the token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// The nonce of the attempt; `None` at a refresh, where the token need not repeat it (§12.2).
    pub(super) nonce: Option<&'a Random>,
    pub(super) client_id: &'a str,
    /// Others that the token may be for as well.
    pub(super) trusted: &'a [Box<str>],
    pub(super) access_token: &'a str,
    /// What the provider signs ID tokens with, where it says.
    pub(super) algorithms: Option<&'a [String]>,
}

/// Verifies the algorithm, signature, `iss`, `aud`, `exp`, `iat` with the verifier's machinery, then `azp`, `nonce` and `at_hash`.
pub(super) async fn verify(
    verifier: &Verifier,
    token: &str,
    expected: Expected<'_>,
    client: Option<IpAddr>,
) -> Result<Principal, TokenError> {
    check_algorithm(token, TokenKind::Id, expected.algorithms)?;
    let principal = verifier.verify_or_wait(token, client).await?;
    let payload = principal.claims().unwrap_or_default();
    let claims = Claims::read(payload, verifier.policy())?;
    check_party(&claims, expected)?;
    if let Some(nonce) = expected.nonce {
        check_nonce(&claims, nonce)?;
    }
    check_access_token(token, &claims, expected.access_token)?;
    Ok(principal)
}

/// Signed as the provider says that it signs ID tokens (item 7, and Back-Channel Logout 1.0 §2.6): a key that it publishes for
/// something else vouches for nobody. RFC 8414's documents don't say, and then the keys alone decide.
pub(super) fn check_algorithm(
    token: &str,
    kind: TokenKind,
    listed: Option<&[String]>,
) -> Result<(), TokenError> {
    let Some(listed) = listed else { return Ok(()) };
    let algorithm = Header::read(&Compact::split(token)?.header()?, kind)?.algorithm;
    if listed.iter().any(|name| Algorithm::from_name(name) == Some(algorithm)) {
        return Ok(());
    }
    let text = format!(
        "alg is {}, and the provider's id_token_signing_alg_values_supported is {listed:?}",
        algorithm.name()
    );
    Err(TokenError::with(Reason::Algorithm, text))
}

/// What the ID token of a refresh keeps of the one before (§12.2).
pub(super) fn check_kept(before: &str, now: &str, policy: &Policy) -> Result<(), TokenError> {
    let (before, now) = (Claims::read(before, policy)?, Claims::read(now, policy)?);
    let changed =
        |what: &str| Err(TokenError::with(Reason::Purpose, format!("{what} changed at the refresh")));
    if before.text("iss")? != now.text("iss")? || before.text("sub")? != now.text("sub")? {
        return changed("iss or sub");
    }
    let audiences = now.texts("aud")?;
    if !before.texts("aud")?.all(|aud| audiences.clone().any(|now| now == aud)) {
        return changed("aud");
    }
    if before.text("azp")?.is_some_and(|party| now.text("azp").ok().flatten() != Some(party)) {
        return changed("azp");
    }
    if let (Some(before), Some(now)) = (before.seconds("auth_time"), now.seconds("auth_time"))
        && before != now
    {
        return changed("auth_time");
    }
    match now.members().get("nonce") {
        Some(nonce) if before.members().get("nonce") != Some(nonce) => changed("nonce"),
        _ => Ok(()),
    }
}

/// A token for several parties: each must be known, and it must say that it was made for this one (§3.1.3.7, items 3 to 5).
fn check_party(claims: &Claims<'_>, expected: Expected<'_>) -> Result<(), TokenError> {
    let client_id = expected.client_id;
    let known = |aud: &str| aud == client_id || expected.trusted.iter().any(|trusted| **trusted == *aud);
    if let Some(stranger) = claims.texts("aud")?.find(|aud| !known(aud)) {
        let text =
            format!("aud names {stranger:?} too: if it is no stranger, see LoginBuilder::trusted_audiences");
        return Err(TokenError::with(Reason::Audience, text));
    }
    let several = claims.texts("aud")?.len() > 1;
    match claims.text("azp")? {
        Some(party) if party == client_id => Ok(()),
        None if !several => Ok(()),
        got => Err(TokenError::with(Reason::Audience, format!("azp is {got:?}, wanted {client_id:?}"))),
    }
}

fn check_nonce(claims: &Claims<'_>, nonce: &Random) -> Result<(), TokenError> {
    match claims.text("nonce")?.and_then(Random::read) {
        Some(got) if got.same(nonce) => Ok(()),
        _ => Err(TokenError::with(Reason::Purpose, "nonce is not that of this log-in")),
    }
}

/// `at_hash` (§3.1.3.6): the left half of the digest that the signature's algorithm uses.
fn check_access_token(token: &str, claims: &Claims<'_>, access_token: &str) -> Result<(), TokenError> {
    let Some(got) = claims.text("at_hash")? else { return Ok(()) };
    let header = Header::read(&Compact::split(token)?.header()?, TokenKind::Id)?;
    let algorithm = match header.algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => &SHA256,
        Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Es384 => &SHA384,
        Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::Es512 | Algorithm::Ed25519 => &SHA512,
    };
    let digest = digest::digest(algorithm, access_token.as_bytes());
    let half = digest.as_ref().get(..digest.as_ref().len() / 2).unwrap_or_default();
    match URL_SAFE_NO_PAD.encode(half) == got {
        true => Ok(()),
        false => Err(TokenError::with(Reason::Purpose, "at_hash is not that of the access token")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::Issuer;

    #[test]
    fn a_token_for_others_too_is_taken_where_they_are_known() {
        let issuer = Issuer::static_keys("https://id.example", r#"{"keys":[]}"#);
        let verifier = Verifier::builder(issuer).audience("notes").for_id_tokens().build().unwrap();
        let project: [Box<str>; 1] = ["project".into()];
        let taken = |claims: &str, trusted: &[Box<str>]| {
            let claims = Claims::read(claims, verifier.policy()).unwrap();
            let expected =
                Expected { nonce: None, client_id: "notes", trusted, access_token: "", algorithms: None };
            check_party(&claims, expected).is_ok()
        };
        assert!(taken(r#"{"aud":"notes"}"#, &[]) && taken(r#"{"aud":["notes"],"azp":"notes"}"#, &[]));
        assert!(!taken(r#"{"aud":"notes","azp":"other"}"#, &[]));
        let both = r#"{"aud":["notes","project"],"azp":"notes"}"#;
        assert!(!taken(both, &[]), "of a stranger's, too");
        assert!(taken(both, &project));
        assert!(!taken(r#"{"aud":["notes","project"]}"#, &project), "for whom was it made?");
        assert!(!taken(r#"{"aud":["notes","project","x"],"azp":"notes"}"#, &project));
    }

    #[test]
    fn signed_only_as_the_provider_says() {
        let token = |alg: &str| {
            let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}"}}"#));
            format!("{header}.e30.AA")
        };
        let taken = |alg: &str, listed: Option<&[&str]>| {
            let listed = listed.map(|listed| listed.iter().map(ToString::to_string).collect::<Vec<_>>());
            let kinds = [TokenKind::Id, TokenKind::Logout];
            kinds.map(|kind| check_algorithm(&token(alg), kind, listed.as_deref()).is_ok())
        };
        assert_eq!(taken("ES256", None), [true; 2], "it does not say");
        assert_eq!(taken("ES256", Some(&["RS256", "ES256"])), [true; 2]);
        assert_eq!(taken("Ed25519", Some(&["EdDSA"])), [true; 2], "two names");
        assert_eq!(taken("ES256", Some(&["RS256", "es256", "HS256"])), [false; 2]);
        assert_eq!(taken("ES256", Some(&[])), [false; 2]);
        assert_eq!(taken("HS256", Some(&["HS256"])), [false; 2], "never");
    }

    fn kept(before: &str, now: &str) -> bool {
        let issuer = Issuer::static_keys("https://i", r#"{"keys":[]}"#);
        let verifier = Verifier::builder(issuer).audience("web").for_id_tokens().build().unwrap();
        check_kept(before, now, verifier.policy()).is_ok()
    }

    #[test]
    fn a_refreshed_token_is_of_the_same_log_in() {
        let before = r#"{"iss":"i","sub":"a","aud":["web","api"],"azp":"web","auth_time":5,"nonce":"n"}"#;
        for good in [
            before,
            r#"{"iss":"i","sub":"a","aud":["api","web"],"azp":"web"}"#,
            r#"{"iss":"i","sub":"a","aud":["api","more","web"],"azp":"web","auth_time":5}"#,
        ] {
            assert!(kept(before, good), "{good}");
        }
        for bad in [
            r#"{"iss":"j","sub":"a","aud":["web","api"],"azp":"web"}"#,
            r#"{"iss":"i","sub":"b","aud":["web","api"],"azp":"web"}"#,
            r#"{"iss":"i","sub":"a","aud":"web","azp":"web"}"#,
            r#"{"iss":"i","sub":"a","aud":["web","api"]}"#,
            r#"{"iss":"i","sub":"a","aud":["web","api"],"azp":"web","auth_time":6}"#,
            r#"{"iss":"i","sub":"a","aud":["web","api"],"azp":"web","nonce":"m"}"#,
            r#"{"iss":"i","sub":"a","aud":["web","api"],"azp":"web","nonce":1}"#,
        ] {
            assert!(!kept(before, bad), "{bad}");
        }
        assert!(!kept(
            r#"{"iss":"i","sub":"a","aud":"w"}"#,
            r#"{"iss":"i","sub":"a","aud":"w","nonce":"n"}"#
        ));
    }
}
