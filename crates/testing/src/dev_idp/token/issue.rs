//! What the token endpoint gives (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).

use std::sync::Arc;
use std::time::Duration;

use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::super::answer::{Answer, json_answer, oauth_error, text};
use super::super::form::Form;
use super::super::grant::Grant;
use super::super::keys::random_id;
use super::super::mint::Mint;
use super::super::state::State;
use super::super::{Fault, SigningAlgorithm};
use super::id_token::id_token;

/// An access token as the form wishes it, or the bare token for who asks for plain text and may.
pub(crate) fn service_answer(mint: Mint, headers: &HeaderMap, form: &Form, bare: bool) -> Answer {
    let Some(algorithm) = form.get("alg").map_or(Some(SigningAlgorithm::Rs256), SigningAlgorithm::from_name)
    else {
        return text(StatusCode::BAD_REQUEST, "alg must be RS256 or ES256");
    };
    let Some(lifetime) = form
        .get("expires_in")
        .map_or(Some(mint.lifetime()), |seconds| seconds.parse().ok().map(Duration::from_secs))
    else {
        return text(StatusCode::BAD_REQUEST, "expires_in must be a number of seconds");
    };
    let scope = form.get("scope").unwrap_or("openid");
    let mut mint = mint.algorithm(algorithm).expires_in(lifetime).scope(scope);
    if let Some(audience) = form.get("audience").or_else(|| form.get("resource")) {
        mint = mint.audience(audience);
    }
    let token = mint.token();
    let wants_text = headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/plain"));
    if bare && wants_text {
        return text(StatusCode::OK, token);
    }
    let body = json!({
        "access_token": token, "token_type": "Bearer", "expires_in": lifetime.as_secs(), "scope": scope,
    });
    json_answer(StatusCode::OK, &body)
}

/// Access token, ID token and the next refresh token of a person.
pub(super) fn person_answer(state: &Arc<State>, grant: &Grant, refresh: &str, scope: Option<&str>) -> Answer {
    let rotated = state.fault() != Fault::RotateBeforeSigning || state.rotate(false).is_ok();
    let Some(token_id) = random_id().ok().filter(|_| rotated) else {
        return oauth_error(StatusCode::INTERNAL_SERVER_ERROR, "server_error");
    };
    state.tables().grants.note(refresh, &token_id);
    let scope = scope.unwrap_or(&grant.scope);
    let access = Mint::new(Arc::clone(state))
        .user(&grant.person)
        .claim("client_id", grant.client.as_str())
        .claim("jti", token_id)
        .claim("auth_time", grant.auth_time.unix_seconds())
        .claim("sid", grant.sid.as_str())
        .scope(scope)
        .token();
    let body = json!({
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": state.token_lifetime.as_secs(),
        "scope": scope,
        "refresh_token": refresh,
        "id_token": id_token(state, grant, &access),
    });
    json_answer(StatusCode::OK, &body)
}
