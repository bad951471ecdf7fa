//! `/livez`, `/readyz` and `/metrics`, as data and as behaviour.

use bytes::Bytes;
use gambeson_core::{Access, EndpointSpec, Exempt, ReadinessState};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};

use crate::{METRICS_CONTENT_TYPE, Telemetry};

/// The endpoints of [`Telemetry`]: what they are, for a router to mount and list, and what they answer.
///
/// ```
/// use gambeson_otel_setup::{Endpoint, Telemetry};
///
/// let telemetry = Telemetry::builder("shop", "1.0.0").build()?;
/// let endpoints = telemetry.endpoints();
/// assert_eq!(endpoints.respond(Endpoint::Ready).status(), 503, "still starting");
/// telemetry.readiness().set_ready();
/// assert_eq!(endpoints.respond(Endpoint::Ready).status(), 200);
/// # Ok::<(), gambeson_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Endpoints(Telemetry);

/// One of the endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `/livez`, public: 200 as long as the process answers at all.
    Live,
    /// `/readyz`, public: 200 when it takes requests, 503 while it starts or drains. It shows a status only, and never
    /// flips because another part or a third party is in trouble: that is in `/metrics`, as `gambeson_health`. To the start belong the
    /// parts of [`TelemetryBuilder::ready_after`](crate::TelemetryBuilder::ready_after), each until it was there once.
    Ready,
    /// `/metrics`, for operators: OpenMetrics 1.0.
    Metrics,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Live, Self::Ready, Self::Metrics];

    /// The path, which is the route template too.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Live => "/livez",
            Self::Ready => "/readyz",
            Self::Metrics => "/metrics",
        }
    }

    /// What a router has to know of it.
    #[must_use]
    pub fn spec(self) -> EndpointSpec {
        let public = Access::Public("a probe has no credential, and learns a status only".into());
        match self {
            Self::Live | Self::Ready => {
                EndpointSpec::new(Method::GET, self.path(), public).exempt(Exempt::probe())
            }
            Self::Metrics => {
                let mut exempt = Exempt::default();
                exempt.traces = true;
                EndpointSpec::new(Method::GET, self.path(), Access::Management).exempt(exempt)
            }
        }
    }
}

impl Endpoints {
    pub(crate) fn of(telemetry: Telemetry) -> Self {
        Self(telemetry)
    }

    /// What a router has to know of all of them.
    #[must_use]
    pub fn specs(&self) -> Vec<EndpointSpec> {
        Endpoint::ALL.map(Endpoint::spec).into()
    }

    /// The answer of one of them.
    #[must_use]
    pub fn respond(&self, endpoint: Endpoint) -> Response<Bytes> {
        match endpoint {
            Endpoint::Live => plain(StatusCode::OK, "ok\n"),
            Endpoint::Ready => match self.0.readiness().state() {
                ReadinessState::Ready if self.0.has_started() => plain(StatusCode::OK, "ok\n"),
                ReadinessState::Ready | ReadinessState::Starting => {
                    plain(StatusCode::SERVICE_UNAVAILABLE, "starting\n")
                }
                _ => plain(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
            },
            Endpoint::Metrics => answer(StatusCode::OK, METRICS_CONTENT_TYPE, self.0.metrics_text().into()),
        }
    }

    /// The public ones, ready to mount into an axum router.
    #[cfg(feature = "axum-router")]
    #[must_use]
    pub fn public<S>(&self) -> Vec<(EndpointSpec, axum::routing::MethodRouter<S>)>
    where
        S: Clone + Send + Sync + 'static,
    {
        [Endpoint::Live, Endpoint::Ready].map(|endpoint| self.mounted(endpoint)).into()
    }

    /// Those for operators only, ready to mount into an axum router.
    #[cfg(feature = "axum-router")]
    #[must_use]
    pub fn management<S>(&self) -> Vec<(EndpointSpec, axum::routing::MethodRouter<S>)>
    where
        S: Clone + Send + Sync + 'static,
    {
        vec![self.mounted(Endpoint::Metrics)]
    }

    #[cfg(feature = "axum-router")]
    fn mounted<S>(&self, endpoint: Endpoint) -> (EndpointSpec, axum::routing::MethodRouter<S>)
    where
        S: Clone + Send + Sync + 'static,
    {
        let endpoints = self.clone();
        let handler = move || {
            let response = endpoints.respond(endpoint).map(axum::body::Body::from);
            std::future::ready(response)
        };
        (endpoint.spec(), axum::routing::get(handler))
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Bytes> {
    answer(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
