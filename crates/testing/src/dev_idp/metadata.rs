//! What the provider says about itself (OpenID Connect Discovery §3, RFC 8414 §2).

use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::Fault;
use super::answer::{Answer, json_answer, set, text};
use super::state::State;

pub(super) fn metadata(state: &State, fault: Fault) -> Answer {
    let issuer = &state.issuer;
    let named = if fault == Fault::WrongIssuer { "http://127.0.0.1:1" } else { issuer.as_str() };
    json_answer(
        StatusCode::OK,
        &json!({
            "issuer": named,
            "jwks_uri": format!("{issuer}{}", jwks_path(state, fault)),
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "end_session_endpoint": format!("{issuer}/logout"),
            "revocation_endpoint": format!("{issuer}/revoke"),
            "backchannel_logout_supported": true,
            "backchannel_logout_session_supported": true,
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": [
                "authorization_code", "refresh_token", "client_credentials",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ],
            "code_challenge_methods_supported": ["S256"],
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "claims_supported": [
                "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid",
                "name", "preferred_username", "email", "email_verified", "roles", "tenant",
            ],
            "claims_parameter_supported": false,
            "request_parameter_supported": false,
            "request_uri_parameter_supported": false,
            "authorization_response_iss_parameter_supported": true,
            "gambeson_dev_idp": true,
        }),
    )
}

/// Where the key set is.
pub(super) fn jwks_path(state: &State, fault: Fault) -> &str {
    if fault == Fault::MovedJwks { &state.moved_jwks } else { "/jwks" }
}

pub(super) fn jwks(state: &State, fault: Fault) -> Answer {
    match fault {
        Fault::NoKid => json_answer(StatusCode::OK, &nameless(state.jwks())),
        Fault::EmptyJwks => json_answer(StatusCode::OK, &json!({ "keys": [] })),
        Fault::TruncatedJwks => {
            let whole = state.jwks().to_string();
            let half = whole.get(..whole.len() / 2).unwrap_or_default().to_owned();
            let mut answer = text(StatusCode::OK, half);
            set(&mut answer, CONTENT_TYPE, "application/json");
            answer
        }
        _ => json_answer(StatusCode::OK, &state.jwks()),
    }
}

/// The RSA keys alone, without their names.
fn nameless(mut set: Value) -> Value {
    if let Some(keys) = set.get_mut("keys").and_then(Value::as_array_mut) {
        keys.retain(|key| key.get("kty").is_some_and(|kind| kind == "RSA"));
        keys.iter_mut().filter_map(Value::as_object_mut).for_each(|key| drop(key.remove("kid")));
    }
    set
}
