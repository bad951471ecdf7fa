//! The layer, its service and its answer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use gambeson_core::{
    BoxError, Clock, ConfigError, Refused, Rejection, RejectionClass, RequestFacts, SystemClock,
};
use http::{Request, Response, StatusCode, header};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::circuit::{Circuit, CircuitBreaker, Outcome, Permit};
use super::policy::BreakerPolicy;

/// Stops calling what fails; see the [module](super). Clones share one breaker.
#[derive(Debug, Clone)]
pub struct CircuitBreakerLayer {
    circuit: Option<Arc<Circuit>>,
}

impl CircuitBreakerLayer {
    /// A breaker of this name (for logs) and policy.
    ///
    /// # Errors
    /// Every value out of its range, at once.
    pub fn new(name: &str, policy: BreakerPolicy) -> Result<Self, ConfigError> {
        policy.check("breaker")?;
        let clock = Arc::new(SystemClock::new());
        Ok(Self { circuit: Some(Arc::new(Circuit::new(name, policy, clock))) })
    }

    /// A layer that never opens, with the same types.
    #[must_use]
    pub fn off() -> Self {
        Self { circuit: None }
    }

    /// The same breaker, closed, with this clock; the system's unless said.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        let with =
            |circuit: Arc<Circuit>| Arc::new(Circuit::new(&circuit.name, circuit.policy.clone(), clock));
        Self { circuit: self.circuit.map(with) }
    }

    /// Its state; `None` when it is off.
    #[must_use]
    pub fn breaker(&self) -> Option<CircuitBreaker> {
        self.circuit.clone().map(CircuitBreaker)
    }
}

impl<S> Layer<S> for CircuitBreakerLayer {
    type Service = BreakerService<S>;

    fn layer(&self, inner: S) -> BreakerService<S> {
        BreakerService { inner, circuit: self.circuit.clone(), leave: None }
    }
}

/// The service that [`CircuitBreakerLayer`] makes.
pub struct BreakerService<S> {
    inner: S,
    circuit: Option<Arc<Circuit>>,
    /// What the breaker said when readiness was asked for.
    leave: Option<Result<Permit, Duration>>,
}

impl<S: Clone> Clone for BreakerService<S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), circuit: self.circuit.clone(), leave: None }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for BreakerService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    S::Error: Into<BoxError>,
{
    type Response = Response<ResBody>;
    type Error = BoxError;
    type Future = BreakerFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let Some(circuit) = &self.circuit else { return self.inner.poll_ready(cx).map_err(Into::into) };
        let stale = match &self.leave {
            None | Some(Err(_)) => true,
            Some(Ok(permit)) => permit.is_stale(),
        };
        if stale {
            self.leave = Some(circuit.admit());
        }
        if let Some(Err(_)) = &self.leave {
            // Refused in `call`; what is behind an open breaker is not even asked whether it is ready.
            return Poll::Ready(Ok(()));
        }
        match ready!(self.inner.poll_ready(cx)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(error) => {
                let error = error.into();
                if let Some(Ok(permit)) = self.leave.take() {
                    permit.end(failure(&error));
                }
                Poll::Ready(Err(error))
            }
        }
    }

    fn call(&mut self, request: Request<ReqBody>) -> BreakerFuture<S::Future> {
        if self.circuit.is_none() {
            return BreakerFuture::running(self.inner.call(request), None);
        }
        let wait = match self.leave.take() {
            Some(Ok(permit)) if !permit.is_stale() => {
                return BreakerFuture::running(self.inner.call(request), Some(permit));
            }
            Some(Err(wait)) => wait,
            // It opened meanwhile, or nobody asked for readiness.
            Some(Ok(_)) | None => Duration::from_secs(1),
        };
        let rejection = circuit_open(wait);
        if let Some(facts) = RequestFacts::of(request.extensions()) {
            facts.set_rejection(rejection.clone());
        }
        BreakerFuture::refused(rejection)
    }
}

pin_project! {
    /// The response future of [`BreakerService`].
    pub struct BreakerFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = Now]
    enum State<F> {
        Running { #[pin] inner: F, permit: Option<Permit> },
        Refused { rejection: Option<Rejection> },
    }
}

impl<F> BreakerFuture<F> {
    fn running(inner: F, permit: Option<Permit>) -> Self {
        Self { state: State::Running { inner, permit } }
    }

    fn refused(rejection: Rejection) -> Self {
        Self { state: State::Refused { rejection: Some(rejection) } }
    }
}

impl<F, B, E> Future for BreakerFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Response<B>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Now::Refused { rejection } => match rejection.take() {
                Some(rejection) => Poll::Ready(Err(Box::new(Refused(rejection)))),
                None => Poll::Pending,
            },
            Now::Running { inner, permit } => {
                let answer = ready!(inner.poll(cx)).map_err(Into::into);
                if let Some(permit) = permit.take() {
                    permit.end(match &answer {
                        Ok(response) => outcome(response),
                        Err(error) => failure(error),
                    });
                }
                Poll::Ready(answer)
            }
        }
    }
}

/// A layer further inside that refused a call has kept it from the third party, of which it says nothing: one caller's bad token must
/// not close the way to everybody.
fn failure(error: &BoxError) -> Outcome {
    if error.is::<Refused>() { Outcome::Unknown } else { Outcome::Bad { retry_after: None } }
}

fn circuit_open(after: Duration) -> Rejection {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Rejection::new("gambeson-cost-guard", RejectionClass::Dependency, "circuit-open", status)
        .detail("a service that this app depends on is in trouble")
        .retry_after(after)
}

/// 5xx is a failure, but 501 and 505 are the caller's; 429 is, as it asks to stop; 402 means that money is spent there.
fn outcome<B>(response: &Response<B>) -> Outcome {
    let retry_after = || {
        let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    };
    match response.status() {
        StatusCode::PAYMENT_REQUIRED => Outcome::Spent { retry_after: retry_after() },
        StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => Outcome::Good,
        StatusCode::TOO_MANY_REQUESTS => Outcome::Bad { retry_after: retry_after() },
        status if status.is_server_error() => Outcome::Bad { retry_after: retry_after() },
        _ => Outcome::Good,
    }
}

impl<S: fmt::Debug> fmt::Debug for BreakerService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreakerService")
            .field("inner", &self.inner)
            .field("circuit", &self.circuit)
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for BreakerFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreakerFuture").finish_non_exhaustive()
    }
}
