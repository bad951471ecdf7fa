//! The answer, with or without fields.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::quotas::{Left, Quotas};

pin_project! {
    /// The response future of [`QuotaService`](super::QuotaService).
    pub struct QuotaFuture<F, B> {
        #[pin]
        state: State<F, B>,
    }
}

pin_project! {
    #[project = Now]
    enum State<F, B> {
        Running { #[pin] inner: F, left: Option<(Arc<Quotas>, Left)> },
        Refused { response: Option<Response<B>> },
    }
}

impl<F, B> QuotaFuture<F, B> {
    pub(super) fn running(inner: F, left: Option<(Arc<Quotas>, Left)>) -> Self {
        Self { state: State::Running { inner, left } }
    }

    pub(super) fn refused(response: Response<B>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }
}

impl<F, B, E> Future for QuotaFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Now::Refused { response } => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
            Now::Running { inner, left } => {
                let mut response = ready!(inner.poll(cx))?;
                if let Some((quotas, left)) = left.take()
                    && let Some(fields) = quotas.fields(left.quota)
                {
                    fields.write(response.headers_mut(), left.remaining, left.reset);
                }
                Poll::Ready(Ok(response))
            }
        }
    }
}

impl<F, B> fmt::Debug for QuotaFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaFuture").finish_non_exhaustive()
    }
}
