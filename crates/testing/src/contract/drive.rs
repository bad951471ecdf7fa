//! How probes drive services and futures: poll by poll, and never for ever.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gambeson_core::{BoxError, Clock, SystemClock, Timer};
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use tower::Service;

use super::TestBody;
use super::subject::{AnyBody, AnyService};

/// How long a probe waits before it calls a future stuck.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// Counts how often it was woken.
#[derive(Default)]
pub(crate) struct WakeCount(AtomicUsize);

impl WakeCount {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        (Arc::clone(&count), Waker::from(Arc::clone(&count)))
    }

    pub(crate) fn woken(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for WakeCount {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Waits for `future`; a fragment that says what is stuck if it does not end.
pub(crate) async fn within<F: Future>(what: &str, future: F) -> Result<F::Output, String> {
    within_time(STUCK_AFTER, what, future).await
}

/// As [`within`], with a patience of its own.
pub(crate) async fn within_time<F: Future>(
    patience: Duration,
    what: &str,
    future: F,
) -> Result<F::Output, String> {
    let clock = SystemClock::new();
    let mut deadline = clock.until(clock.monotonic().plus(patience));
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => {
            deadline.as_mut().poll(cx).map(|()| Err(format!("{what} did not end within {patience:?}")))
        }
    })
    .await
}

/// Polls `future` until it ends (`true`) or has been pending `times` times (`false`).
pub(crate) async fn poll_until_pending<F: Future>(mut future: Pin<&mut F>, times: usize) -> bool {
    let mut pending = 0;
    let waiting = poll_fn(|cx| {
        if pending == times {
            return Poll::Ready(false);
        }
        let ended = future.as_mut().poll(cx).is_ready();
        pending += usize::from(!ended);
        match ended || pending == times {
            true => Poll::Ready(ended),
            false => Poll::Pending,
        }
    });
    waiting.await
}

/// One `poll_ready` with this waker.
pub(crate) fn poll_ready(service: &mut AnyService, waker: &Waker) -> Poll<Result<(), BoxError>> {
    service.poll_ready(&mut Context::from_waker(waker))
}

/// Waits until the service is ready.
pub(crate) async fn readied(service: &mut AnyService) -> Result<(), String> {
    within("poll_ready of a ready inner service", poll_fn(|cx| service.poll_ready(cx)))
        .await?
        .map_err(|error| format!("poll_ready failed though the inner service is ready: {error}"))
}

/// Readies, calls and waits for the answer.
pub(crate) async fn answer(
    service: &mut AnyService,
    request: Request<TestBody>,
) -> Result<Result<Response<AnyBody>, BoxError>, String> {
    readied(service).await?;
    within("the response future", service.call(request)).await
}

/// As [`answer`], but a panic is a sentence.
pub(crate) async fn caught_answer(
    service: &mut AnyService,
    request: Request<TestBody>,
) -> Result<Result<Response<AnyBody>, BoxError>, String> {
    let panicked =
        |_| "it panicked, as it does when it is called without having been polled ready".to_owned();
    readied(service).await?;
    let future = catch_unwind(AssertUnwindSafe(|| service.call(request))).map_err(panicked)?;
    let mut future = pin!(future);
    let caught = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(panicked(panic))),
    });
    within("the response future", caught).await?
}

/// A body read to its end.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    pub(crate) data: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) promised: Option<u64>,
    pub(crate) failed: bool,
    /// It said `is_end_stream` and had another frame.
    pub(crate) went_on_after_end: bool,
}

/// Reads a body to its end or to where it breaks off.
pub(crate) async fn whole(body: AnyBody) -> Result<Whole, String> {
    let mut body = body;
    let mut whole = Whole { promised: body.size_hint().exact(), ..Whole::default() };
    let mut data = BytesMut::new();
    loop {
        let said_end = body.is_end_stream();
        let Some(frame) = within("the response body", body.frame()).await? else { break };
        whole.went_on_after_end |= said_end;
        match frame.map(http_body::Frame::into_data) {
            Err(_) => {
                whole.failed = true;
                break;
            }
            Ok(Ok(chunk)) => data.extend_from_slice(&chunk),
            Ok(Err(other)) => whole.trailers = other.into_trailers().ok().or(whole.trailers),
        }
    }
    whole.data = data.freeze();
    Ok(whole)
}
