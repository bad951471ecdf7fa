//! The revocation endpoint (RFC 7009).

use http::{HeaderMap, StatusCode};

use super::super::answer::{Answer, described_error, text};
use super::super::form::Form;
use super::super::own_token::access_token_claims;
use super::super::state::State;
use super::{client_auth, unproven};

/// `POST /revoke`: ends a client's own refresh token with its whole grant, or its own access token. One that nobody knows is as good
/// as revoked (§2.2).
pub(crate) fn revoke(state: &State, headers: &HeaderMap, form: &Form) -> Answer {
    if form.repeats() {
        return described_error("invalid_request", "a parameter comes more than once");
    }
    let client = match client_auth::client(state, headers, form) {
        Ok(client) => client,
        Err(why) => return unproven(why),
    };
    let Some(token) = form.get("token") else {
        return described_error("invalid_request", "token is missing");
    };
    let own = |claims: &serde_json::Map<String, serde_json::Value>| {
        let of = claims.get("client_id").and_then(|id| id.as_str());
        (of == Some(client.id.as_str())).then(|| claims.get("jti")?.as_str().map(str::to_owned)).flatten()
    };
    let access = access_token_claims(state, token).as_ref().and_then(own);
    let grants = &mut state.tables().grants;
    match access {
        Some(token_id) => grants.revoke_token(token_id),
        None => grants.revoke_refresh_token(token, &client.id),
    }
    text(StatusCode::OK, "")
}
