//! The answer's body, which ends when the app has nothing more to say.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{BoxError, Monotonic, RequestFacts};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::rules::Rules;
use super::{rejection, telemetry};
use crate::alarm::Alarm;

pin_project! {
    /// The inner body; or what came of it until it did not go on, and then the error [`StreamIdle`].
    pub struct ResponseBody<B> {
        #[pin]
        inner: B,
        cut_off: bool,
        watch: Option<Watch>,
    }
}

/// What is needed once the body keeps us waiting.
pub(super) struct Watch {
    facts: RequestFacts,
    rules: Arc<Rules>,
    idle: Duration,
    /// Since when the body makes us wait; `None`: a part has come since.
    waiting: Option<Monotonic>,
    alarm: Alarm,
}

impl Watch {
    pub(super) fn new(facts: RequestFacts, rules: Arc<Rules>, idle: Duration) -> Self {
        Self { facts, rules, idle, waiting: None, alarm: Alarm::default() }
    }

    /// Whether nothing came for too long, asked each time the body makes us wait.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let time = &self.rules.time;
        let since = *self.waiting.get_or_insert_with(|| time.clock.monotonic());
        self.alarm.poll_until(&*time.timer, since.plus(self.idle), cx)
    }
}

impl<B> ResponseBody<B> {
    pub(super) fn new(inner: B, watch: Option<Watch>) -> Self {
        Self { inner, cut_off: false, watch }
    }
}

impl<B> Body for ResponseBody<B>
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
        if *this.cut_off {
            return Poll::Ready(None);
        }
        match this.inner.poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(watch) = this.watch {
                    watch.waiting = None;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(end) => {
                *this.watch = None;
                Poll::Ready(end.map(|end| end.map_err(Into::into)))
            }
            Poll::Pending => {
                let Some(watch) = this.watch.as_mut() else { return Poll::Pending };
                if watch.poll_idle(cx).is_pending() {
                    return Poll::Pending;
                }
                let refuses = watch.rules.refuses(rejection::STREAM_IDLE, &watch.facts);
                if refuses {
                    telemetry::stream_idle(&watch.facts, watch.idle);
                }
                *this.watch = None;
                *this.cut_off = refuses;
                if refuses { Poll::Ready(Some(Err(Box::new(StreamIdle(()))))) } else { Poll::Pending }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.cut_off || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.cut_off { SizeHint::with_exact(0) } else { self.inner.size_hint() }
    }
}

impl<B: From<Bytes>> From<Bytes> for ResponseBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self::new(B::from(bytes), None)
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::new(B::default(), None)
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("cut_off", &self.cut_off).finish_non_exhaustive()
    }
}

/// Why an answer broke off: nothing came from the app for [`Limits::stream_idle`](super::Limits::stream_idle). What was sent has no
/// proper end, so that nobody takes a part for the whole.
#[derive(Debug)]
pub struct StreamIdle(());

impl fmt::Display for StreamIdle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing more of the answer came from the app")
    }
}

impl std::error::Error for StreamIdle {}
