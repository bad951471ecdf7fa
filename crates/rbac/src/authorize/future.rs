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
        Refused { response: Option<Response<ResBody>> },
        // Boxed: strict acts are few, and every future would be as large as what one of them holds.
        Waiting { held: Option<Box<Held<S, R, ReqBody>>> },
    }
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
        Self { state: State::Refused { response: Some(response) } }
    }

    pub(super) fn recording(held: Held<S, R, ReqBody>) -> Self {
        Self { state: State::Waiting { held: Some(Box::new(held)) } }
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
            let held = match state.as_mut().project() {
                StateProjection::Running { future } => return future.poll(context),
                StateProjection::Refused { response } => {
                    return Poll::Ready(Ok(response.take().expect(POLLED_AGAIN)));
                }
                StateProjection::Waiting { held } => held,
            };
            let refusal = ready!(held.as_mut().expect(POLLED_AGAIN).poll_begin(context));
            let held = held.take().expect(POLLED_AGAIN);
            match refusal? {
                Some(response) => return Poll::Ready(Ok(response)),
                None => state.set(State::Running { future: held.begin() }),
            }
        }
    }
}

impl<S, R, ReqBody, ResBody> Held<S, R, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: Respond<ResBody>,
{
    /// Waits for the record, then for the inner service; a response is a refusal.
    #[inline(never)]
    fn poll_begin(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Response<ResBody>>, S::Error>> {
        if !self.recorded {
            if let Err(rejection) = ready!(Pin::new(&mut *self.recording).poll(context)) {
                self.facts.set_rejection(rejection.clone());
                return Poll::Ready(Ok(Some(self.responder.respond(&rejection, &self.facts))));
            }
            self.recorded = true;
        }
        self.service.poll_ready(context).map_ok(|()| None)
    }

    #[inline(never)]
    fn begin(self) -> S::Future {
        let Self { mut service, request, recording, .. } = self;
        recording.begun();
        service.call(request)
    }
}

impl<S, R, ReqBody, ResBody> fmt::Debug for ResponseFuture<S, R, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
