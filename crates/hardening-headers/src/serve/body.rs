//! The body of an answer that is on its way.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::activity::InFlight;
use super::streams;

/// The largest piece of an answer that is handed to hyper at once.
///
/// hyper takes a connection for idle as soon as it holds the whole answer, and then its timeouts run, although most of a
/// large piece may still have to be written. Of pieces of this size only the last can be waiting then.
const PIECE: usize = 64 << 10;

/// The same for HTTP/2, where each of many streams can have one: a frame of usual size.
const FRAME: usize = 16 << 10;

/// What can be the last piece on HTTP/2. Nobody looks after it once hyper has it, so a larger one waits for the window before.
const LAST: usize = 1 << 10;

pin_project! {
    /// An answer's body that keeps its request in flight.
    pub(super) struct FlyingBody<B> {
        #[pin]
        inner: B,
        rest: Bytes,
        flight: InFlight,
        http_2: bool,
    }
}

impl<B> FlyingBody<B> {
    pub(super) fn new(inner: B, flight: InFlight, http_2: bool) -> Self {
        Self { inner, rest: Bytes::new(), flight, http_2 }
    }
}

/// How much of `rest` is handed over next.
fn piece(rest: usize, http_2: bool) -> usize {
    match (http_2, rest) {
        (false, rest) => rest.min(PIECE),
        (true, rest) if rest > LAST => (rest - LAST).min(FRAME),
        (true, rest) => rest,
    }
}

impl<B: Body> Body for FlyingBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        if *this.http_2 {
            streams::asked();
        }
        if this.rest.is_empty() {
            match ready!(this.inner.poll_frame(cx)?).map(Frame::into_data) {
                Some(Ok(mut data)) => *this.rest = data.copy_to_bytes(data.remaining()),
                Some(Err(frame)) => {
                    return Poll::Ready(frame.into_trailers().ok().map(|all| Ok(Frame::trailers(all))));
                }
                None => return Poll::Ready(None),
            }
        }
        let piece = this.rest.split_to(piece(this.rest.len(), *this.http_2));
        if *this.http_2 {
            streams::gave(piece.len());
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.inner.size_hint();
        let rest = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}
