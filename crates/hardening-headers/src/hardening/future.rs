//! The response future: catches panics, scrubs 5xx bodies, puts the headers on.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use gambeson_core::{Rejection, RejectionClass, RequestFacts, Respond};
use http::header::{self, HeaderMap, HeaderName};
use http::response::Parts;
use http::{Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;

use super::admit::Early;
use super::error_body;
use super::layer::Shared;
use super::telemetry;
use crate::PACKAGE;
use crate::cors::Grant;
use crate::csp::{Nonce, NonceSlot};
use crate::panic;

pin_project! {
    /// The response future of [`Hardened`](super::Hardened).
    pub struct HardeningFuture<F, R> {
        #[pin]
        state: State<F>,
        around: Option<Around<R>>,
    }
}

/// What the answer is made ready with.
pub(super) struct Around<R> {
    shared: Arc<Shared<R>>,
    facts: RequestFacts,
    grant: Grant,
    nonce: Option<NonceSlot>,
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Running { #[pin] future: F },
        Early { early: Option<Early> },
    }
}

impl<F, R> HardeningFuture<F, R> {
    pub(super) fn off(future: F) -> Self {
        Self { state: State::Running { future }, around: None }
    }

    pub(super) fn running(around: Around<R>, future: F) -> Self {
        Self { state: State::Running { future }, around: Some(around) }
    }

    pub(super) fn early(around: Around<R>, early: Early) -> Self {
        Self { state: State::Early { early: Some(early) }, around: Some(around) }
    }
}

impl<F, R, B, E> Future for HardeningFuture<F, R>
where
    F: Future<Output = Result<Response<B>, E>>,
    R: Respond<B>,
    B: Body,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(around) = this.around.as_ref() else {
            return match this.state.project() {
                StateProjection::Running { future } => future.poll(cx),
                StateProjection::Early { .. } => Poll::Pending,
            };
        };
        let polled = match this.state.as_mut().project() {
            StateProjection::Running { future } => panic::catch(|| future.poll(cx)),
            StateProjection::Early { early } => match early.take() {
                Some(early) => return Poll::Ready(Ok(around.answer(early))),
                None => return Poll::Pending,
            },
        };
        match polled {
            Ok(polled) => Poll::Ready(Ok(around.finish(ready!(polled)?))),
            Err(panicked) => {
                telemetry::panicked(&around.facts, &panicked);
                // What panicked is dropped here, and may panic again while it is.
                if let Err(again) = panic::catch(|| this.state.set(State::Early { early: None })) {
                    telemetry::panicked(&around.facts, &again);
                }
                Poll::Ready(Ok(around.refuse(panic::rejection())))
            }
        }
    }
}

impl<R> Around<R> {
    pub(super) fn new(
        shared: &Arc<Shared<R>>,
        facts: RequestFacts,
        grant: Grant,
        nonce: Option<NonceSlot>,
    ) -> Self {
        Self { shared: Arc::clone(shared), facts, grant, nonce }
    }

    /// The answer without the app.
    fn answer<B>(&self, early: Early) -> Response<B>
    where
        R: Respond<B>,
    {
        match early {
            Early::Refuse(refusal) => self.refuse(refusal),
            Early::Redirect(location) => {
                let status = StatusCode::TEMPORARY_REDIRECT;
                let mut response = self.bodied("canonical-host", status);
                response.headers_mut().insert(header::LOCATION, location);
                self.harden(None, &mut response);
                response
            }
            Early::Preflight(headers) => {
                let mut response = self.bodied("cors-preflight", StatusCode::NO_CONTENT);
                *response.headers_mut() = *headers;
                self.harden(None, &mut response);
                response
            }
        }
    }

    /// An answer that is no refusal, in a body of the app's type.
    fn bodied<B>(&self, slug: &'static str, status: StatusCode) -> Response<B>
    where
        R: Respond<B>,
    {
        let words = Rejection::new(PACKAGE, RejectionClass::Limit, slug, status);
        let mut response = self.shared.respond.respond(&words, &self.facts);
        // A gRPC status would be 200.
        *response.status_mut() = status;
        response
    }

    fn harden<B>(&self, nonce: Option<&Nonce>, response: &mut Response<B>) {
        self.shared.edge.harden(&self.facts, self.grant, nonce, response);
    }

    /// The answer to a refused request.
    fn refuse<B>(&self, refusal: Rejection) -> Response<B>
    where
        R: Respond<B>,
    {
        let mut response = self.shared.respond.respond(&refusal, &self.facts);
        self.facts.set_rejection(refusal);
        self.harden(None, &mut response);
        response
    }

    /// The app's answer, scrubbed if need be, with the headers on.
    fn finish<B: Body>(&self, mut response: Response<B>) -> Response<B>
    where
        R: Respond<B>,
    {
        if let Some(instead) = self.shared.edge.scrubbed(&self.facts, &response) {
            response = self.scrub(response, instead);
        }
        let nonce = self.nonce.as_ref().and_then(NonceSlot::taken);
        self.harden(nonce, &mut response);
        response
    }

    /// The answer in other words; its own go to the log.
    #[cold]
    fn scrub<B: Body>(&self, response: Response<B>, instead: Rejection) -> Response<B>
    where
        R: Respond<B>,
    {
        let (parts, body) = response.into_parts();
        telemetry::scrubbed(&self.facts, parts.status, &error_body::beginning(&parts.headers, body));
        let scrubbed = self.shared.respond.respond(&instead, &self.facts);
        self.facts.set_rejection(instead);
        replace(parts, scrubbed)
    }
}

/// The scrubbed answer, with the fields and extensions of the app's that don't describe its body.
fn replace<B>(parts: Parts, mut scrubbed: Response<B>) -> Response<B> {
    let own = std::mem::take(scrubbed.headers_mut());
    let mut headers: HeaderMap = parts.headers;
    for name in OF_THE_BODY {
        headers.remove(name);
    }
    for (name, value) in &own {
        headers.insert(name.clone(), value.clone());
    }
    *scrubbed.headers_mut() = headers;
    *scrubbed.extensions_mut() = parts.extensions;
    scrubbed
}

const OF_THE_BODY: [HeaderName; 13] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_DISPOSITION,
    header::CONTENT_LOCATION,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    header::CONTENT_RANGE,
    header::TRANSFER_ENCODING,
    header::TRAILER,
    header::ETAG,
    header::LAST_MODIFIED,
];

impl<F, R> fmt::Debug for HardeningFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HardeningFuture").finish_non_exhaustive()
    }
}
