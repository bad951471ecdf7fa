//! What the provider says about itself (OpenID Connect Discovery §3, RFC 8414 §2).

use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;

use super::Fault;
use super::answer::{Answer, json_answer, set, text};
use super::state::State;

pub(super) fn metadata(issuer: &str, fault: Fault) -> Answer {
    let named = if fault == Fault::WrongIssuer { "http://127.0.0.1:1" } else { issuer };
    json_answer(
        StatusCode::OK,
        &json!({
            "issuer": named,
            "jwks_uri": format!("{issuer}/jwks"),
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "end_session_endpoint": format!("{issuer}/logout"),
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

pub(super) fn jwks(state: &State, fault: Fault) -> Answer {
    match fault {
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
