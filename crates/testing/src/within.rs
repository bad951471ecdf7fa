//! Waiting for what happens in this process, but not for ever.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use gambeson_core::{Clock, SystemClock, Timer};

/// What `future` gives; `None` when `deadline` has passed before.
///
/// For a test that waits for an answer: when the line is broken that gives it, the test fails and does not hang.
/// Needs a tokio runtime with time enabled.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// # runtime.block_on(async {
/// use std::time::Duration;
/// use gambeson_testing::within;
///
/// assert_eq!(within(Duration::from_secs(5), std::future::ready("there")).await, Some("there"));
/// assert_eq!(within(Duration::from_millis(1), std::future::pending::<()>()).await, None);
/// # });
/// ```
pub async fn within<T>(deadline: Duration, future: impl Future<Output = T>) -> Option<T> {
    let clock = SystemClock::new();
    let (mut future, mut end) = (pin!(future), clock.until(clock.monotonic().plus(deadline)));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(found) => Poll::Ready(Some(found)),
        Poll::Pending => end.as_mut().poll(context).map(|()| None),
    })
    .await
}
