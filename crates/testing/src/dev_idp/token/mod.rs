//! The token endpoint (RFC 6749 §3.2).

mod client_auth;
mod exchange;
mod id_token;
mod issue;
mod revoke;

use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use super::DevClient;
use super::answer::{Answer, described_error, oauth_error};
use super::form::Form;
use super::grant::{Grant, Redemption, Ungranted};
use super::mint::Mint;
use super::state::State;
use client_auth::Unproven;

pub(super) use issue::service_answer;
pub(super) use revoke::revoke;

/// `POST /token`; errors as RFC 6749 §5.2 has them.
pub(super) fn token(state: &Arc<State>, headers: &HeaderMap, form: &Form) -> Answer {
    let grant = match form.get("grant_type") {
        Some("client_credentials") => client_credentials,
        Some("authorization_code") => authorization_code,
        Some("refresh_token") => refresh_token,
        Some(exchange::GRANT) => exchange::exchange,
        Some(_) => return oauth_error(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
        None => return oauth_error(StatusCode::BAD_REQUEST, "invalid_request"),
    };
    if form.repeats() {
        return described_error("invalid_request", "a parameter comes more than once");
    }
    match client_auth::client(state, headers, form) {
        Ok(client) => grant(state, &client, headers, form),
        Err(why) => unproven(why),
    }
}

fn unproven(why: Unproven) -> Answer {
    match why {
        Unproven::Unknown => oauth_error(StatusCode::UNAUTHORIZED, "invalid_client"),
        Unproven::Twice => described_error("invalid_request", "the client proves itself in two ways at once"),
    }
}

/// RFC 6749 §4.4.
fn client_credentials(state: &Arc<State>, client: &DevClient, headers: &HeaderMap, form: &Form) -> Answer {
    match client.secret {
        Some(_) => service_answer(Mint::new(Arc::clone(state)).service(&client.id), headers, form, false),
        None => described_error("unauthorized_client", "a public client has no tokens of its own"),
    }
}

/// RFC 6749 §4.1.3, RFC 7636 §4.5.
fn authorization_code(state: &Arc<State>, client: &DevClient, _: &HeaderMap, form: &Form) -> Answer {
    if !client.signs_people_in() {
        return described_error("unauthorized_client", "the client has no redirect uri");
    }
    let Some(code) = form.get("code") else {
        return described_error("invalid_request", "code is missing");
    };
    let redemption = Redemption {
        code,
        client: &client.id,
        redirect_uri: form.get("redirect_uri"),
        verifier: form.get("code_verifier"),
    };
    let redeemed = state.tables().grants.redeem(redemption, state.now());
    granted(state, redeemed, None)
}

/// RFC 6749 §6.
fn refresh_token(state: &Arc<State>, client: &DevClient, _: &HeaderMap, form: &Form) -> Answer {
    let Some(token) = form.get("refresh_token") else {
        return described_error("invalid_request", "refresh_token is missing");
    };
    let refreshed = state.tables().grants.refresh(token, &client.id, form.get("scope"), state.now());
    granted(state, refreshed, form.get("scope"))
}

fn granted(state: &Arc<State>, granted: Result<(Grant, String), Ungranted>, scope: Option<&str>) -> Answer {
    match granted {
        Ok((grant, refresh)) => issue::person_answer(state, &grant, &refresh, scope),
        Err(Ungranted::Invalid(why)) => described_error("invalid_grant", why),
        Err(Ungranted::Scope) => described_error("invalid_scope", "scope has more than was granted"),
        Err(Ungranted::NoRandomness) => oauth_error(StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
    }
}
