//! Plain answers.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;

pub(crate) type Answer = Response<Full<Bytes>>;

pub(crate) fn json_answer(status: StatusCode, body: &Value) -> Answer {
    let mut answer = text(status, body.to_string());
    set(&mut answer, CONTENT_TYPE, "application/json");
    answer
}

pub(crate) fn no_content() -> Answer {
    text(StatusCode::NO_CONTENT, "")
}

pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    set(&mut answer, CONTENT_TYPE, "text/plain; charset=utf-8");
    set(&mut answer, CACHE_CONTROL, "no-store");
    set(&mut answer, X_CONTENT_TYPE_OPTIONS, "nosniff");
    answer
}

pub(crate) fn set(answer: &mut Answer, name: HeaderName, value: &'static str) {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
}
