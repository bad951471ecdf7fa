//! Reads back the tokens that the provider made.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::state::State;

type Claims = Map<String, Value>;

/// The claims of an ID token of this provider, as a hint: it may have expired (OpenID Connect Core §3.1.2.1).
pub(super) fn id_token_claims(state: &State, token: &str) -> Option<Claims> {
    claims_of(state, token, "JWT")
}

/// The claims of an access token of this provider that is still good.
pub(super) fn access_token_claims(state: &State, token: &str) -> Option<Claims> {
    let claims = claims_of(state, token, "at+jwt")?;
    let in_time = claims.get("exp")?.as_i64()? > state.now().unix_seconds();
    let token_id = claims.get("jti").and_then(Value::as_str).unwrap_or_default();
    (in_time && !state.tables().grants.is_revoked(token_id)).then_some(claims)
}

fn claims_of(state: &State, token: &str, typ: &str) -> Option<Claims> {
    let (message, signature) = token.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    let header = object(header)?;
    let word = |name: &str| header.get(name).and_then(Value::as_str);
    if word("typ") != Some(typ) {
        return None;
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let claims = object(claims)?;
    let signed = state.signed(word("kid")?, word("alg")?, message.as_bytes(), &signature);
    (signed && claims.get("iss")?.as_str() == Some(state.issuer.as_str())).then_some(claims)
}

fn object(part: &str) -> Option<Claims> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
