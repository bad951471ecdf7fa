//! What the pretend API answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::ModelFault;
use super::chat::Chat;
use super::completion::complete;
use super::state::State;
use crate::dev_server::{Answer, Down, json_answer, loopback_only, no_content, own_origin, set, text};

/// The largest body that is read, in bytes.
const LARGEST_BODY: usize = 1 << 20;

const FAULTS: &str = "kind must be none, off, down, 500, 429, 402, hang, no_usage or truncated; \
                      times and retry_after, if there, numbers";

pub(super) async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Answer, Down> {
    let (parts, body) = request.into_parts();
    if !loopback_only(&parts) {
        return Ok(text(StatusCode::MISDIRECTED_REQUEST, "only for loopback hosts"));
    }
    if !own_origin(&parts.headers, &state.origin) {
        return Ok(text(StatusCode::FORBIDDEN, "not for pages of another origin"));
    }
    let chat = parts.uri.path() == "/v1/chat/completions" && parts.method == Method::POST;
    let fault = if chat { state.next_fault() } else { ModelFault::None };
    if chat {
        state.count();
    }
    if let Some(answer) = instead(fault).await? {
        return Ok(answer);
    }
    let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
        return Ok(error(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 1 MiB", "body_too_large"));
    };
    let body = body.to_bytes();
    Ok(match (&parts.method, parts.uri.path()) {
        _ if chat => truncated(fault, completion(&state, &parts.headers, &body, fault)).await,
        (&Method::GET, "/dev/bill") => bill(&state),
        (&Method::POST, "/dev/fault") => set_fault(&state, &parts, &body),
        _ => error(StatusCode::NOT_FOUND, "no such endpoint", "not_found"),
    })
}

/// What a fault answers in place of everything.
async fn instead(fault: ModelFault) -> Result<Option<Answer>, Down> {
    Ok(Some(match fault {
        ModelFault::Down => return Err(Down),
        ModelFault::Hang => std::future::pending().await,
        ModelFault::ServerError => error(StatusCode::INTERNAL_SERVER_ERROR, "told to fail", "internal_error"),
        ModelFault::InsufficientQuota => {
            error(StatusCode::PAYMENT_REQUIRED, "the account is empty", "insufficient_quota")
        }
        ModelFault::TooManyRequests(wait) => {
            let mut answer = error(StatusCode::TOO_MANY_REQUESTS, "too many calls", "rate_limit_exceeded");
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
            answer
        }
        ModelFault::None | ModelFault::NoUsage | ModelFault::Truncated => return Ok(None),
    }))
}

fn completion(state: &State, headers: &HeaderMap, body: &[u8], fault: ModelFault) -> Answer {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let credential = header.and_then(|text| text.split_once(' '));
    let key = credential.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key);
    if !state.knows(key) {
        let mut refused = error(StatusCode::UNAUTHORIZED, "the key is missing or wrong", "invalid_api_key");
        set(&mut refused, WWW_AUTHENTICATE, "Bearer realm=\"dev-model\"");
        return refused;
    }
    match Chat::parse(body) {
        Ok(chat) => complete(state, &chat, fault != ModelFault::NoUsage),
        Err((field, reason)) => {
            error(StatusCode::BAD_REQUEST, &format!("{field} {reason}"), "invalid_request")
        }
    }
}

async fn truncated(fault: ModelFault, answer: Answer) -> Answer {
    if fault != ModelFault::Truncated || !answer.status().is_success() {
        return answer;
    }
    let (parts, body) = answer.into_parts();
    let whole = body.collect().await.map(|whole| whole.to_bytes()).unwrap_or_default();
    Response::from_parts(parts, Full::new(whole.slice(..whole.len() / 2)))
}

fn bill(state: &State) -> Answer {
    let bill = state.bill();
    let body = json!({
        "calls": bill.calls,
        "prompt_tokens": bill.prompt_tokens,
        "completion_tokens": bill.completion_tokens,
        "tokens": bill.total_tokens(),
    });
    json_answer(StatusCode::OK, &body)
}

/// The fault's fields as JSON, as a form or in the query.
fn set_fault(state: &State, parts: &Parts, body: &Bytes) -> Answer {
    let json =
        parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let document: Value = if json { serde_json::from_slice(body).unwrap_or_default() } else { Value::Null };
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let pair = |text: &[u8], name: &str| {
        let mut pairs = url::form_urlencoded::parse(text).into_owned();
        pairs.find(|(known, _)| known == name).map(|(_, value)| value)
    };
    let field = |name: &str| match document.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(value) => Some(value.to_string()),
        None => pair(query, name).or_else(|| pair(body, name)),
    };
    let number = |name: &str| field(name).map(|text| text.parse::<u64>()).transpose();
    let named = field("kind").or_else(|| field("mode")).and_then(|name| ModelFault::from_name(&name));
    let (Some(fault), Ok(times), Ok(wait)) = (named, number("times"), number("retry_after")) else {
        return text(StatusCode::BAD_REQUEST, FAULTS);
    };
    let fault = match (fault, wait) {
        (ModelFault::TooManyRequests(_), Some(wait)) => {
            ModelFault::TooManyRequests(Duration::from_secs(wait))
        }
        (fault, _) => fault,
    };
    state.set_fault(fault, times);
    no_content()
}

/// An error in the shape that clients of such APIs know.
fn error(status: StatusCode, message: &str, code: &str) -> Answer {
    let kind = match status.is_client_error() {
        true => "invalid_request_error",
        false => "server_error",
    };
    json_answer(
        status,
        &json!({ "error": { "message": message, "type": kind, "param": null, "code": code } }),
    )
}
