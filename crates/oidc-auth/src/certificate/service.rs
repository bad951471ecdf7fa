//! The service.

use std::sync::Arc;
use std::task::{Context, Poll};

use gambeson_core::{RequestFacts, RequestHead, Respond};
use http::{Request, Response};
use tower_service::Service;

use super::Shared;
use crate::gated::ResponseFuture;

/// The service that a [`CertificateLayer`](super::CertificateLayer) makes.
#[derive(Debug)]
pub struct CertificateService<S, R> {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared<R>>,
}

impl<S: Clone, R> Clone for CertificateService<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for CertificateService<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: Respond<ResBody>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let Some(gate) = &self.shared.gate else {
            return ResponseFuture::inner(self.inner.call(request));
        };
        let facts = RequestFacts::ensure(&mut request);
        match gate.refuse(&RequestHead::from(&request), &facts) {
            None => ResponseFuture::inner(self.inner.call(request)),
            Some(rejection) => ResponseFuture::refused(self.shared.respond.respond(&rejection, &facts)),
        }
    }
}
