//! The service that [`AuthorizeLayer`](super::AuthorizeLayer) makes.

use std::sync::Arc;
use std::task::{Context, Poll};

use gambeson_core::{RequestFacts, RequestHead, Respond};
use http::{Request, Response};
use tower_service::Service;

use super::Shared;
use super::future::{Held, ResponseFuture};
use super::judge::Verdict;

/// Decides on each request before the inner service sees it.
#[derive(Debug)]
pub struct Authorize<S, R> {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared<R>>,
}

impl<S: Clone, R> Clone for Authorize<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for Authorize<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    R: Respond<ResBody>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S, R, ReqBody, ResBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let Some(settings) = &self.shared.settings else {
            RequestFacts::hand_on(request.extensions_mut(), None);
            return ResponseFuture::running(self.inner.call(request));
        };
        let absent;
        let facts = match RequestFacts::of(request.extensions()) {
            Some(facts) => facts,
            None => {
                absent = RequestFacts::ensure(&mut request);
                &absent
            }
        };
        let verdict = settings.judge(&RequestHead::from(&request), facts);
        if let Verdict::Refuse(rejection) = &verdict {
            return ResponseFuture::refused(self.shared.responder.respond(rejection, facts));
        }
        let point = self.shared.points.as_ref().map(|points| points.of(settings, request.method()));
        // In any case: that of a layer further out would decide by another policy.
        RequestFacts::hand_on(request.extensions_mut(), point);
        let Verdict::Wait(recording) = verdict else {
            return ResponseFuture::running(self.inner.call(request));
        };
        // The instance that was polled ready may hold a permit: it is dropped, so that none is held while waiting,
        // and so that the waiting clone never waits for a permit that this service keeps.
        self.inner = self.inner.clone();
        ResponseFuture::recording(Held {
            service: self.inner.clone(),
            facts: RequestFacts::ensure(&mut request),
            request,
            responder: Arc::clone(&self.shared.responder),
            recording,
            recorded: false,
        })
    }
}
