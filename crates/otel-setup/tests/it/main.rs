//! The layer, the endpoints and the metrics, from outside.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on has failed")]

mod app_spans;
mod contract;
mod costs;
mod endpoints;
mod ends;
mod export;
mod exposition;
mod facts;
mod lines;
mod otlp;
mod outbound;
mod settings;
mod sink;
mod spans;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{FixedEntropy, ManualClock, RequestHead, Timestamp};
use gambeson_otel_setup::Telemetry;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Service, ServiceExt};

/// Telemetry whose routes are the first segment of the path, and its clock.
fn telemetry() -> (Telemetry, ManualClock) {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730));
    let telemetry = Telemetry::builder("test", "1.0.0")
        .clock(Arc::new(clock.clone()))
        .entropy(Arc::new(FixedEntropy::starting_at(1)))
        .routes(route)
        .most_series(3)
        .build()
        .unwrap();
    (telemetry, clock)
}

fn route<'a>(head: &RequestHead<'a>) -> Option<&'a str> {
    (head.uri.path() != "/unknown").then_some(head.uri.path())
}

fn get(path: &str) -> Request<()> {
    Request::get(path).body(()).unwrap()
}

/// A service that answers after 30 ms on `clock`.
fn slow(
    clock: ManualClock,
) -> impl Service<Request<()>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send> + Clone {
    tower::service_fn(move |_| {
        clock.advance(Duration::from_millis(30));
        std::future::ready(Ok(Response::new(Full::new(Bytes::from_static(b"hello")))))
    })
}

/// The value of the one line of metrics that starts so.
fn value(telemetry: &Telemetry, line: &str) -> Option<String> {
    let text = telemetry.metrics_text();
    let mut found = text.lines().filter_map(|l| l.strip_prefix(line)?.strip_prefix(' '));
    let value = found.next().map(str::to_owned);
    assert_eq!(found.next(), None);
    value
}

const ACTIVE: &str = "http_server_active_requests{http_request_method=\"GET\",url_scheme=\"http\"}";

/// The line that counts GET requests with these further labels.
fn count(labels: &str) -> String {
    format!(
        "http_server_request_duration_seconds_count{{http_request_method=\"GET\",url_scheme=\"http\",{labels}}}"
    )
}

async fn call<S>(service: &S, request: Request<()>) -> S::Response
where
    S: Service<Request<()>, Error = Infallible> + Clone,
{
    service.clone().oneshot(request).await.unwrap()
}
