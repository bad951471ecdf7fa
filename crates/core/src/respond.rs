//! From a refusal to an answer.

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::{Member, Rejection, RequestFacts, Wants, json_string};

/// Turns a [`Rejection`] into a response of the stack's body type.
///
/// Any closure of that shape does too. The answer must carry [`Rejection::headers`]; [`Negotiated`],
/// [`ProblemJson`], [`StatusOnly`] and [`GrpcStatus`] do that.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't answer with the response body `{B}`",
    note = "`ProblemJson` and `Negotiated` need a body that is `From<Bytes>` (axum's and hyper's `Full` are)",
    note = "for tonic's body use `GrpcStatus`; `StatusOnly` needs only a body that is `Default`"
)]
pub trait Respond<B> {
    /// The answer to a request of which `facts` are known.
    fn respond(&self, rejection: &Rejection, facts: &RequestFacts) -> Response<B>;
}

impl<B, F: Fn(&Rejection, &RequestFacts) -> Response<B>> Respond<B> for F {
    fn respond(&self, rejection: &Rejection, facts: &RequestFacts) -> Response<B> {
        self(rejection, facts)
    }
}

/// Problem details as JSON (RFC 9457), with the request id and trace id.
///
/// ```
/// use bytes::Bytes;
/// use gambeson_core::{ProblemJson, Rejection, RejectionClass, RequestFacts, Respond};
/// use http::StatusCode;
///
/// let refusal = Rejection::new("my-crate", RejectionClass::Permission, "not-yours", StatusCode::FORBIDDEN);
/// let answer: http::Response<Bytes> = ProblemJson.respond(&refusal, &RequestFacts::new());
/// assert_eq!(answer.headers()["content-type"], "application/problem+json");
/// assert_eq!(
///     answer.body(),
///     r#"{"type":"about:blank","title":"Forbidden","status":403,"code":"not-yours"}"#
/// );
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct ProblemJson;

impl<B: From<Bytes>> Respond<B> for ProblemJson {
    fn respond(&self, rejection: &Rejection, facts: &RequestFacts) -> Response<B> {
        // What has no content (RFC 9110 §15.3.5) gets none: a granted preflight.
        let text = (rejection.status() != StatusCode::NO_CONTENT).then(|| problem(rejection, facts));
        typed_answer(rejection, "application/problem+json", Bytes::from(text.unwrap_or_default()).into())
    }
}

/// The status and header fields, with an empty body.
#[derive(Debug, Clone, Copy, Default)]
pub struct StatusOnly;

impl<B: Default> Respond<B> for StatusOnly {
    fn respond(&self, rejection: &Rejection, _: &RequestFacts) -> Response<B> {
        answer(rejection, B::default())
    }
}

/// A gRPC status in the headers of an answer without a body ("Trailers-Only"), HTTP status 200.
///
/// 401 is `UNAUTHENTICATED` (16), 403 `PERMISSION_DENIED` (7), 404 `NOT_FOUND` (5), 405 and 501 `UNIMPLEMENTED`
/// (12), 402, 413 and 429 `RESOURCE_EXHAUSTED` (8), 504 `DEADLINE_EXCEEDED` (4), 503 `UNAVAILABLE` (14),
/// other 4xx `INVALID_ARGUMENT` (3), else `INTERNAL` (13).
#[derive(Debug, Clone, Copy, Default)]
pub struct GrpcStatus;

impl<B: Default> Respond<B> for GrpcStatus {
    fn respond(&self, rejection: &Rejection, _: &RequestFacts) -> Response<B> {
        let mut response = typed_answer(rejection, "application/grpc", B::default());
        *response.status_mut() = StatusCode::OK;
        let headers = response.headers_mut();
        headers.insert("grpc-status", grpc_code(rejection.status()).into());
        headers.insert("grpc-message", HeaderValue::from_static(rejection.slug()));
        response
    }
}

