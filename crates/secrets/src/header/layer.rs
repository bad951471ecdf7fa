//! The layer and its service.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use gambeson_core::{BoxError, Refused, Rejection, RejectionClass, RequestFacts};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use super::builder::SecretHeaderBuilder;
use super::future::{SecretHeaderFuture, Sent};
use super::origin::Origin;
use crate::error::ReadError;
use crate::secret::Secret;
use crate::telemetry;

/// Puts a live secret on requests to one origin; see the [module](super).
#[derive(Debug, Clone)]
pub struct SecretHeaderLayer {
    shared: Option<Arc<Shared>>,
}

#[derive(Debug)]
pub(super) struct Shared {
    origin: Origin,
    name: HeaderName,
    value: Secret<HeaderValue>,
    elsewhere: AtomicU64,
}

impl Shared {
    pub(super) fn new(origin: Origin, name: HeaderName, value: Secret<HeaderValue>) -> Self {
        Self { origin, name, value, elsewhere: AtomicU64::new(0) }
    }

    pub(super) fn rejected(&self, sent: &Sent) {
        self.value.report_rejected_version(sent.version);
    }
}

impl SecretHeaderLayer {
    /// A layer for requests to this origin, such as `https://api.example.com`.
    pub fn builder(origin: impl Into<String>) -> SecretHeaderBuilder {
        SecretHeaderBuilder::new(origin.into())
    }

    /// A layer that adds nothing, with the same types.
    #[must_use]
    pub fn off() -> Self {
        Self::with(None)
    }

    /// Whether the layer was switched off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.shared.is_none()
    }

    pub(super) fn with(shared: Option<Arc<Shared>>) -> Self {
        Self { shared }
    }
}

impl<S> Layer<S> for SecretHeaderLayer {
    type Service = SecretHeader<S>;

    fn layer(&self, inner: S) -> SecretHeader<S> {
        SecretHeader { inner, shared: self.shared.clone() }
    }
}

/// The service that [`SecretHeaderLayer`] makes.
#[derive(Debug, Clone)]
pub struct SecretHeader<S> {
    inner: S,
    shared: Option<Arc<Shared>>,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SecretHeader<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    S::Error: Into<BoxError>,
{
    type Response = Response<ResBody>;
    type Error = BoxError;
    type Future = SecretHeaderFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let Some(shared) = &self.shared else {
            return SecretHeaderFuture::running(self.inner.call(request), None);
        };
        match shared.equip(&mut request) {
            Ok(sent) => SecretHeaderFuture::running(self.inner.call(request), sent),
            Err(error) => {
                let rejection = unavailable().cause(error);
                RequestFacts::ensure(&mut request).set_rejection(rejection.clone());
                SecretHeaderFuture::refused(Refused(rejection))
            }
        }
    }
}

impl Shared {
    /// Puts the secret on a request to the origin, and says which version it was.
    fn equip<B>(self: &Arc<Self>, request: &mut Request<B>) -> Result<Option<Sent>, ReadError> {
        if !self.origin.holds(request.uri()) {
            telemetry::elsewhere(&self.origin, self.elsewhere.fetch_add(1, Ordering::Relaxed) + 1);
            return Ok(None);
        }
        let value = self.value.usable()?;
        request.headers_mut().insert(self.name.clone(), value.clone());
        Ok(Some(Sent { shared: Arc::clone(self), version: value.version() }))
    }
}

fn unavailable() -> Rejection {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Rejection::new("gambeson-secrets", RejectionClass::Dependency, "secret-unavailable", status)
        .detail("a credential that this request needs is not available")
}
