//! Waiting for the world outside of this process.

use std::time::Duration;

use gambeson_core::{Clock, SystemClock, Timer};

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Repeats `attempt` until it has something or `deadline` has passed, in which case there is `None`.
///
/// For processes and sockets that are not ours to wake us; what happens in this process is waited for, not polled.
/// Needs a tokio runtime with time enabled.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// # runtime.block_on(async {
/// use std::time::Duration;
/// use gambeson_testing::eventually;
///
/// let mut attempts = 0;
/// let found = eventually(Duration::from_secs(5), || {
///     attempts += 1;
///     std::future::ready((attempts == 3).then_some("there"))
/// })
/// .await;
/// assert_eq!(found, Some("there"));
/// # });
/// ```
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    deadline: Duration,
    mut attempt: impl FnMut() -> F,
) -> Option<T> {
    let clock = SystemClock::new();
    let end = clock.monotonic().plus(deadline);
    loop {
        let found = attempt().await;
        let now = clock.monotonic();
        if found.is_some() || now >= end {
            return found;
        }
        clock.until(now.plus(PAUSE).min(end)).await;
    }
}
