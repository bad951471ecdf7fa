//! One deadline for a whole exchange.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use gambeson_core::{Clock, Timer};

/// The outcome of `work`, or `None` once `limit` has passed on the clock.
pub(crate) async fn within<T>(
    clock: &dyn Clock,
    timer: &dyn Timer,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut alarm = timer.until(clock.monotonic().plus(limit));
    let mut work = pin!(work);
    poll_fn(move |context| {
        if let Poll::Ready(outcome) = work.as_mut().poll(context) {
            return Poll::Ready(Some(outcome));
        }
        alarm.as_mut().poll(context).map(|()| None)
    })
    .await
}
