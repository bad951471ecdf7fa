//! The answer, and whether it says that the secret is no good.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use gambeson_core::{BoxError, Refused};
use http::{Response, StatusCode};
use pin_project_lite::pin_project;

use super::layer::Shared;
use crate::state::Version;

/// What was sent along.
pub(super) struct Sent {
    pub(super) shared: Arc<Shared>,
    pub(super) version: Version,
}

pin_project! {
    /// The response future of [`SecretHeader`](super::SecretHeader).
    pub struct SecretHeaderFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = Now]
    enum State<F> {
        Running { #[pin] inner: F, sent: Option<Sent> },
        Refused { refused: Option<Refused> },
    }
}

impl<F> SecretHeaderFuture<F> {
    pub(super) fn running(inner: F, sent: Option<Sent>) -> Self {
        Self { state: State::Running { inner, sent } }
    }

    pub(super) fn refused(refused: Refused) -> Self {
        Self { state: State::Refused { refused: Some(refused) } }
    }
}

impl<F, B, E> Future for SecretHeaderFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Response<B>, BoxError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Now::Refused { refused } => {
                refused.take().map_or(Poll::Pending, |refused| Poll::Ready(Err(refused.into())))
            }
            Now::Running { inner, sent } => {
                let response = ready!(inner.poll(context)).map_err(Into::into)?;
                if response.status() == StatusCode::UNAUTHORIZED
                    && let Some(sent) = sent.take()
                {
                    sent.shared.rejected(&sent);
                }
                Poll::Ready(Ok(response))
            }
        }
    }
}

impl<F> fmt::Debug for SecretHeaderFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretHeaderFuture").finish_non_exhaustive()
    }
}
