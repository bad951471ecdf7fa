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
use crate::policy::TokenKind;
use crate::verifier::Verifier;

/// What the rest of the log-in knows of the token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// The nonce of the attempt; `None` at a refresh, where the token need not repeat it (§12.2).
    pub(super) nonce: Option<&'a Random>,
    pub(super) client_id: &'a str,
    pub(super) access_token: &'a str,
}

/// Verifies signature, `iss`, `aud`, `exp`, `iat` with the verifier's machinery, then `azp`, `nonce` and `at_hash`.
pub(super) async fn verify(
    verifier: &Verifier,
    token: &str,
    expected: Expected<'_>,
    client: Option<IpAddr>,
) -> Result<Principal, TokenError> {
    let principal = verifier.verify_or_wait(token, client).await?;
    let payload = principal.claims().unwrap_or_default();
    let claims = Claims::read(payload, verifier.policy())?;
    check_party(&claims, expected.client_id)?;
    if let Some(nonce) = expected.nonce {
        check_nonce(&claims, nonce)?;
    }
    check_access_token(token, &claims, expected.access_token)?;
    Ok(principal)
}

/// A token for several parties must say that it was made for this one.
fn check_party(claims: &Claims<'_>, client_id: &str) -> Result<(), TokenError> {
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
