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
use super::decision::{Asked, Decision, Gate, Stage};
use super::sender::NextNonce;
use crate::dpop::NONCE;
use crate::error::{Reason, TokenError};
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
            return ResponseFuture::inner(self.inner.call(request), None);
        };
        let facts = RequestFacts::ensure(&mut request);
        let head = RequestHead::from(&request);
        match self.shared.gate.decide(Asked { verifier, head: &head, facts: &facts }) {
            Decision::Pass(next_nonce) => {
                hide(&mut request);
                ResponseFuture::inner(self.inner.call(request), next_nonce)
            }
            Decision::Refuse(rejection) => {
                ResponseFuture::refused(self.shared.respond.respond(&rejection, &facts))
            }
            Decision::Wait(stage) => {
                let verifier = verifier.clone();
                // Two unready clones: the readied service goes, or its permit would be held all the while.
                self.inner = self.inner.clone();
                ResponseFuture::waiting(Waiting {
                    shared: Arc::clone(&self.shared),
                    inner: self.inner.clone(),
                    verifier,
                    request,
                    facts,
                    stage,
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
    /// The answer of an [`AuthService`], which waits for a key, or for a store of used proofs, at most.
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
        Inner { #[pin] future: S::Future, next_nonce: NextNonce },
        Refused { response: Option<S::Response> },
        Waiting { waiting: Option<Box<Waiting<S, B, R>>> },
    }
}

/// A request of which not all is known yet, with all it takes to go on.
struct Waiting<S, B, R> {
    shared: Arc<Shared<R>>,
    inner: S,
    verifier: Verifier,
    request: Request<B>,
    facts: RequestFacts,
    stage: Stage,
}

impl<S: Service<Request<B>>, B, R> ResponseFuture<S, B, R> {
    fn inner(future: S::Future, next_nonce: NextNonce) -> Self {
        Self { state: State::Inner { future, next_nonce } }
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
    /// Whether the request was admitted, and the nonce for the next one; else the answer that refuses it.
    fn poll_admission(&mut self, context: &mut Context<'_>) -> Poll<Result<NextNonce, Response<ResBody>>> {
        loop {
            let head = RequestHead::from(&self.request);
            let asked = Asked { verifier: &self.verifier, head: &head, facts: &self.facts };
            let gate = &self.shared.gate;
            let decision = match &mut self.stage {
                Stage::Admitted(next_nonce) => return Poll::Ready(Ok(next_nonce.clone())),
                Stage::Key(wait) => {
                    let outcome = match credential(head.headers) {
                        Credential::Token(sent) => {
                            ready!(self.verifier.poll_waiting(sent.token, wait, context))
                        }
                        _ => Err(TokenError::new(Reason::Malformed)),
                    };
                    gate.conclude(outcome, asked)
                }
                Stage::Introspection(later) => {
                    let outcome = ready!(later.as_mut().poll(context));
                    gate.conclude(outcome, asked)
                }
                Stage::Proof(later, principal, next_nonce) => {
                    let answer = ready!(later.as_mut().poll(context));
                    gate.proved(answer, principal.clone(), next_nonce.take(), asked)
                }
            };
            // The place in the room is given back here, before the inner service gets ready.
            self.stage = match decision {
                Decision::Pass(next_nonce) => Stage::Admitted(next_nonce),
                Decision::Wait(stage) => stage,
                Decision::Refuse(rejection) => {
                    return Poll::Ready(Err(self.shared.respond.respond(&rejection, &self.facts)));
                }
            };
        }
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
            let (future, next_nonce) = match state.as_mut().project() {
                StateProjection::Inner { future, next_nonce } => {
                    let mut response = ready!(future.poll(context))?;
                    if let Some(nonce) = next_nonce.take() {
                        response.headers_mut().entry(NONCE).or_insert(*nonce);
                    }
                    return Poll::Ready(Ok(response));
                }
                StateProjection::Refused { response } => match response.take() {
                    Some(response) => return Poll::Ready(Ok(response)),
                    None => return Poll::Pending,
                },
                StateProjection::Waiting { waiting } => {
                    let Some(admitted) = waiting.as_mut() else {
                        return Poll::Pending;
                    };
                    let next_nonce = match ready!(admitted.poll_admission(context)) {
                        Ok(next_nonce) => next_nonce,
                        Err(response) => {
                            *waiting = None;
                            return Poll::Ready(Ok(response));
                        }
                    };
                    ready!(admitted.inner.poll_ready(context))?;
                    let Some(mut admitted) = waiting.take() else {
                        return Poll::Pending;
                    };
                    hide(&mut admitted.request);
                    (admitted.inner.call(admitted.request), next_nonce)
                }
            };
            state.set(State::Inner { future, next_nonce });
        }
    }
}

impl<S: Service<Request<B>>, B, R> fmt::Debug for ResponseFuture<S, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
