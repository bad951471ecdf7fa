//! The request body that the inner service reads.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Buf;
use gambeson_core::{BoxError, BoxFuture, Monotonic, RequestFacts};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{LengthLimitError, Limited};
use pin_project_lite::pin_project;

use super::rejection;
use super::time::Time;

pin_project! {
    /// A request body that ends with an error when it grows too long or comes too slowly.
    ///
    /// The error is a boxed [`LengthLimitError`] or [`BodyTooSlow`], not wrapped further, so that a handler finds it by
    /// one downcast; after it the body has ended.
    pub struct RequestBody<B> {
        #[pin]
        inner: Limited<B>,
        failed: bool,
        watch: Option<Watch>,
    }
}

/// What is needed once the body misbehaves or keeps us waiting.
pub(super) struct Watch {
    pub(super) facts: RequestFacts,
    pub(super) time: Arc<Time>,
    pub(super) deadline: Option<Duration>,
    pub(super) rate: u32,
    pub(super) received: u64,
    pub(super) waiting: Option<Waiting>,
}

/// A body that made us wait at least once.
pub(super) struct Waiting {
    since: Monotonic,
    until: Monotonic,
    // The lock is never taken: it makes the timer, and with it the body, `Sync`.
    timer: Mutex<BoxFuture<()>>,
}

impl<B> RequestBody<B> {
    pub(super) fn new(inner: B, limit: Option<u64>, watch: Option<Watch>) -> Self {
        let limit = limit.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usize::MAX);
        Self { inner: Limited::new(inner, limit), failed: false, watch }
    }
}

impl Watch {
    /// The moment by which the body must have come, after the bytes that did come.
    fn due(&self, since: Monotonic, deadline: Duration) -> Monotonic {
        let earned = self.received / u64::from(self.rate.max(1));
        since.plus(deadline).plus(Duration::from_secs(earned))
    }

    /// Whether the body is too slow, asked each time it makes us wait.
    fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let since = match &self.waiting {
            Some(waiting) => waiting.since,
            None => self.time.clock.monotonic(),
        };
        let due = self.due(since, deadline);
        let mut waiting = match self.waiting.take() {
            Some(waiting) => waiting,
            None => Waiting { since, until: due, timer: Mutex::new(self.time.timer.until(due)) },
        };
        loop {
            let timer = waiting.timer.get_mut().unwrap_or_else(PoisonError::into_inner);
            if timer.as_mut().poll(cx).is_pending() {
                self.waiting = Some(waiting);
                return Poll::Pending;
            }
            // The timer is set anew only when it rings, not for each part that came meanwhile.
            if due <= waiting.until {
                return Poll::Ready(());
            }
            waiting.until = due;
            waiting.timer = Mutex::new(self.time.timer.until(due));
        }
    }
}

impl<B> Body for RequestBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let this = self.project();
        if *this.failed {
            return Poll::Ready(None);
        }
        match this.inner.poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if let (Some(watch), Some(data)) = (this.watch.as_mut(), frame.data_ref()) {
                    let length = u64::try_from(data.remaining()).unwrap_or(u64::MAX);
                    watch.received = watch.received.saturating_add(length);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                *this.failed = true;
                if let (Some(watch), true) = (this.watch.as_ref(), error.is::<LengthLimitError>()) {
                    watch.facts.set_rejection(rejection::body_too_large());
                }
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                let Some(watch) = this.watch.as_mut() else { return Poll::Pending };
                if watch.poll_too_slow(cx).is_pending() {
                    return Poll::Pending;
                }
                *this.failed = true;
                watch.facts.set_rejection(rejection::body_too_slow());
                Poll::Ready(Some(Err(Box::new(BodyTooSlow(())))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.failed || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.failed { SizeHint::with_exact(0) } else { self.inner.size_hint() }
    }
}

impl<B> fmt::Debug for RequestBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").field("failed", &self.failed).finish_non_exhaustive()
    }
}

/// The client sent the body more slowly than [`Limits`](super::Limits) allows.
#[derive(Debug)]
pub struct BodyTooSlow(());

impl fmt::Display for BodyTooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request body came too slowly")
    }
}

impl std::error::Error for BodyTooSlow {}
