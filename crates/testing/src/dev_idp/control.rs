//! What developers and tests ask of the provider: `/dev/*`.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::answer::{Answer, json_answer, no_content, text};
use super::form::Form;
use super::mint::Mint;
use super::state::State;
use super::token::service_answer;
use super::{Fault, LogoutFault, backchannel};

/// `/dev/sign-out`: ends a person's sessions and tells their clients; gives each client's status, or null.
pub(super) async fn sign_out(state: &Arc<State>, form: &Form) -> Answer {
    let Some(fault) = form.get("fault").map_or(Some(LogoutFault::None), LogoutFault::from_name) else {
        let names = LogoutFault::names().join(", ");
        return text(StatusCode::BAD_REQUEST, format!("fault must be one of: {names}"));
    };
    let Some(person) = form.get("user") else {
        return text(StatusCode::BAD_REQUEST, "user is missing");
    };
    let told = backchannel::tell(state, &state.end_sessions_of(person), fault).await;
    let told = told.into_iter().map(|(client, status)| (client, json!(status.map(|status| status.as_u16()))));
    json_answer(StatusCode::OK, &Value::Object(told.collect()))
}

pub(super) fn control(state: &Arc<State>, path: &str, headers: &HeaderMap, form: &Form) -> Answer {
    match path {
        "/dev/token" => match form.get("user").and_then(|name| state.person(name)) {
            Some(person) => {
                service_answer(Mint::new(Arc::clone(state)).user(&person.name), headers, form, true)
            }
            None => {
                let known: Vec<&str> = state.people.iter().map(|person| person.name.as_str()).collect();
                text(StatusCode::BAD_REQUEST, format!("user must be one of: {}", known.join(", ")))
            }
        },
        "/dev/rotate" => match state.rotate(form.get("keep_old") == Some("true")) {
            Ok(()) => json_answer(StatusCode::OK, &state.jwks()),
            Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "no new keys could be made"),
        },
        "/dev/fault" => match form.get("mode").and_then(Fault::from_name) {
            Some(fault) => {
                state.set_fault(fault);
                no_content()
            }
            None => {
                text(StatusCode::BAD_REQUEST, format!("mode must be one of: {}", Fault::names().join(", ")))
            }
        },
        "/dev/clock" => match form.get("advance").and_then(|seconds| seconds.parse().ok()) {
            Some(seconds) => {
                state.advance(Duration::from_secs(seconds));
                no_content()
            }
            None => text(StatusCode::BAD_REQUEST, "advance must be a number of seconds"),
        },
        _ => text(StatusCode::NOT_FOUND, "no such endpoint"),
    }
}
