//! The layer that sees calls to other services.
//!
//! # What it stops
//!
//! It refuses nothing. It keeps the trace context from services that it is not meant for: `traceparent` and `tracestate` are taken off
//! a call to any host that [`ClientLayer::propagate_to`] does not name. It does **not** look at bodies, and it measures to the head of
//! the answer, not to its end.
//!
//! # Place in the stack
//!
//! Place "out 1", outermost of the client's layers, so that calls which a budget or a breaker refuses are seen too. Around a client
//! that retries by itself it sees one call; inside of a layer that retries it sees each attempt.
//!
//! # Example
//!
//! ```
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async {
//! use gambeson_core::{BoxError, Refused, Rejection, RejectionClass};
//! use gambeson_otel_setup::Telemetry;
//! use http::{Request, Response, StatusCode};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! let telemetry = Telemetry::builder("notes", "1.0.0").build().unwrap();
//! let layer = telemetry.client_layer("model").propagate_to(["model.internal"]);
//! let client = layer.layer(service_fn(|call: Request<()>| async move {
//!     if call.uri().path() == "/breaker-is-open" {
//!         let refusal = Rejection::new("my-crate", RejectionClass::Dependency, "circuit-open", StatusCode::SERVICE_UNAVAILABLE);
//!         return Err::<_, BoxError>(Refused(refusal).into());
//!     }
//!     assert!(call.headers().contains_key("traceparent"));
//!     Ok(Response::new(()))
//! }));
//!
//! let call = Request::get("http://model.internal/v1").body(()).unwrap();
//! assert!(client.clone().oneshot(call).await.is_ok());
//! let call = Request::get("http://model.internal/breaker-is-open").body(()).unwrap();
//! assert!(client.oneshot(call).await.unwrap_err().is::<Refused>());
//! let metrics = telemetry.metrics_text();
//! assert!(metrics.contains("gambeson_dependency=\"model\""));
//! assert!(metrics.contains("error_type=\"dependency\""));
//! # });
//! ```
//!
//! # Customised
//!
//! ```
//! use gambeson_otel_setup::{ResendCount, Telemetry};
//!
//! let telemetry = Telemetry::builder("notes", "1.0.0").build()?;
//! // Every host below `internal.example`, and one more. A retry layer says which attempt it is.
//! let layer = telemetry.client_layer("billing").propagate_to([".internal.example", "billing.example"]);
//! let mut call = http::Request::new(());
//! call.extensions_mut().insert(ResendCount(1));
//! # let _ = layer;
//! # Ok::<(), gambeson_core::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | hosts that get the trace context | none | ids of your requests are not everybody's business |
//!
//! # Rejections
//!
//! It refuses nothing.
//!
//! # Telemetry
//!
//! | what | labels or attributes | when |
//! |---|---|---|
//! | `http_client_request_duration_seconds` | `gambeson_dependency`, `http_request_method`, `url_scheme`, `server_address`, `server_port`, `http_response_status_code`, `error_type` | at the head of the answer |
//! | a client span, if the trace is recorded | the same, and `http.request.resend_count`, `gambeson.rejection`, `gambeson.cancelled` | the same |
//!
//! A call is a child of the current span ([`current_trace`](crate::current_trace)), else of the request whose `RequestFacts` its
//! extensions hold, else the first span of a new trace. `error.type` is the status from 400 on, the class of a refusal, the kind of a
//! transport error (`timeout`, `connect`…), `_OTHER`, or, in the metric only, `cancelled`: giving a call up is no error.
//!
//! # Cancel safety
//!
//! A dropped future counts once, as cancelled.
//!
//! # Errors
//!
//! Errors of the inner service pass, as `BoxError`.
//!
//! # Standards
//!
//! OpenTelemetry HTTP semantic conventions 1.42 (client spans and metrics); W3C Trace Context §3.2, §3.3, §4.3.

mod call;
mod future;
mod hosts;

use std::sync::Arc;
use std::task::{Context, Poll};

use gambeson_core::BoxError;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use call::Call;
pub use future::CallFuture;
use hosts::Hosts;

use crate::context::within;
use crate::telemetry::Shared;

/// How many times this request was sent before; a retry layer puts it into the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResendCount(pub u32);

/// Observes each call to one service: see [`Telemetry::client_layer`](crate::Telemetry::client_layer).
#[derive(Debug, Clone)]
pub struct ClientLayer(Option<Arc<Dependency>>);

/// The service that is called.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    shared: Arc<Shared>,
    name: Arc<str>,
    propagate_to: Hosts,
}

impl ClientLayer {
    /// A layer of the same type that does nothing.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    pub(crate) fn of(shared: Arc<Shared>, name: Arc<str>) -> Self {
        Self(Some(Arc::new(Dependency { shared, name, propagate_to: Hosts::default() })))
    }

    /// The hosts that get the trace context: `api.example` is that host, `.example` every host below it. Ports don't matter.
    /// Default: none.
    #[must_use]
    pub fn propagate_to<H: AsRef<str>>(self, hosts: impl IntoIterator<Item = H>) -> Self {
        let propagate_to: Hosts = hosts.into_iter().collect();
        Self(self.0.map(|dependency| Arc::new(Dependency { propagate_to, ..Dependency::clone(&dependency) })))
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = ClientService<S>;

    fn layer(&self, inner: S) -> ClientService<S> {
        ClientService { dependency: self.0.clone(), inner }
    }
}

/// The service that [`ClientLayer`] makes.
#[derive(Debug, Clone)]
pub struct ClientService<S> {
    dependency: Option<Arc<Dependency>>,
    inner: S,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for ClientService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    S::Error: Into<BoxError>,
{
    type Response = Response<ResBody>;
    type Error = BoxError;
    type Future = CallFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let call = self.dependency.as_ref().map(|dependency| Call::begin(dependency.clone(), &mut request));
        let active = call.as_ref().and_then(Call::active);
        let future = within(active, || self.inner.call(request));
        CallFuture::new(future, call)
    }
}
