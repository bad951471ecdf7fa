//! The service and its response future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use gambeson_core::RequestFacts;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::Shared;
use super::body::ResponseBody;

/// The service that [`CutOffLayer`](super::CutOffLayer) makes.
#[derive(Debug, Clone)]
pub struct CutOff<S> {
    pub(super) inner: S,
    pub(super) shared: Option<Arc<Shared>>,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for CutOff<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let shared = self.shared.clone();
        let watched = shared.map(|shared| (shared, RequestFacts::ensure(&mut request)));
        ResponseFuture { inner: self.inner.call(request), watched }
    }
}

pin_project! {
    /// The answer of a [`CutOff`].
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        watched: Option<(Arc<Shared>, RequestFacts)>,
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(context))?;
        let watched = this.watched.take().filter(|_| is_long(response.body()));
        let ending = watched.and_then(|(shared, facts)| Some(shared.ending(facts.principal()?)));
        Poll::Ready(Ok(response.map(|body| ResponseBody::new(body, ending))))
    }
}

/// What says its size is soon over.
fn is_long(body: &impl Body) -> bool {
    !body.is_end_stream() && body.size_hint().exact().is_none()
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
