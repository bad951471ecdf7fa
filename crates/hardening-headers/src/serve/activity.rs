//! Whether a connection has work.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use gambeson_core::{Clock, Monotonic};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

/// The requests in flight on one connection, and when the last one ended.
#[derive(Debug)]
pub(super) struct Activity {
    clock: Arc<dyn Clock>,
    requests: AtomicUsize,
    seen: AtomicUsize,
    since: AtomicU64,
}

impl Activity {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        let since = AtomicU64::new(clock.monotonic().as_nanos());
        Arc::new(Self { clock, requests: AtomicUsize::new(0), seen: AtomicUsize::new(0), since })
    }

    /// Counts a request until the guard goes.
    pub(super) fn start(self: &Arc<Self>) -> InFlight {
        self.requests.fetch_add(1, Ordering::AcqRel);
        self.seen.store(1, Ordering::Release);
        InFlight(Arc::clone(self))
    }

    /// Since when nothing has been in flight; `None` while something is.
    pub(super) fn idle_since(&self) -> Option<Monotonic> {
        (self.requests.load(Ordering::Acquire) == 0)
            .then(|| Monotonic::from_nanos(self.since.load(Ordering::Acquire)))
    }

    /// Whether the connection ever brought a request.
    pub(super) fn was_used(&self) -> bool {
        self.seen.load(Ordering::Acquire) != 0
    }
}

/// One request in flight, to the end of the answer's body.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.since.store(self.0.clock.monotonic().as_nanos(), Ordering::Release);
        self.0.requests.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The largest piece of an answer that is handed to hyper at once.
///
/// hyper takes a connection for idle as soon as it holds the whole answer, and then its timeouts run, although most of a
/// large piece may still have to be written. Of pieces of this size only the last can be waiting then.
const PIECE: usize = 64 << 10;

pin_project! {
    /// An answer's body that keeps its request in flight.
    pub(super) struct FlyingBody<B> {
        #[pin]
        inner: B,
        rest: Bytes,
        flight: InFlight,
    }
}

impl<B> FlyingBody<B> {
    pub(super) fn new(inner: B, flight: InFlight) -> Self {
        Self { inner, rest: Bytes::new(), flight }
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
        if this.rest.is_empty() {
            match ready!(this.inner.poll_frame(cx)?).map(Frame::into_data) {
                Some(Ok(mut data)) => *this.rest = data.copy_to_bytes(data.remaining()),
                Some(Err(frame)) => {
                    return Poll::Ready(frame.into_trailers().ok().map(|all| Ok(Frame::trailers(all))));
                }
                None => return Poll::Ready(None),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
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
