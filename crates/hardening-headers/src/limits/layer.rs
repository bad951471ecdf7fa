//! The layer and its service.

use std::sync::Arc;
use std::task::{Context, Poll};

use gambeson_core::{Clock, ConfigError, ProblemJson, RequestFacts, Respond, Timer};
use http::{HeaderMap, Request, Response, header};
use tower_layer::Layer;
use tower_service::Service;

use super::body::{RequestBody, Watch};
use super::config::Limits;
use super::future::{Deadline, LimitFuture};
use super::rejection;
use super::time::Time;

/// Limits the size and the time of requests; see the [module](super).
#[derive(Debug)]
pub struct LimitsLayer<R = ProblemJson> {
    shared: Arc<Shared<R>>,
}

#[derive(Debug)]
pub(super) struct Shared<R> {
    pub(super) limits: Limits,
    pub(super) time: Arc<Time>,
    pub(super) respond: R,
}

impl LimitsLayer {
    /// A layer with these limits that answers with problem details.
    ///
    /// # Errors
    /// A deadline or rate of zero; all of them at once.
    pub fn new(limits: Limits) -> Result<Self, ConfigError> {
        limits.check()?;
        Ok(Self::with(limits, Arc::default(), ProblemJson))
    }

    /// A layer that limits nothing, with the same types.
    #[must_use]
    pub fn off() -> Self {
        Self::with(Limits::off(), Arc::default(), ProblemJson)
    }
}

impl Default for LimitsLayer {
    fn default() -> Self {
        Self::with(Limits::default(), Arc::default(), ProblemJson)
    }
}

impl<R> LimitsLayer<R> {
    fn with(limits: Limits, time: Arc<Time>, respond: R) -> Self {
        Self { shared: Arc::new(Shared { limits, time, respond }) }
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.shared.limits == Limits::off()
    }

    /// What it limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.shared.limits
    }

    /// Answers refusals so.
    #[must_use]
    pub fn respond_with<T>(self, respond: T) -> LimitsLayer<T> {
        LimitsLayer::with(self.shared.limits, Arc::clone(&self.shared.time), respond)
    }

    /// The clock of the deadlines; the system's unless said.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self
    where
        R: Clone,
    {
        let timer = Arc::clone(&self.shared.time.timer);
        Self::with(self.shared.limits, Arc::new(Time { clock, timer }), self.shared.respond.clone())
    }

    /// The timer of the deadlines, of the same kind as the clock; the system's unless said.
    #[must_use]
    pub fn timer(self, timer: Arc<dyn Timer>) -> Self
    where
        R: Clone,
    {
        let clock = Arc::clone(&self.shared.time.clock);
        Self::with(self.shared.limits, Arc::new(Time { clock, timer }), self.shared.respond.clone())
    }
}

impl<R> Clone for LimitsLayer<R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S, R> Layer<S> for LimitsLayer<R> {
    type Service = Limited<S, R>;

    fn layer(&self, inner: S) -> Limited<S, R> {
        Limited { inner, shared: Arc::clone(&self.shared) }
    }
}

/// The service that [`LimitsLayer`] makes.
#[derive(Debug)]
pub struct Limited<S, R = ProblemJson> {
    inner: S,
    shared: Arc<Shared<R>>,
}

impl<S: Clone, R> Clone for Limited<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for Limited<S, R>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>>,
    R: Respond<ResBody>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = LimitFuture<S::Future, ResBody, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let limits = self.shared.limits;
        if limits == Limits::off() {
            return LimitFuture::running(
                self.inner.call(request.map(|body| RequestBody::new(body, None, None))),
                None,
            );
        }
        let facts = RequestFacts::ensure(&mut request);
        if limits.body.is_some_and(|limit| announces_more(request.headers(), limit)) {
            let refusal = rejection::body_too_large();
            let response = self.shared.respond.respond(&refusal, &facts);
            facts.set_rejection(refusal);
            return LimitFuture::refused(response);
        }
        let watch = Watch {
            facts: facts.clone(),
            time: Arc::clone(&self.shared.time),
            deadline: limits.body_deadline,
            rate: limits.body_rate,
            received: 0,
            waiting: None,
        };
        let deadline =
            limits.handler.map(|after| Deadline { after, facts, shared: Arc::clone(&self.shared) });
        let request = request.map(|body| RequestBody::new(body, limits.body, Some(watch)));
        LimitFuture::running(self.inner.call(request), deadline)
    }
}

/// Whether the request says itself that its body is longer than that.
fn announces_more(headers: &HeaderMap, limit: u64) -> bool {
    headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()).is_some_and(|text| {
        match text.trim().parse::<u64>() {
            Ok(length) => length > limit,
            // More digits than 64 bits hold is certainly more; anything else is not a length, and counted as it comes.
            Err(error) => matches!(error.kind(), std::num::IntErrorKind::PosOverflow),
        }
    })
}
