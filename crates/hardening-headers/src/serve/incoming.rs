//! The body of a request that is on its way.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Version;
use http::header::EXPECT;
use http::request::Parts;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::activity::Arriving;
use super::rests::Left;

/// The body of a request, as [`serve`](super::serve()) hands it to the app: hyper's, whose end is seen.
///
/// An app may answer and read on. What comes then is no head of a next request, and has the idle timeout, not the header timeout. Of one that
/// the app drops before its end the server reads the rest for a while and throws it away, so that its client gets to see the answer.
pub struct IncomingBody {
    inner: Option<Incoming>,
    open: Option<Open>,
}

/// What there is of a body that has not ended.
struct Open {
    arriving: Arriving,
    left: Left,
    /// The client may send nothing before it is told to (RFC 9110 §10.1.1), which hyper does at the first look at the body.
    waits: bool,
}

/// As hyper reads it, which tells clients of HTTP/1.1 only to go on.
fn waits(head: &Parts) -> bool {
    let mut expected = head.headers.get_all(EXPECT).iter();
    head.version == Version::HTTP_11
        && expected.any(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

impl IncomingBody {
    pub(super) fn new(
        inner: Incoming,
        head: &Parts,
        arriving: impl FnOnce() -> Arriving,
        left: &Left,
    ) -> Self {
        let open = (!inner.is_end_stream()).then(|| Open {
            arriving: arriving(),
            left: left.clone(),
            waits: waits(head),
        });
        Self { inner: Some(inner), open }
    }
}

impl Body for IncomingBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        if let Some(open) = &mut this.open {
            open.waits = false;
        }
        let frame = ready!(Pin::new(&mut *inner).poll_frame(cx));
        match (&frame, &this.open) {
            (Some(Ok(frame)), Some(open)) if !inner.is_end_stream() => {
                open.arriving.came(frame.data_ref().map_or(0, Bytes::len));
            }
            _ => this.open = None,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(SizeHint::default, Incoming::size_hint)
    }
}

impl Drop for IncomingBody {
    fn drop(&mut self) {
        if let (Some(inner), Some(open)) = (self.inner.take(), self.open.take())
            && !open.waits
        {
            // The connection may be gone, or about to end: then so is the rest.
            let _ = open.left.send((inner, open.arriving));
        }
    }
}

impl fmt::Debug for IncomingBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingBody").field("ended", &self.open.is_none()).finish_non_exhaustive()
    }
}
