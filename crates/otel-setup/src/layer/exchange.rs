//! One request from its head to the end of its answer's body.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Monotonic, Rejection, RejectionClass, RequestFacts, RequestHead, Scheme};
use http::{Method, Request, StatusCode};
use tracing::Level;

use super::server_span::{Ended, ServerTrace};
use crate::context::Active;
use crate::metrics::{ErrorLabel, Labels, MethodLabel};
use crate::telemetry::Shared;

/// What is known of a running request. It ends once: by [`Exchange::end`], or as cancelled when it is dropped.
pub(crate) struct Exchange {
    shared: Arc<Shared>,
    facts: RequestFacts,
    trace: ServerTrace,
    started: Monotonic,
    method: MethodLabel,
    https: bool,
    pub(super) head: bool,
    status: u16,
    bytes: u64,
    ended: bool,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Whole,
    Cancelled,
    BodyFailed,
    ServiceFailed,
}

impl Exchange {
    pub(crate) fn begin<B>(shared: Arc<Shared>, request: &mut Request<B>) -> Self {
        let facts = RequestFacts::ensure(request);
        let head = RequestHead::from(&*request);
        if facts.route().is_none()
            && let Some(template) = shared.routes.as_ref().and_then(|source| source.template(&head))
        {
            facts.set_route(shared.route_names.route(template));
        }
        let trace = ServerTrace::begin(&shared, &facts, &head);
        let https = match facts.peer().and_then(|peer| peer.scheme) {
            Some(scheme) => scheme == Scheme::Https,
            None => head.uri.scheme() == Some(&http::uri::Scheme::HTTPS),
        };
        let method = MethodLabel::of(head.method);
        shared.metrics.started(method, https);
        Self {
            started: shared.clock.monotonic(),
            head: head.method == Method::HEAD,
            shared,
            facts,
            trace,
            method,
            https,
            status: 0,
            bytes: 0,
            ended: false,
        }
    }

    /// What children of this request's span hang under.
    pub(super) fn active(&self) -> Option<&Active> {
        self.trace.active()
    }

    pub(super) fn answered(&mut self, status: StatusCode) {
        self.status = status.as_u16();
    }

    pub(super) fn sent(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn end(mut self, how: End) {
        self.finish(how);
    }

    fn finish(&mut self, how: End) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let took = self.shared.clock.monotonic().since(self.started);
        let rejection = self.facts.rejection();
        let error = match (how, rejection) {
            (End::Cancelled, _) => ErrorLabel::Word("cancelled"),
            (End::BodyFailed, _) => ErrorLabel::Word("body"),
            (End::ServiceFailed, _) => ErrorLabel::Word("service"),
            // A server that refuses with 4xx has done its work: the conventions leave `error.type` out.
            (End::Whole, _) if self.status < 500 => ErrorLabel::None,
            (End::Whole, Some(rejection)) => ErrorLabel::Word(rejection.class().as_str()),
            (End::Whole, None) => ErrorLabel::Status,
        };
        let route = self.facts.route();
        let labels = Labels {
            method: self.method,
            https: self.https,
            status: self.status,
            error,
            route: route.map(|route| route.as_str()),
        };
        self.shared.metrics.ended(labels, route, took);
        if let Some(rejection) = rejection {
            self.shared.metrics.refused(rejection);
        }
        let (facts, method, https, status) = (&self.facts, self.method, self.https, self.status);
        self.trace.end(&self.shared, &Ended { facts, method, https, status, error, how, took });
        self.log(how, took);
    }

    /// One line; `None` fields are left out.
    fn log(&self, how: End, took: Duration) {
        let facts = &self.facts;
        let route = facts.route().map(|route| route.as_str());
        let level = self.level(how, route);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "gambeson::http",
                    method = self.method.as_str(),
                    route,
                    status = (self.status != 0).then_some(self.status),
                    ms = millis(took),
                    bytes = self.bytes,
                    ended = ended(how),
                    subject = facts.principal().map(|principal| principal.subject()),
                    refused = facts.rejection().map(|rejection| rejection.slug()),
                    cause = self.cause().map(display),
                    request_id = facts.request_id().map(|id| id.as_str()),
                    trace_id = facts.trace().map(|trace| display(trace.trace_id_hex())),
                )
            };
        }
        match level {
            Level::ERROR => line!(error),
            Level::WARN => line!(warn),
            Level::INFO => line!(info),
            _ => line!(debug),
        }
    }

    /// A stranger must not be able to fill the log with errors: those are faults of this app.
    fn level(&self, how: End, route: Option<&str>) -> Level {
        let class = self.facts.rejection().map(Rejection::class);
        let probe = matches!(route, Some("/livez" | "/readyz" | "/metrics"));
        match how {
            End::BodyFailed | End::ServiceFailed => Level::ERROR,
            // A probe that is told "not now" was answered as meant.
            _ if probe && (self.status < 400 || self.status == 503) && class.is_none() => Level::DEBUG,
            _ if self.status < 500 => Level::INFO,
            _ if class.is_some_and(|class| class != RejectionClass::Bug) => Level::WARN,
            _ => Level::ERROR,
        }
    }

    /// The private cause of a refusal that is not the caller's doing.
    fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        let rejection = self.facts.rejection()?;
        let ours = matches!(rejection.class(), RejectionClass::Bug | RejectionClass::Dependency);
        ours.then(|| rejection.private_cause()).flatten()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.finish(End::Cancelled);
    }
}

/// Milliseconds, to the microsecond.
fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}

fn ended(how: End) -> Option<&'static str> {
    match how {
        End::Whole => None,
        End::Cancelled => Some("cancelled"),
        End::BodyFailed => Some("body failed"),
        End::ServiceFailed => Some("service failed"),
    }
}
