//! The app as one connection sees it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::activity::{Activity, FlyingBody, InFlight};
use crate::Connection;

/// Tells each request which connection it came in on, and counts it while it is in flight.
#[derive(Debug, Clone)]
pub(super) struct OnConnection<S> {
    pub(super) inner: S,
    pub(super) connection: Connection,
    pub(super) activity: Arc<Activity>,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for OnConnection<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<FlyingBody<ResBody>>;
    type Error = S::Error;
    type Future = Flying<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        request.extensions_mut().insert(self.connection.clone());
        let flight = Some(self.activity.start());
        Flying { inner: self.inner.call(request), flight }
    }
}

pin_project! {
    pub(super) struct Flying<F> {
        #[pin]
        inner: F,
        flight: Option<InFlight>,
    }
}

impl<F, B, E> Future for Flying<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<FlyingBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        match this.flight.take() {
            Some(flight) => Poll::Ready(Ok(response.map(|body| FlyingBody::new(body, flight)))),
            None => Poll::Pending,
        }
    }
}
