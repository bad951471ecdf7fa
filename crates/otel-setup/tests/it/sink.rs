//! A collector in this process, with the faults that a test asks for.

use std::collections::VecDeque;
use std::future::{pending, ready};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    BoxFuture, FixedEntropy, HttpTransport, ManualClock, Timestamp, TransportError, TransportErrorKind,
    TransportLimits,
};
use gambeson_otel_setup::{Telemetry, TelemetryBuilder};
use gambeson_testing::eventually;
use http::{HeaderMap, Request, Response};

use crate::otlp::{self, Span};

/// How the collector answers a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Ok,
    /// A status, with this `Retry-After`.
    Status(u16, Option<&'static str>),
    Body(&'static [u8]),
    Error(TransportErrorKind),
    Hang,
}

/// A request that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    arrived: Vec<Arrived>,
    next: VecDeque<Answer>,
    always: Option<Answer>,
}

impl Sink {
    /// Answers so from now on, where no other answer is next.
    pub(crate) fn always(&self, answer: Answer) {
        self.0.lock().unwrap().always = Some(answer);
    }

    /// Answers the next requests so.
    pub(crate) fn next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.0.lock().unwrap().next.extend(answers);
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.0.lock().unwrap().arrived.clone()
    }

    fn bodies(&self, path: &str) -> Vec<Bytes> {
        self.arrived().into_iter().filter(|a| a.uri.ends_with(path)).map(|a| a.body).collect()
    }

    /// All spans that arrived, also those that arrived twice.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.bodies("/v1/traces").iter().flat_map(|body| otlp::spans(body).1).collect()
    }

    pub(crate) fn last_metrics(&self) -> std::collections::BTreeMap<String, Vec<otlp::Point>> {
        otlp::metrics(self.bodies("/v1/metrics").last().unwrap())
    }
}

impl HttpTransport for Sink {
    fn send(
        &self,
        request: Request<Bytes>,
        _: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        let mut state = self.0.lock().unwrap();
        let (parts, body) = request.into_parts();
        state.arrived.push(Arrived { uri: parts.uri.to_string(), headers: parts.headers, body });
        let next = state.next.pop_front();
        let answer = next.or_else(|| state.always.clone()).unwrap_or(Answer::Ok);
        let mut response = Response::new(Bytes::new());
        match answer {
            Answer::Ok => {}
            Answer::Status(status, wait) => {
                *response.status_mut() = status.try_into().unwrap();
                wait.map(|wait| response.headers_mut().insert("retry-after", wait.parse().unwrap()));
            }
            Answer::Body(body) => *response.body_mut() = Bytes::from_static(body),
            Answer::Error(kind) => return Box::pin(ready(Err(TransportError::new(kind)))),
            Answer::Hang => return Box::pin(pending()),
        }
        Box::pin(ready(Ok(response)))
    }
}

/// Telemetry that exports to a sink, whose time stands still until it is moved; routes are paths.
pub(crate) fn exporting() -> (TelemetryBuilder, Sink, ManualClock) {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730));
    let sink = Sink::default();
    let builder = Telemetry::builder("test", "1.0.0")
        .clock(Arc::new(clock.clone()))
        .timer(Arc::new(clock.clone()))
        .entropy(Arc::new(FixedEntropy::starting_at(1)))
        .routes(crate::route)
        .endpoint("http://127.0.0.1:4318")
        .transport(Arc::new(sink.clone()));
    (builder, sink, clock)
}

/// Sends what waits, and gives all spans that ever arrived.
pub(crate) async fn flushed(telemetry: &Telemetry, sink: &Sink) -> Vec<Span> {
    assert!(telemetry.flush_within(Duration::from_secs(60)).await);
    sink.spans()
}

/// Lets time pass, a little at a time, until `condition` holds.
pub(crate) async fn passing_time(clock: &ManualClock, condition: impl Fn() -> bool) {
    let met = eventually(Duration::from_secs(20), || {
        clock.advance(Duration::from_secs(1));
        ready(condition().then_some(()))
    });
    assert!(met.await.is_some());
}
