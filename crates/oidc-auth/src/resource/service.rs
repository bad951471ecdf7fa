//! The document as a service.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use tower_service::Service;

use super::ProtectedResource;

/// Answers GET and HEAD with the document, whatever the path, and all else with 405. Made by
/// [`ProtectedResource::service`].
pub struct MetadataService<B> {
    resource: ProtectedResource,
    body: PhantomData<fn() -> B>,
}

impl<B> MetadataService<B> {
    pub(super) fn new(resource: ProtectedResource) -> Self {
        Self { resource, body: PhantomData }
    }
}

impl<B> Clone for MetadataService<B> {
    fn clone(&self) -> Self {
        Self::new(self.resource.clone())
    }
}

impl<B> fmt::Debug for MetadataService<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MetadataService").field(&self.resource).finish()
    }
}

impl<ReqBody, B: From<Bytes>> Service<Request<ReqBody>> for MetadataService<B> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Ready<Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let answer = match *request.method() {
            Method::GET => self.resource.answer(),
            Method::HEAD => self.resource.answer::<Bytes>().map(|_| Bytes::new().into()),
            _ => {
                let mut answer = Response::new(Bytes::new().into());
                *answer.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
                answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
                answer
            }
        };
        ready(Ok(answer))
    }
}
