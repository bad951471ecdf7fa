//! The body of a request that is on its way.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::activity::{Activity, Arriving};

/// The body of a request, as [`serve`](super::serve()) hands it to the app: hyper's, whose end is seen.
///
/// An app may answer and read on. What comes then is no head of a next request, and has the idle timeout, not the header timeout.
pub struct IncomingBody {
    inner: Incoming,
    arriving: Option<Arriving>,
}

impl IncomingBody {
    pub(super) fn new(inner: Incoming, activity: &Arc<Activity>) -> Self {
        let arriving = (!inner.is_end_stream()).then(|| activity.body());
        Self { inner, arriving }
    }
}

impl Body for IncomingBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) || self.inner.is_end_stream() {
            self.arriving = None;
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

impl fmt::Debug for IncomingBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingBody").field("ended", &self.arriving.is_none()).finish_non_exhaustive()
    }
}
