//! The collector of browsers' reports.

mod abuse;
mod collector;
mod logs;
mod suggest;

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use gambeson_core::{ManualClock, Timestamp};
use gambeson_hardening_headers::ReportsConfig;
use gambeson_hardening_headers::reports::{Reports, ReportsBuilder};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Empty, Full};
use serde_json::{Value, json};
use tower::ServiceExt;

const PATH: &str = "/.well-known/reports";
const CSP: &str = "application/csp-report";
const LIST: &str = "application/reports+json";
const PAGE: &str = "https://app.example.com/notes";

pub(crate) fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_unix_seconds(1_790_000_000))
}

pub(crate) fn builder(config: ReportsConfig) -> ReportsBuilder {
    Reports::builder(config).clock(Arc::new(clock()))
}

fn reports() -> Reports {
    builder(PATH.into()).build().unwrap()
}

async fn send(reports: &Reports, request: Request<Full<Bytes>>) -> Response<Empty<Bytes>> {
    let answered: Result<_, Infallible> = reports.service::<Empty<Bytes>>().oneshot(request).await;
    answered.unwrap()
}

fn request(kind: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let post = Request::builder().method(Method::POST).uri(PATH).header("host", "app.example.com");
    post.header("content-type", kind).body(Full::new(body.into())).unwrap()
}

/// Sends a body and sees it taken.
async fn post(reports: &Reports, kind: &str, body: impl Into<Bytes>) {
    let answer = send(reports, request(kind, body)).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
}

/// A violation in the newer format, as Chromium writes it.
fn listed(directive: &str, blocked: &str) -> Value {
    json!({
        "age": 53,
        "body": {
            "blockedURL": blocked,
            "columnNumber": 12,
            "disposition": "enforce",
            "documentURL": PAGE,
            "effectiveDirective": directive,
            "lineNumber": 3,
            "originalPolicy": "default-src 'none'",
            "referrer": "",
            "sample": "",
            "sourceFile": PAGE,
            "statusCode": 200
        },
        "type": "csp-violation",
        "url": PAGE,
        "user_agent": "Mozilla/5.0"
    })
}

/// The same in the older one.
fn single(directive: &str, blocked: &str) -> Value {
    json!({"csp-report": {
        "document-uri": PAGE,
        "referrer": "",
        "violated-directive": directive,
        "effective-directive": directive,
        "original-policy": "default-src 'none'",
        "disposition": "enforce",
        "blocked-uri": blocked,
        "line-number": 3,
        "source-file": PAGE,
        "status-code": 200,
        "script-sample": ""
    }})
}

/// Sends one violation in the newer format.
async fn tell(reports: &Reports, directive: &str, blocked: &str) {
    post(reports, LIST, json!([listed(directive, blocked)]).to_string()).await;
}
