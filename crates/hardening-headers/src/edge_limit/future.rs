//! The answer, and what it costs when the credential was no good.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use gambeson_core::{RejectionClass, RequestFacts};
use http::Response;
use pin_project_lite::pin_project;

use super::limiter::{Limiter, Who};

pin_project! {
    /// The response future of [`EdgeLimit`](super::EdgeLimit).
    pub struct EdgeLimitFuture<F, B> {
        #[pin]
        state: State<F, B>,
    }
}

pin_project! {
    #[project = Now]
    enum State<F, B> {
        Running { #[pin] inner: F, passage: Option<Passage> },
        Refused { response: Option<Response<B>> },
    }
}

impl<F, B> EdgeLimitFuture<F, B> {
    pub(super) fn running(inner: F, passage: Option<Passage>) -> Self {
        Self { state: State::Running { inner, passage } }
    }

    pub(super) fn refused(response: Response<B>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }
}

impl<F, B, E> Future for EdgeLimitFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Now::Refused { response } => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
            Now::Running { inner, passage } => {
                let mut response = ready!(inner.poll(cx))?;
                if let Some(passage) = passage.take() {
                    passage.write_fields(&mut response);
                }
                Poll::Ready(Ok(response))
            }
        }
    }
}

/// A request that was let through. When it goes, by its answer or by a cancel, a failed credential is charged.
pub(super) struct Passage {
    pub(super) limiter: Arc<Limiter>,
    pub(super) facts: RequestFacts,
    pub(super) who: Who,
    pub(super) left: Option<(u32, Duration)>,
}

impl Passage {
    fn write_fields<B>(&self, response: &mut Response<B>) {
        if let Some((remaining, reset)) = self.left {
            self.limiter.fields.write(response.headers_mut(), remaining, reset);
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if self.facts.rejection().is_some_and(|refusal| refusal.class() == RejectionClass::Credential) {
            self.limiter.charge(self.who, self.limiter.rate.credential_charge);
        }
    }
}

impl<F, B> fmt::Debug for EdgeLimitFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeLimitFuture").finish_non_exhaustive()
    }
}
