//! The request body that the inner service reads.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Buf;
use gambeson_core::{BoxError, Monotonic, RequestFacts};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{LengthLimitError, Limited};
use pin_project_lite::pin_project;

use super::config::{Limits, Pace};
use super::rejection;
use super::rules::Rules;
use crate::alarm::Alarm;

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
    facts: RequestFacts,
    rules: Arc<Rules>,
    /// The size that is only observed.
    observed_size: Option<u64>,
    pace: Option<Pace>,
    received: u64,
    waiting: Option<Waiting>,
}

/// A body that made us wait at least once.
struct Waiting {
    since: Monotonic,
    /// Since when it makes us wait now; `None`: a part has come since.
    now: Option<Monotonic>,
    alarm: Alarm,
}

impl Watch {
    pub(super) fn new(facts: RequestFacts, rules: Arc<Rules>, limits: &Limits, capped: bool) -> Self {
        let observed_size = limits.body.filter(|_| !capped);
        Self { facts, rules, observed_size, pace: limits.pace(), received: 0, waiting: None }
    }

    /// Counts a part of the body.
    fn count(&mut self, length: usize) {
        self.received = self.received.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        if let Some(waiting) = &mut self.waiting {
            waiting.now = None;
        }
        if self.observed_size.is_some_and(|limit| self.received > limit) {
            self.observed_size = None;
            // A size that was observed when the request came stays so to its end.
            let _ = self.rules.refuses(rejection::BODY_TOO_LARGE, &self.facts);
        }
    }

    /// Whether the body is too slow, asked each time it makes us wait.
    fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(pace) = &self.pace else { return Poll::Pending };
        let time = &self.rules.time;
        let waiting = match &mut self.waiting {
            Some(waiting) => waiting,
            none => {
                let now = time.clock.monotonic();
                none.insert(Waiting { since: now, now: Some(now), alarm: Alarm::default() })
            }
        };
        let now = *waiting.now.get_or_insert_with(|| time.clock.monotonic());
        let due = pace.due(waiting.since, now, self.received);
        waiting.alarm.poll_until(&*time.timer, due, cx)
    }
}

impl<B> RequestBody<B> {
    pub(super) fn new(inner: B, limit: Option<u64>, watch: Option<Watch>) -> Self {
        let limit = limit.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usize::MAX);
        Self { inner: Limited::new(inner, limit), failed: false, watch }
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
                    watch.count(data.remaining());
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
                if !watch.rules.refuses(rejection::BODY_TOO_SLOW, &watch.facts) {
                    (watch.pace, watch.waiting) = (None, None);
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
