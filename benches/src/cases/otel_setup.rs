//! Telemetry of a request, from none to a recorded span.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{BoxFuture, HttpTransport, RequestHead, TransportError, TransportLimits};
use gambeson_otel_setup::{Sampling, Telemetry, TelemetryLayer};
use http::{Request, Response, StatusCode};
use tokio::runtime::Runtime;
use tower::Layer;

use crate::drive::{App, NoBody, requests};
use crate::{Case, Figure, Kind, Run};

const CRATE: &str = "otel-setup";
const BETWEEN_FLUSHES: u32 = 1_024;

pub(super) fn cases() -> Vec<Case> {
    let case = |name, kind, ours| {
        Case::new(CRATE, name, kind).bare(|| requests(App, request, StatusCode::OK)).gambeson(ours)
    };
    vec![
        case("layer_disabled", Kind::Pass, || {
            requests(TelemetryLayer::off().layer(App), request, StatusCode::OK)
        }),
        case("layer_metrics", Kind::Pass, || with(None)),
        case("layer_sampled_out", Kind::Pass, || with(Some(Sampling::never()))),
        case("layer_metrics_and_traces", Kind::Pass, || with(Some(Sampling::always()))),
    ]
}

pub(super) fn figures() -> Vec<Figure> {
    let (case, metric) = ("burst_10000_uncounted_loss", "count");
    vec![Figure { krate: CRATE, case, subject: "gambeson", metric, measure: uncounted }]
}

/// Spans that end at once and faster than they are sent: how many are neither exported nor counted as lost.
fn uncounted() -> f64 {
    const BURST: u32 = 10_000;
    let exported = Exported::new(Some(Sampling::always()));
    let mut run = requests(exported.layer().layer(App), request, StatusCode::OK);
    // One was the check that `requests` makes.
    (1..BURST).for_each(|_| run());
    let flushed = exported.runtime.block_on(exported.telemetry.flush_within(Duration::from_secs(60)));
    assert!(flushed, "the exporter came to an end");
    let report = exported.telemetry.span_report();
    f64::from(BURST) - (report.exported + report.lost.total()) as f64
}

/// A GET with three headers.
pub(crate) fn request() -> Request<NoBody> {
    let request = Request::get("/notes/42").header("host", "app.example.com").header("accept", "*/*");
    request.header("user-agent", "bench/1").body(NoBody::new()).expect("a request")
}

fn route<'a>(head: &RequestHead<'a>) -> Option<&'a str> {
    head.uri.path().starts_with("/notes/").then_some("/notes/{id}")
}

fn with(sampling: Option<Sampling>) -> Run {
    let mut telemetry = Exported::new(sampling);
    let mut run = requests(telemetry.layer().layer(App), request, StatusCode::OK);
    Box::new(move || {
        run();
        telemetry.count();
    })
}

/// Telemetry that another thread exports to nowhere; to be kept as long as its layer serves.
pub(crate) struct Exported {
    telemetry: Telemetry,
    runtime: &'static Runtime,
    calls: u32,
}

impl Exported {
    /// Metrics, and spans when there is a sampling. This thread stays inside the runtime, so that timers of other layers
    /// find one.
    pub(crate) fn new(sampling: Option<Sampling>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime: &'static Runtime = Box::leak(Box::new(runtime.expect("a runtime")));
        std::mem::forget(runtime.enter());
        let mut telemetry = Telemetry::builder("bench", "1").routes(route);
        if let Some(sampling) = sampling {
            let nowhere = Arc::new(Nowhere);
            telemetry = telemetry.endpoint("http://127.0.0.1:4318").transport(nowhere).sampling(sampling);
        }
        Self { telemetry: telemetry.build().expect("valid settings"), runtime, calls: 0 }
    }

    pub(crate) fn layer(&self) -> TelemetryLayer {
        self.telemetry.layer()
    }

    /// Waits for the exporter before its queue is full: a span that is dropped would cost less than one that is kept.
    pub(crate) fn count(&mut self) {
        self.calls += 1;
        if self.calls.is_multiple_of(BETWEEN_FLUSHES) {
            let flushed = self.runtime.block_on(self.telemetry.flush_within(Duration::from_secs(60)));
            assert!(flushed && self.telemetry.span_report().lost.total() == 0, "every span was kept");
        }
    }
}

#[derive(Debug)]
struct Nowhere;

impl HttpTransport for Nowhere {
    fn send(
        &self,
        _: Request<Bytes>,
        _: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        Box::pin(ready(Ok(Response::new(Bytes::new()))))
    }
}
