//! The layer that sees every request.
//!
//! # What it stops
//!
//! Nothing: it observes. It makes sure that no request goes unseen, also those that were refused, failed or given up by the
//! client, and that no stranger decides what is recorded. It measures what the app and the inner layers do, **not** the time on
//! the network, and it does **not** look into paths, headers or bodies for anything to write down.
//!
//! # Place in the stack
//!
//! Place 1, inside of the peer layer (whose word on the neighbour decides whether an incoming `traceparent` counts) and
//! outside of all others, so that refusals are seen too. With axum inside the router (`Router::layer`), so that the route is known.
//!
//! # Example
//!
//! ```
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async {
//! use bytes::Bytes;
//! use gambeson_otel_setup::Telemetry;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::{BodyExt, Full};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! let telemetry = Telemetry::builder("notes", "1.0.0").build().unwrap();
//! let app = telemetry.layer().layer(service_fn(|request: Request<()>| async move {
//!     let mut response = Response::new(Full::new(Bytes::from_static(b"hello")));
//!     if request.uri().path() == "/secret" {
//!         *response.status_mut() = StatusCode::FORBIDDEN;
//!     }
//!     Ok::<_, std::convert::Infallible>(response)
//! }));
//!
//! for (path, status) in [("/notes", 200), ("/secret", 403)] {
//!     let request = Request::get(path).body(()).unwrap();
//!     let response = app.clone().oneshot(request).await.unwrap();
//!     assert_eq!(response.status(), status);
//!     response.into_body().collect().await.unwrap();
//! }
//! let metrics = telemetry.metrics_text();
//! assert!(metrics.contains("http_response_status_code=\"200\""));
//! assert!(metrics.contains("http_response_status_code=\"403\""));
//! # });
//! ```
//!
//! # Customised
//!
//! ```
//! use gambeson_core::RequestHead;
//! use gambeson_otel_setup::Telemetry;
//!
//! // A gRPC method is its own route, but only one that exists: a stranger's path as a label would use up the series.
//! const METHODS: [&str; 2] = ["/shop.Orders/Place", "/shop.Orders/Watch"];
//!
//! fn grpc_method<'a>(head: &RequestHead<'a>) -> Option<&'a str> {
//!     METHODS.into_iter().find(|method| *method == head.uri.path())
//! }
//!
//! let telemetry = Telemetry::builder("notes", "1.0.0").routes(grpc_method).most_series(500).build()?;
//! # let _ = telemetry.layer();
//! # Ok::<(), gambeson_core::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | routes | from the facts | an inner layer that looks routes up records them |
//! | spans | none | they need an endpoint to go to |
//! | sampling | every trace, unless a trusted neighbour does not record it | see [`Sampling`](crate::Sampling) |
//! | probes and `/metrics` | no span | they are noise |
//! | client's address | not on the span | personal data |
//! | series | 2,000 | a flood of odd requests must not fill the memory |
//! | buckets | 5 ms to 10 s | those of the HTTP semantic conventions |
//!
//! # Rejections
//!
//! It refuses nothing.
//!
//! # Telemetry
//!
//! | what | labels or level | when |
//! |---|---|---|
//! | `http_server_request_duration_seconds` | `http_request_method` (unknown: `_OTHER`), `url_scheme`, `http_route` if known, `http_response_status_code`, `error_type` | at the end of the body |
//! | `http_server_active_requests` | `http_request_method`, `url_scheme` | while a request runs |
//! | `gambeson_rejections_total` | class, package, slug | a layer refused |
//! | a server span named `{method} {route}`, if the trace is recorded | below | the same |
//! | log line, target `gambeson::http` | info; warn for a refusal from 500 on that is no fault of this app (dependency, limit, money); error for all else from 500 on and when service or body failed; debug for probes | at the end of the body |
//!
//! `error_type` is, from status 500 on, the class of the refusal or else the status; or `cancelled`, `body` (the body failed) or
//! `service` (the inner service failed). A 4xx is no error of the server and has none, as the conventions ask: refusals are counted
//! by themselves.
//!
//! The line has `method`, `route`, `status`, `ms` (to the microsecond), `bytes` of the body, `ended` unless it ended well, `subject` (of the
//! principal: personal data), `refused` (slug), `cause` (of a `bug` or `dependency` only), `request_id` and `trace_id`. The raw path, the
//! host and header fields are neither labelled nor logged, unless a route source says that a path is a route.
//!
//! # Traces
//!
//! Each request gets a span id of its own. A valid `traceparent` from a trusted neighbour is its parent, and its flag decides whether the
//! trace is recorded; its `tracestate` is passed on within the limits of the standard. From anybody else a `traceparent` makes a
//! link, and nothing more: the request begins a new trace with a random id.
//!
//! The span has `http.request.method` (and `http.request.method_original`, at most 32 characters, for an unknown one), `url.scheme`,
//! `http.route`, `http.response.status_code`, `network.protocol.version`, `error.type`, `server.address` and `server.port` as the app
//! declares them, `client.address` where the app allows it, `gambeson.rejection` (slug), `gambeson.rejection.class`, `gambeson.cost.amount`
//! and `gambeson.cost.currency`. `url.path` and `url.query` are left out, although the conventions ask for them: paths hold ids and
//! magic links. The principal is never there.
//!
//! Its status is an error from 500 on and when the body or the inner service failed. A client that went away is no error: such a span
//! has `gambeson.cancelled`. One that is kept although its trace is not recorded has `gambeson.sampled_late`.
//!
//! While the layer polls the inner service and the body, the request's trace is the [`current_trace`](crate::current_trace).
//!
//! # Cancel safety
//!
//! A dropped future or body counts once, as `cancelled`, and the number of active requests goes down with it. A body has ended at its
//! end, at an error, when it says that it has ended, and when as many bytes as announced went through; a body that the
//! protocol does not send (`HEAD`, 204, 304) has ended from the start.
//!
//! # Errors
//!
//! Errors of the inner service pass unchanged. A system without randomness costs the trace id, not the request.
//!
//! # Standards
//!
//! OpenTelemetry HTTP semantic conventions 1.42; W3C Trace Context level 1, §3.2 and §3.3, and the random flag of level 2; OpenMetrics
//! 1.0; OTLP 1 over HTTP.

mod body;
mod exchange;
mod future;
mod server_span;

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

pub use body::ResponseBody;
use exchange::Exchange;
pub use future::ResponseFuture;

use crate::context::within;
use crate::telemetry::Shared;

/// Observes each request: see the [crate page](crate) and [`Telemetry::layer`](crate::Telemetry::layer).
#[derive(Debug, Clone)]
pub struct TelemetryLayer(Option<Arc<Shared>>);

impl TelemetryLayer {
    /// A layer of the same type that does nothing.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Whether the layer was switched off.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        self.0.is_none()
    }

    /// What is observed as which service, and whether it is exported, in a few words for a report; empty for a layer that
    /// is off.
    #[must_use]
    pub fn summary(&self) -> String {
        self.0.as_ref().map_or_else(String::new, |shared| {
            let export = match (&shared.exporter, &shared.recorder) {
                (None, _) => "nothing exported",
                (Some(_), Some(_)) => "metrics and spans exported",
                (Some(_), None) => "metrics exported",
            };
            let version = if shared.version.is_empty() { "of no version" } else { &*shared.version };
            format!("service {} {version}, {export}", shared.service)
        })
    }

    pub(crate) const fn of(shared: Arc<Shared>) -> Self {
        Self(Some(shared))
    }
}

impl<S> Layer<S> for TelemetryLayer {
    type Service = TelemetryService<S>;

    fn layer(&self, inner: S) -> TelemetryService<S> {
        TelemetryService { shared: self.0.clone(), inner }
    }
}

/// The service that [`TelemetryLayer`] makes.
#[derive(Debug, Clone)]
pub struct TelemetryService<S> {
    shared: Option<Arc<Shared>>,
    inner: S,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for TelemetryService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let exchange = self.shared.as_ref().map(|shared| Exchange::begin(shared.clone(), &mut request));
        let active = exchange.as_ref().and_then(Exchange::active);
        let future = within(active, || self.inner.call(request));
        ResponseFuture::new(future, exchange)
    }
}