fn grpc_code(status: StatusCode) -> u16 {
    match status.as_u16() {
        401 => 16,
        403 => 7,
        404 => 5,
        405 | 501 => 12,
        402 | 413 | 429 => 8,
        504 => 4,
        503 => 14,
        400..=499 => 3,
        _ => 13,
    }
}

/// A small page or the way to the log-in for a browser's navigation, problem details for everything else.
///
/// The page holds no script, style or nonce, so it is good under any policy.
#[derive(Debug, Clone, Default)]
pub struct Negotiated {
    log_in: Option<Arc<str>>,
}

impl Negotiated {
    /// Pages for browsers, problem details for the rest.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where a browser without a credential is sent (303) instead of a 401 page: a path of this origin.
    pub fn log_in(self, path: impl Into<Arc<str>>) -> Self {
        Self { log_in: Some(path.into()) }
    }
}

impl<B: From<Bytes>> Respond<B> for Negotiated {
    fn respond(&self, rejection: &Rejection, facts: &RequestFacts) -> Response<B> {
        if facts.wants() != Wants::Page {
            return ProblemJson.respond(rejection, facts);
        }
        let log_in = self.log_in.as_deref().and_then(|path| HeaderValue::from_str(path).ok());
        let body = Bytes::from(page(rejection, facts));
        let mut response = typed_answer(rejection, "text/html; charset=utf-8", B::from(body));
        // Who is signed in and refused comes back from there as they went: that would be a circle.
        let nobody = facts.principal().is_none() && rejection.status() == StatusCode::UNAUTHORIZED;
        if let (Some(path), true) = (log_in, nobody) {
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.headers_mut().insert(header::LOCATION, path);
        }
        response
    }
}

fn typed_answer<B>(rejection: &Rejection, content_type: &'static str, body: B) -> Response<B> {
    let mut response = answer(rejection, body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn answer<B>(rejection: &Rejection, body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = rejection.status();
    let headers = response.headers_mut();
    for (name, value) in rejection.headers() {
        headers.append(name.clone(), value.clone());
    }
    if let Some(seconds) = rejection.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn problem(rejection: &Rejection, facts: &RequestFacts) -> String {
    let mut out = String::with_capacity(256);
    out.push_str("{\"type\":");
    json_string(&mut out, &rejection.type_uri());
    text(&mut out, "title", title(rejection.status()));
    let _ = write!(out, ",\"status\":{}", rejection.status().as_u16());
    text(&mut out, "code", rejection.slug());
    if !rejection.public_detail().is_empty() {
        text(&mut out, "detail", rejection.public_detail());
    }
    if let Some(id) = facts.request_id() {
        text(&mut out, "request_id", id.as_str());
    }
    if let Some(trace) = facts.trace() {
        let _ = write!(out, ",\"trace_id\":\"{}\"", trace.trace_id_hex());
    }
    for (name, value) in rejection.members() {
        member(&mut out, name, value);
    }
    out.push('}');
    out
}

fn title(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Refused")
}

fn text(out: &mut String, name: &str, value: &str) {
    let _ = write!(out, ",\"{name}\":");
    json_string(out, value);
}

fn member(out: &mut String, name: &str, value: &Member) {
    match value {
        Member::Text(value) => text(out, name, value),
        Member::Number(value) => {
            let _ = write!(out, ",\"{name}\":{value}");
        }
        Member::Texts(values) => {
            let _ = write!(out, ",\"{name}\":[");
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                json_string(out, value);
            }
            out.push(']');
        }
    }
}

fn page(rejection: &Rejection, facts: &RequestFacts) -> String {
    let (code, title) = (rejection.status().as_u16(), title(rejection.status()));
    let mut out = String::with_capacity(512);
    out.push_str("<!doctype html><html lang=en><meta charset=utf-8>");
    let _ = write!(out, "<title>{code} {title}</title><h1>{title}</h1><p>");
    html(&mut out, rejection.public_detail());
    if let Some(id) = facts.request_id() {
        let _ = write!(out, "<p>Request {id}");
    }
    out.push_str("</html>");
    out
}

fn html(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}
