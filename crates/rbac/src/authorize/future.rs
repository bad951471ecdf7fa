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
        // The inner service's, as soon as that was called.
        #[pin]
        running: Option<S::Future>,
        // Boxed: most requests pass, and their futures should not be as large as what a refusal or a wait holds.
        before: Option<Box<Before<S, R, ReqBody, ResBody>>>,
    }
}

/// What comes before the inner service is called, or in its place.
enum Before<S, R, ReqBody, ResBody> {
    Refused(Response<ResBody>),
    Waiting(Held<S, R, ReqBody>),
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
        Self { running: Some(future), before: None }
    }

    pub(super) fn refused(response: Response<ResBody>) -> Self {
        Self { running: None, before: Some(Box::new(Before::Refused(response))) }
    }

    pub(super) fn recording(held: Held<S, R, ReqBody>) -> Self {
        Self { running: None, before: Some(Box::new(Before::Waiting(held))) }
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
        let mut this = self.project();
        if this.running.is_none() {
            match ready!(begin(this.before, context))? {
                Begun::Running(future) => this.running.set(Some(future)),
                Begun::Refused(response) => return Poll::Ready(Ok(response)),
            }
        }
        this.running.as_pin_mut().expect(POLLED_AGAIN).poll(context)
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
    before: &mut Option<Box<Before<S, R, ReqBody, ResBody>>>,
    context: &mut Context<'_>,
) -> Beginning<S::Future, ResBody, S::Error>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: Respond<ResBody>,
{
    if let Some(Before::Waiting(held)) = before.as_deref_mut() {
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
    Poll::Ready(Ok(match *before.take().expect(POLLED_AGAIN) {
        Before::Refused(response) => Begun::Refused(response),
        Before::Waiting(Held { mut service, request, recording, .. }) => {
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
