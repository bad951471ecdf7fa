//! Waits for the answer's head.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use gambeson_core::BoxError;
use http::Response;
use pin_project_lite::pin_project;

use super::call::Call;
use crate::context::within;

pin_project! {
    /// The future of [`ClientService`](super::ClientService).
    pub struct CallFuture<F> {
        #[pin]
        inner: F,
        call: Option<Call>,
    }
}

impl<F> CallFuture<F> {
    pub(super) fn new(inner: F, call: Option<Call>) -> Self {
        Self { inner, call }
    }
}

impl<F, B, E> Future for CallFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Response<B>, BoxError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let active = this.call.as_ref().and_then(Call::active);
        let outcome = ready!(within(active, || this.inner.poll(context))).map_err(Into::into);
        if let Some(call) = this.call.take() {
            match &outcome {
                Ok(response) => call.answered(response.status()),
                Err(error) => call.failed(error),
            }
        }
        Poll::Ready(outcome)
    }
}

impl<F> fmt::Debug for CallFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFuture").finish_non_exhaustive()
    }
}
