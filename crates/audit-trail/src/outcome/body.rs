//! The answer's body, which says when the act has ended.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::act::Act;

pin_project! {
    /// The inner body. When it has ended, failed or was dropped, the outcome is told.
    pub struct ResponseBody<B> {
        act: Option<Act>,
        // Bytes to come, where the inner body said so. Whoever has them all need not ask for the end.
        left: Option<u64>,
        #[pin]
        inner: B,
    }
}

impl<B: Body> ResponseBody<B> {
    /// A body whose end nobody has to be told.
    pub(super) fn untold(inner: B) -> Self {
        Self { act: None, left: None, inner }
    }

    /// A body of which so many bytes were announced, if that was said.
    pub(super) fn of(act: Act, announced: Option<u64>, inner: B) -> Self {
        Self { act: Some(act), left: announced, inner }
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        if let Some(act) = this.act.as_mut() {
            act.polling = true;
        }
        let polled = this.inner.as_mut().poll_frame(context);
        if let Some(act) = this.act.as_mut() {
            act.polling = false;
        }
        let frame = ready!(polled);
        if let (Some(left), Some(Ok(frame))) = (this.left.as_mut(), &frame)
            && let Some(data) = frame.data_ref()
        {
            *left = left.saturating_sub(data.remaining() as u64);
        }
        let ended = frame.is_none() || this.inner.is_end_stream() || *this.left == Some(0);
        match (&frame, this.act.take()) {
            (Some(Err(_)), Some(act)) => act.failed("body-error"),
            (_, Some(act)) if ended => act.ended(),
            (_, act) => *this.act = act,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B: From<Bytes>> From<Bytes> for ResponseBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self { act: None, left: None, inner: B::from(bytes) }
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self { act: None, left: None, inner: B::default() }
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}
