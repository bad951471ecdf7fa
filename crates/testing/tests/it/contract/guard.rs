//! A small layer as the house builds them: it asks for a header field, decides in `call`, and boxes nothing.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use gambeson_core::{ProblemJson, Rejection, RejectionClass, RequestFacts, Respond};
use http::{Request, Response, StatusCode};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

/// Refuses requests without the field `x-key`, which only tests call security.
#[derive(Debug, Clone, Default)]
pub(crate) struct GuardLayer<R = ProblemJson>(Arc<R>);

impl<R> GuardLayer<R> {
    #[cfg_attr(not(feature = "adopt-axum"), expect(dead_code, reason = "for adoption only"))]
    pub(crate) fn with(responder: R) -> Self {
        Self(Arc::new(responder))
    }
}

impl<S, R> Layer<S> for GuardLayer<R> {
    type Service = Guard<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Guard { inner, responder: Arc::clone(&self.0) }
    }
}

#[derive(Debug)]
pub(crate) struct Guard<S, R> {
    inner: S,
    responder: Arc<R>,
}

impl<S: Clone, R> Clone for Guard<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), responder: Arc::clone(&self.responder) }
    }
}

pub(crate) fn refusal() -> Rejection {
    Rejection::new("guard", RejectionClass::Credential, "no-key", StatusCode::UNAUTHORIZED)
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for Guard<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: Respond<ResBody>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = GuardFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        if request.headers().contains_key("x-key") {
            return GuardFuture::Inner { future: self.inner.call(request) };
        }
        let facts = RequestFacts::ensure(&mut request);
        facts.set_rejection(refusal());
        GuardFuture::Refused { response: Some(self.responder.respond(&refusal(), &facts)) }
    }
}

pin_project! {
    #[project = State]
    pub(crate) enum GuardFuture<F, B> {
        Inner { #[pin] future: F },
        Refused { response: Option<Response<B>> },
    }
}

impl<F, B, E> Future for GuardFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            State::Inner { future } => future.poll(cx),
            State::Refused { response } => Poll::Ready(Ok(response.take().expect("polled after the end"))),
        }
    }
}
