//! A panic that goes no further than the task it came up in.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::telemetry;

pin_project! {
    /// A future that ends when it panics.
    ///
    /// What panicked is dropped afterwards, and not while the panic unwinds: one that panics again then, in a destructor, would end the
    /// process. So this belongs directly around hyper's futures: an async block between them would drop what it holds while it unwinds.
    pub(super) struct Contained<F> {
        #[pin]
        inner: Option<F>,
    }
}

impl<F> Contained<F> {
    pub(super) fn new(inner: F) -> Self {
        Self { inner: Some(inner) }
    }

    /// What is inside, while it has not ended.
    pub(super) fn inner(self: Pin<&mut Self>) -> Option<Pin<&mut F>> {
        self.project().inner.as_pin_mut()
    }
}

impl<F: Future> Future for Contained<F> {
    /// `None`: it panicked.
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let ended = match catch_unwind(AssertUnwindSafe(|| inner.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Some(output),
            Err(_) => None,
        };
        let dropped = catch_unwind(AssertUnwindSafe(|| this.inner.set(None)));
        if ended.is_none() || dropped.is_err() {
            telemetry::panicked();
        }
        Poll::Ready(ended)
    }
}
