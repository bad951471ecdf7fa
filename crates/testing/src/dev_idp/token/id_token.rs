//! ID tokens, and what goes wrong with them on demand (OpenID Connect Core §2).

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use super::super::Fault;
use super::super::grant::Grant;
use super::super::keys::encode;
use super::super::mint::Mint;
use super::super::state::State;

/// The ID token that belongs to this access token (§3.1.3.6).
pub(super) fn id_token(state: &Arc<State>, grant: &Grant, access: &str) -> String {
    let hash = digest(&SHA256, access.as_bytes());
    let at_hash = encode(hash.as_ref().get(..16).unwrap_or_default());
    let mut mint = Mint::new(Arc::clone(state))
        .typ("JWT")
        .user(&grant.person)
        .without("client_id")
        .without("scope")
        .audience(grant.client.as_str())
        .claim("auth_time", grant.auth_time.unix_seconds())
        .claim("at_hash", at_hash)
        .claim("sid", grant.sid.as_str());
    for (name, value) in state.person(&grant.person).map(|person| person.claims()).unwrap_or_default() {
        mint = mint.claim(&name, value);
    }
    if let Some(nonce) = &grant.nonce {
        mint = mint.claim("nonce", nonce.as_str());
    }
    spoiled(mint, state.fault()).token()
}

fn spoiled(mint: Mint, fault: Fault) -> Mint {
    match fault {
        Fault::WrongNonce => mint.claim("nonce", "another-nonce"),
        Fault::WrongAudience => mint.audience("another-client"),
        Fault::WrongIdTokenIssuer => mint.issuer("http://127.0.0.1:1"),
        Fault::WrongAtHash => mint.claim("at_hash", encode(&[0; 16])),
        Fault::NoAuthTime => mint.without("auth_time"),
        Fault::NoSid => mint.without("sid"),
        Fault::NoSubject => mint.without("sub"),
        Fault::NoAudience => mint.without("aud"),
        Fault::NoIssuedAt => mint.without("iat"),
        Fault::NoKid => mint.without("kid"),
        Fault::BadSignature => mint.tampered(),
        Fault::UnsignedIdToken => mint.without("kid").alg_none(),
        _ => mint,
    }
}
