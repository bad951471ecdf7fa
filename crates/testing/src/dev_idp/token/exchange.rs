//! Another token for one that is at hand (RFC 8693).

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::super::DevClient;
use super::super::answer::{Answer, described_error, json_answer};
use super::super::form::Form;
use super::super::mint::Mint;
use super::super::own_token::access_token_claims;
use super::super::state::State;

pub(super) const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// An access token of this provider for another audience or less scope, no longer than the first one lasts. The first one must be for the
/// client that asks or for the provider's usual audience, the app: nobody goes on with a token that another service was given. It says who acts: the
/// actor whose token came along, else the client that asks.
pub(super) fn exchange(state: &Arc<State>, client: &DevClient, _: &HeaderMap, form: &Form) -> Answer {
    if client.secret.is_none() {
        return described_error("unauthorized_client", "a public client exchanges no tokens");
    }
    let subject = match presented(state, form, "subject_token") {
        Ok(Some(claims)) => claims,
        Ok(None) => return described_error("invalid_request", "subject_token is missing"),
        Err(why) => return described_error(why.0, why.1),
    };
    if !is_for(&subject, &client.id) && !is_for(&subject, &state.audience) {
        return described_error("invalid_request", "subject_token is for another service");
    }
    let actor = match presented(state, form, "actor_token") {
        Ok(Some(claims)) => claims.get("sub").cloned().unwrap_or_default(),
        Ok(None) => json!(client.id),
        Err(why) => return described_error(why.0, why.1),
    };
    let had = subject.get("scope").and_then(Value::as_str).unwrap_or_default();
    let scope = form.get("scope").unwrap_or(had);
    if !scope.split(' ').all(|word| had.split(' ').any(|granted| granted == word)) {
        return described_error("invalid_scope", "scope has more than the token that is exchanged");
    }
    let lifetime = left(state, &subject).min(state.token_lifetime);
    let mut mint = Mint::new(Arc::clone(state)).expires_in(lifetime).scope(scope);
    for name in ["sub", "roles", "tenant", "auth_time", "sid"] {
        mint = match subject.get(name) {
            Some(value) => mint.claim(name, value.clone()),
            None => mint,
        };
    }
    if let Some(audience) = form.get("audience").or_else(|| form.get("resource")) {
        mint = mint.audience(audience);
    }
    let token = mint.claim("client_id", client.id.as_str()).claim("act", act(&subject, &actor)).token();
    let body = json!({
        "access_token": token,
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": lifetime.as_secs(),
        "scope": scope,
    });
    json_answer(StatusCode::OK, &body)
}

fn is_for(claims: &Map<String, Value>, whom: &str) -> bool {
    match claims.get("aud") {
        Some(Value::Array(all)) => all.iter().any(|audience| audience == whom),
        audience => audience.is_some_and(|audience| audience == whom),
    }
}

/// Who acts, and inside of it who acted before (RFC 8693 §4.1).
fn act(subject: &Map<String, Value>, actor: &Value) -> Value {
    match subject.get("act") {
        Some(before) => json!({ "sub": actor, "act": before }),
        None => json!({ "sub": actor }),
    }
}

/// The claims of a token in the form; `invalid_request` for one that is no good (RFC 8693 §2.2.2).
fn presented(
    state: &State,
    form: &Form,
    name: &str,
) -> Result<Option<Map<String, Value>>, (&'static str, &'static str)> {
    let Some(token) = form.get(name) else { return Ok(None) };
    if !matches!(form.get(&format!("{name}_type")), Some(ACCESS_TOKEN | JWT)) {
        return Err(("invalid_request", "a token's type must be access_token or jwt"));
    }
    let claims = access_token_claims(state, token);
    claims.map(Some).ok_or(("invalid_request", "a token that was presented is no good"))
}

fn left(state: &State, claims: &Map<String, Value>) -> Duration {
    let end = claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
    Duration::from_secs(u64::try_from(end - state.now().unix_seconds()).unwrap_or_default())
}
