//! The shapes of the provider's answers.

use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE, WWW_AUTHENTICATE,
    X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;
use url::Url;

use super::page::{Page, policy};
pub(super) use crate::dev_server::{Answer, json_answer, no_content, set, text};

/// An error of the token endpoint (RFC 6749 §5.2).
pub(super) fn oauth_error(status: StatusCode, code: &str) -> Answer {
    let mut answer = json_answer(status, &json!({ "error": code }));
    if status == StatusCode::UNAUTHORIZED {
        set(&mut answer, WWW_AUTHENTICATE, "Basic realm=\"dev\"");
    }
    answer
}

/// An error that says more to the developer.
pub(super) fn described_error(code: &str, description: &str) -> Answer {
    let body = json!({ "error": code, "error_description": description });
    json_answer(StatusCode::BAD_REQUEST, &body)
}

/// A page under its own strict policy; its forms may lead to `form_target` too.
pub(super) fn page(status: StatusCode, page: &Page, form_target: Option<&Url>) -> Answer {
    let mut answer = text(status, page.html());
    set(&mut answer, CONTENT_TYPE, "text/html; charset=utf-8");
    // Not `no-referrer`: with that, browsers send `Origin: null` with the form.
    set(&mut answer, REFERRER_POLICY, "same-origin");
    set(&mut answer, X_FRAME_OPTIONS, "DENY");
    put(&mut answer, CONTENT_SECURITY_POLICY, &policy(form_target));
    answer
}

/// Elsewhere, by GET whatever the method was (RFC 9700 §4.12).
pub(super) fn see_other(to: &Url) -> Answer {
    let mut answer = text(StatusCode::SEE_OTHER, "");
    put(&mut answer, LOCATION, to.as_str());
    answer
}

/// With this cookie; it never leaves this host, no script reads it, and no form of another site sends it.
pub(super) fn with_cookie(mut answer: Answer, name: &str, value: &str) -> Answer {
    let end = if value.is_empty() { "; Max-Age=0" } else { "" };
    put(&mut answer, SET_COOKIE, &format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{end}"));
    answer
}

fn put(answer: &mut Answer, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}
