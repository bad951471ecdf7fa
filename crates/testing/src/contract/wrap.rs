//! A layer that wraps the body types of requests and answers, as compression or metering layers do.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

/// Wraps request bodies in [`WrapRequestBody`] and answers' bodies in [`WrapResponseBody`], and changes nothing else.
///
/// A layer that only works with the body type it was tried with fails to compile beside this one.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct WrapBodyLayer;

impl WrapBodyLayer {
    /// The layer.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for WrapBodyLayer {
    type Service = WrapBody<S>;

    fn layer(&self, inner: S) -> WrapBody<S> {
        WrapBody { inner }
    }
}

/// The service of [`WrapBodyLayer`].
#[derive(Debug, Clone)]
pub struct WrapBody<S> {
    inner: S,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for WrapBody<S>
where
    S: Service<Request<WrapRequestBody<ReqBody>>, Response = Response<ResBody>>,
{
    type Response = Response<WrapResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = WrapFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        WrapFuture { inner: self.inner.call(request.map(|body| WrapRequestBody { body })) }
    }
}

pin_project! {
    /// The future of [`WrapBody`].
    #[derive(Debug)]
    pub struct WrapFuture<F> {
        #[pin]
        inner: F,
    }
}

impl<F, B, E> Future for WrapFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<WrapResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.project().inner.poll(cx));
        Poll::Ready(answer.map(|response| response.map(|body| WrapResponseBody { body })))
    }
}

pin_project! {
    /// A request's body inside another type. It can't be made out of bytes or out of nothing.
    #[derive(Debug)]
    pub struct WrapRequestBody<B> {
        #[pin]
        body: B,
    }
}

pin_project! {
    /// An answer's body inside another type; made out of bytes or out of nothing if the inner one can be.
    #[derive(Debug, Default)]
    pub struct WrapResponseBody<B> {
        #[pin]
        body: B,
    }
}

impl<B: From<Bytes>> From<Bytes> for WrapResponseBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self { body: B::from(bytes) }
    }
}

macro_rules! forward_body {
    ($wrapper:ident) => {
        impl<B: Body> Body for $wrapper<B> {
            type Data = B::Data;
            type Error = B::Error;

            fn poll_frame(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
                self.project().body.poll_frame(cx)
            }

            fn is_end_stream(&self) -> bool {
                self.body.is_end_stream()
            }

            fn size_hint(&self) -> SizeHint {
                self.body.size_hint()
            }
        }
    };
}
forward_body!(WrapRequestBody);
forward_body!(WrapResponseBody);
