//! The service.

use std::sync::Arc;
use std::task::{Context, Poll};

use gambeson_core::{RequestFacts, Respond};
use http::{Request, Response, StatusCode, header};
use tower_service::Service;

use super::Shared;
use crate::gated::ResponseFuture;

/// The service that a [`RequireLayer`](super::RequireLayer) makes.
#[derive(Debug)]
pub struct RequireService<S, R> {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared<R>>,
}

impl<S: Clone, R> Clone for RequireService<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for RequireService<S, R>
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
        let gate = &self.shared.gate;
        let Some(demand) = &gate.demand else {
            return ResponseFuture::inner(self.inner.call(request));
        };
        let facts = RequestFacts::ensure(&mut request);
        match gate.refuse(demand, Some(request.method()), &facts) {
            None => ResponseFuture::inner(self.inner.call(request)),
            Some(rejection) => {
                let mut response = self.shared.respond.respond(&rejection, &facts);
                if let Some(log_in) = gate.elsewhere(demand, &rejection, &request, &facts) {
                    *response.status_mut() = StatusCode::SEE_OTHER;
                    response.headers_mut().insert(header::LOCATION, log_in);
                }
                ResponseFuture::refused(response)
            }
        }
    }
}
