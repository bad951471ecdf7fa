//! Waits for the answer's head.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::ResponseBody;
use super::exchange::{End, Exchange};
use crate::context::within;

pin_project! {
    /// The future of [`TelemetryService`](super::TelemetryService).
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        exchange: Option<Exchange>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(inner: F, exchange: Option<Exchange>) -> Self {
        Self { inner, exchange }
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
        let active = this.exchange.as_ref().and_then(Exchange::active);
        let outcome = ready!(within(active, || this.inner.poll(context)));
        let exchange = this.exchange.take();
        Poll::Ready(match outcome {
            Ok(response) => Ok(ResponseBody::wrap(response, exchange)),
            Err(error) => {
                if let Some(exchange) = exchange {
                    exchange.end(End::ServiceFailed);
                }
                Err(error)
            }
        })
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
