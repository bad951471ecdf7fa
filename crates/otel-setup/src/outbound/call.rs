//! One call to another service.

use std::sync::Arc;

use gambeson_core::{
    BoxError, Monotonic, Refused, Rejection, RequestFacts, TraceContext, TransportError, TransportErrorKind,
};
use http::uri::Scheme;
use http::{HeaderValue, Request, StatusCode};

use super::{Dependency, ResendCount};
use crate::context::{self, Active};
use crate::metrics::{CallLabels, ErrorLabel, MethodLabel};
use crate::span::{ClientSpan, ParentSpan, SpanKind, SpanRecord};
use crate::telemetry::Shared;
use crate::traceparent;

/// What is known of a running call. It ends once; dropped before, it was given up.
pub(super) struct Call {
    dependency: Arc<Dependency>,
    active: Option<Active>,
    parent: Option<ParentSpan>,
    started: Monotonic,
    method: MethodLabel,
    https: bool,
    host: Box<str>,
    port: u16,
    resends: u32,
    ended: bool,
}

/// How a call ended.
struct Outcome {
    status: u16,
    error: ErrorLabel,
    failed: bool,
    cancelled: bool,
    rejection: Option<Rejection>,
}

impl Call {
    pub(super) fn begin<B>(dependency: Arc<Dependency>, request: &mut Request<B>) -> Self {
        let parent = context::active().or_else(|| told(&dependency.shared, request));
        let active = child(&dependency.shared, parent.as_ref());
        let https = request.uri().scheme() == Some(&Scheme::HTTPS);
        let host = request.uri().host().unwrap_or_default().to_ascii_lowercase();
        let call = Self {
            started: dependency.shared.clock.monotonic(),
            parent: parent.map(|parent| ParentSpan { id: parent.trace().span_id, remote: false }),
            method: MethodLabel::of(request.method()),
            https,
            port: request.uri().port_u16().unwrap_or(if https { 443 } else { 80 }),
            host: host.into(),
            resends: request.extensions().get::<ResendCount>().map_or(0, |resends| resends.0),
            dependency,
            active,
            ended: false,
        };
        call.propagate(request);
        call
    }

    /// Gives the trace context to hosts that it is meant for, and takes it off calls to all others.
    fn propagate<B>(&self, request: &mut Request<B>) {
        let headers = request.headers_mut();
        headers.remove("traceparent");
        headers.remove("tracestate");
        if !self.dependency.propagate_to.contain(&self.host) {
            return;
        }
        let Some(active) = &self.active else { return };
        if let Some(value) = traceparent::value(active.trace(), active.random()) {
            headers.insert("traceparent", value);
            if let Some(state) = active.state().and_then(|state| HeaderValue::from_str(state).ok()) {
                headers.insert("tracestate", state);
            }
        }
    }

    pub(super) fn active(&self) -> Option<&Active> {
        self.active.as_ref()
    }

    pub(super) fn answered(mut self, status: StatusCode) {
        let failed = status.is_client_error() || status.is_server_error();
        let error = if failed { ErrorLabel::Status } else { ErrorLabel::None };
        let status = status.as_u16();
        self.finish(Outcome { status, error, failed, cancelled: false, rejection: None });
    }

    pub(super) fn failed(mut self, error: &BoxError) {
        let rejection = error.downcast_ref::<Refused>().map(|refused| refused.0.clone());
        let word = match &rejection {
            Some(rejection) => rejection.class().as_str(),
            None => error.downcast_ref().map_or("_OTHER", kind),
        };
        let error = ErrorLabel::Word(word);
        self.finish(Outcome { status: 0, error, failed: true, cancelled: false, rejection });
    }

    fn finish(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let shared = &self.dependency.shared;
        let took = shared.clock.monotonic().since(self.started);
        let labels = CallLabels {
            dependency: &self.dependency.name,
            method: self.method,
            https: self.https,
            host: &self.host,
            port: self.port,
            status: outcome.status,
            error: outcome.error,
        };
        shared.metrics.called(&self.dependency.name, labels, took);
        let Some((active, recorder)) = self.active.as_ref().and_then(|a| Some((a, a.recorder()?))) else {
            return;
        };
        recorder.queue.push(SpanRecord {
            trace: *active.trace(),
            random: active.random(),
            state: active.state().cloned(),
            parent: self.parent,
            started: shared.clock.now().minus(took),
            took,
            failed: outcome.failed,
            kind: SpanKind::Client(Box::new(ClientSpan {
                dependency: self.dependency.name.clone(),
                method: self.method,
                https: self.https,
                host: Some(std::mem::take(&mut self.host)).filter(|host| !host.is_empty()),
                port: self.port,
                status: outcome.status,
                error: outcome.error,
                cancelled: outcome.cancelled,
                rejection: outcome.rejection,
                resends: self.resends,
            })),
        });
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let error = ErrorLabel::Word("cancelled");
        self.finish(Outcome { status: 0, error, failed: false, cancelled: true, rejection: None });
    }
}

/// The request on whose behalf the call is made, as its extensions say.
fn told<B>(shared: &Shared, request: &Request<B>) -> Option<Active> {
    let trace = *RequestFacts::of(request.extensions())?.trace()?;
    let recorder = shared.recorder.as_ref().filter(|_| trace.sampled).cloned();
    Some(Active::new(trace, false, None, recorder))
}

/// The span of the call: within `parent`, or the first of a new trace.
fn child(shared: &Shared, parent: Option<&Active>) -> Option<Active> {
    if let Some(parent) = parent {
        return parent.child(shared.ids.span()?);
    }
    let (trace_id, span_id) = shared.ids.trace_and_span()?;
    let recorder = shared.recorder.as_ref().filter(|_| shared.sampling.records(&trace_id, None));
    let trace = TraceContext::new(trace_id, span_id, recorder.is_some())?;
    Some(Active::new(trace, true, None, recorder.cloned()))
}

fn kind(error: &TransportError) -> &'static str {
    match error.kind() {
        TransportErrorKind::Request => "request",
        TransportErrorKind::AddressRefused => "address_refused",
        TransportErrorKind::Connect => "connect",
        TransportErrorKind::Timeout => "timeout",
        TransportErrorKind::TooLarge => "too_large",
        TransportErrorKind::Protocol => "protocol",
        _ => "_OTHER",
    }
}
