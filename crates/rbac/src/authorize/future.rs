//! The answer to a request, as it comes.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use gambeson_core::{RequestFacts, Respond};
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::recording::Recording;

pin_project! {
    /// The answer of the inner service, a refusal, or first the wait for the audit trail.
    pub struct ResponseFuture<S, R, ReqBody, ResBody>
    where
        S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    {
        #[pin]
        state: State<S, R, ReqBody, ResBody, S::Future>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, R, ReqBody, ResBody, F> {
        Running { #[pin] future: F },
        Before { before: Option<Before<S, R, ReqBody, ResBody>> },
    }
}

/// What comes before the inner service is called, or in its place.
enum Before<S, R, ReqBody, ResBody> {
    Refused(Response<ResBody>),
    // Boxed: strict acts are few, and every future would be as large as what one of them holds.
    Waiting(Box<Held<S, R, ReqBody>>),
}

/// A request that waits for its record, with a clone of the service that is not ready, so that it holds no permit.
pub(super) struct Held<S, R, ReqBody> {
    pub(super) service: S,
    pub(super) request: Request<ReqBody>,
    pub(super) facts: RequestFacts,
    pub(super) responder: Arc<R>,
    pub(super) recording: Box<Recording>,
    pub(super) recorded: bool,
}

impl<S, R, ReqBody, ResBody> ResponseFuture<S, R, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    pub(super) fn running(future: S::Future) -> Self {
        Self { state: State::Running { future } }
    }

    pub(super) fn refused(response: Response<ResBody>) -> Self {
        Self { state: State::Before { before: Some(Before::Refused(response)) } }
    }

    pub(super) fn recording(held: Held<S, R, ReqBody>) -> Self {
        Self { state: State::Before { before: Some(Before::Waiting(Box::new(held))) } }
    }
}

const POLLED_AGAIN: &str = "a future is not polled after it completed";

impl<S, R, ReqBody, ResBody> Future for ResponseFuture<S, R, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: Respond<ResBody>,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let before = match state.as_mut().project() {
                StateProjection::Running { future } => return future.poll(context),
                StateProjection::Before { before } => before,
            };
            match ready!(begin(before, context))? {
                Begun::Running(future) => state.set(State::Running { future }),
                Begun::Refused(response) => return Poll::Ready(Ok(response)),
            }
        }
    }
}

type Beginning<F, ResBody, E> = Poll<Result<Begun<F, ResBody>, E>>;

/// How a request that did not pass at once goes on.
enum Begun<F, ResBody> {
    Running(F),
    Refused(Response<ResBody>),
}

/// Waits for the record, then for the inner service, and calls it.
#[inline(never)]
fn begin<S, R, ReqBody, ResBody>(
    before: &mut Option<Before<S, R, ReqBody, ResBody>>,
    context: &mut Context<'_>,
) -> Beginning<S::Future, ResBody, S::Error>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: Respond<ResBody>,
{
    if let Some(Before::Waiting(held)) = before {
        if !held.recorded {
            if let Err(rejection) = ready!(Pin::new(&mut *held.recording).poll(context)) {
                held.facts.set_rejection(rejection.clone());
                let response = held.responder.respond(&rejection, &held.facts);
                *before = None;
                return Poll::Ready(Ok(Begun::Refused(response)));
            }
            held.recorded = true;
        }
        ready!(held.service.poll_ready(context))?;
    }
    Poll::Ready(Ok(match before.take().expect(POLLED_AGAIN) {
        Before::Refused(response) => Begun::Refused(response),
        Before::Waiting(held) => {
            let Held { mut service, request, recording, .. } = *held;
            recording.begun();
            Begun::Running(service.call(request))
        }
    }))
}

impl<S, R, ReqBody, ResBody> fmt::Debug for ResponseFuture<S, R, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
