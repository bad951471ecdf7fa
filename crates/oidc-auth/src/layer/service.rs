//! The service and its response future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use gambeson_core::{RequestFacts, RequestHead, Respond};
use http::{Request, Response, header};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::credential::{Credential, credential};
use super::decision::{Decision, Gate};
use crate::error::{Reason, TokenError};
use crate::keys::KeyWait;
use crate::verifier::Verifier;

/// Gate and responder: what all clones share.
#[derive(Debug, Clone)]
pub(super) struct Shared<R> {
    pub(super) gate: Gate,
    pub(super) respond: R,
}

/// The service that [`AuthLayer`](super::AuthLayer) makes.
#[derive(Debug)]
pub struct AuthService<S, R> {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared<R>>,
}

impl<S: Clone, R> Clone for AuthService<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for AuthService<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    R: Respond<ResBody>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let Some(verifier) = &self.shared.gate.verifier else {
            return ResponseFuture::inner(self.inner.call(request));
        };
        let facts = RequestFacts::ensure(&mut request);
        match self.shared.gate.decide(verifier, &RequestHead::from(&request), &facts) {
            Decision::Pass => {
                hide(&mut request);
                ResponseFuture::inner(self.inner.call(request))
            }
            Decision::Refuse(rejection) => {
                ResponseFuture::refused(self.shared.respond.respond(&rejection, &facts))
            }
            Decision::Wait(wait) => {
                let verifier = verifier.clone();
                // Two unready clones: the readied service goes, or its permit would be held all the while.
                self.inner = self.inner.clone();
                ResponseFuture::waiting(Waiting {
                    shared: Arc::clone(&self.shared),
                    inner: self.inner.clone(),
                    verifier,
                    request,
                    facts,
                    wait: Some(wait),
                })
            }
        }
    }
}

/// Keeps the token out of whatever prints headers further inside.
fn hide<B>(request: &mut Request<B>) {
    if let Some(value) = request.headers_mut().get_mut(header::AUTHORIZATION) {
        value.set_sensitive(true);
    }
}

pin_project! {
    /// The answer of an [`AuthService`], which waits for a key at most.
    pub struct ResponseFuture<S, B, R>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, R>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, R>
    where
        S: Service<Request<B>>,
    {
        Inner { #[pin] future: S::Future },
        Refused { response: Option<S::Response> },
        Waiting { waiting: Option<Box<Waiting<S, B, R>>> },
    }
}

/// A request whose key is not known yet, with all it takes to go on.
struct Waiting<S, B, R> {
    shared: Arc<Shared<R>>,
    inner: S,
    verifier: Verifier,
    request: Request<B>,
    facts: RequestFacts,
    /// `None` once the request is admitted: the place is given back before the inner service gets ready.
    wait: Option<KeyWait>,
}

impl<S: Service<Request<B>>, B, R> ResponseFuture<S, B, R> {
    fn inner(future: S::Future) -> Self {
        Self { state: State::Inner { future } }
    }

    fn refused(response: S::Response) -> Self {
        let response = Some(response);
        Self { state: State::Refused { response } }
    }

    fn waiting(waiting: Waiting<S, B, R>) -> Self {
        let waiting = Some(Box::new(waiting));
        Self { state: State::Waiting { waiting } }
    }
}

impl<S, B, R, ResBody> Waiting<S, B, R>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    R: Respond<ResBody>,
{
    /// Whether the request was admitted; else the answer that refuses it.
    fn poll_admission(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Response<ResBody>>> {
        let Some(wait) = &mut self.wait else {
            return Poll::Ready(Ok(()));
        };
        let outcome = match credential(self.request.headers()) {
            Credential::Bearer(token) => ready!(self.verifier.poll_waiting(token, wait, context)),
            _ => Err(TokenError::new(Reason::Malformed)),
        };
        self.wait = None;
        let head = RequestHead::from(&self.request);
        let concluded = self.shared.gate.conclude(&self.verifier, outcome, &head, &self.facts);
        Poll::Ready(concluded.map_err(|rejection| self.shared.respond.respond(&rejection, &self.facts)))
    }
}

impl<S, B, R, ResBody> Future for ResponseFuture<S, B, R>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    R: Respond<ResBody>,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let future = match state.as_mut().project() {
                StateProjection::Inner { future } => return future.poll(context),
                StateProjection::Refused { response } => match response.take() {
                    Some(response) => return Poll::Ready(Ok(response)),
                    None => return Poll::Pending,
                },
                StateProjection::Waiting { waiting } => {
                    let Some(admitted) = waiting.as_mut() else {
                        return Poll::Pending;
                    };
                    if let Err(response) = ready!(admitted.poll_admission(context)) {
                        *waiting = None;
                        return Poll::Ready(Ok(response));
                    }
                    ready!(admitted.inner.poll_ready(context))?;
                    let Some(mut admitted) = waiting.take() else {
                        return Poll::Pending;
                    };
                    hide(&mut admitted.request);
                    admitted.inner.call(admitted.request)
                }
            };
            state.set(State::Inner { future });
        }
    }
}

impl<S: Service<Request<B>>, B, R> fmt::Debug for ResponseFuture<S, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
