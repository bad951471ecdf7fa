//! Several addresses of one name: soon side by side, so that dead ones don't use up the time (RFC 8305 §5).

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use gambeson_core::{BoxFuture, Clock, Timer};

/// How long one attempt goes on alone: the "Connection Attempt Delay" that RFC 8305 §8 recommends.
const HEAD_START: Duration = Duration::from_millis(250);

/// The first success, else the last failure; `None` of no attempts. The next attempt starts when one has failed or had its head start.
pub(crate) async fn first_of<T, E, F: Future<Output = Result<T, E>>>(
    clock: &dyn Clock,
    timer: &dyn Timer,
    attempts: impl Iterator<Item = F>,
) -> Option<Result<T, E>> {
    let mut attempts = attempts.fuse();
    let mut running: Vec<Pin<Box<F>>> = Vec::new();
    let mut head_start: Option<BoxFuture<()>> = None;
    let mut failure = None;
    poll_fn(move |context| {
        loop {
            let (before, mut success) = (running.len(), None);
            running.retain_mut(|attempt| {
                if success.is_some() {
                    return true;
                }
                match attempt.as_mut().poll(context) {
                    Poll::Pending => return true,
                    Poll::Ready(Ok(value)) => success = Some(value),
                    Poll::Ready(Err(error)) => failure = Some(error),
                }
                false
            });
            if let Some(value) = success {
                return Poll::Ready(Some(Ok(value)));
            }
            if running.len() < before {
                head_start = None;
            }
            if head_start.as_mut().is_some_and(|alarm| alarm.as_mut().poll(context).is_pending()) {
                return Poll::Pending;
            }
            head_start = None;
            match attempts.next() {
                Some(attempt) => {
                    running.push(Box::pin(attempt));
                    head_start = Some(timer.until(clock.monotonic().plus(HEAD_START)));
                }
                None if running.is_empty() => return Poll::Ready(failure.take().map(Err)),
                None => return Poll::Pending,
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};
    use std::pin::pin;
    use std::task::{Context, Waker};

    use gambeson_core::{ManualClock, Timestamp};

    use super::*;

    type Attempt = Pin<Box<dyn Future<Output = Result<u8, u8>>>>;

    fn dead() -> Attempt {
        Box::pin(pending())
    }

    #[test]
    fn a_dead_address_has_a_quarter_of_a_second_alone() {
        let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_000_000));
        let begun = Cell::new(0);
        let attempts = [dead(), dead(), Box::pin(ready(Ok(3)))];
        let counted = attempts.into_iter().inspect(|_| begun.set(begun.get() + 1));
        let mut first = pin!(first_of(&clock, &clock, counted));
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending());
        clock.advance(Duration::from_millis(249));
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert_eq!(begun.get(), 1);
        clock.advance(Duration::from_millis(1));
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert_eq!(begun.get(), 2);
        clock.advance(HEAD_START);
        assert_eq!(first.as_mut().poll(&mut context), Poll::Ready(Some(Ok(3))));
    }

    #[test]
    fn one_that_fails_gives_way_at_once() {
        let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_000_000));
        let mut context = Context::from_waker(Waker::noop());
        let mut poll = |attempts: Vec<Attempt>| {
            pin!(first_of(&clock, &clock, attempts.into_iter())).as_mut().poll(&mut context)
        };
        assert_eq!(poll(vec![Box::pin(ready(Err(1))), Box::pin(ready(Ok(2)))]), Poll::Ready(Some(Ok(2))));
        assert_eq!(poll(vec![Box::pin(ready(Err(1))), Box::pin(ready(Err(2)))]), Poll::Ready(Some(Err(2))));
        assert_eq!(poll(vec![Box::pin(ready(Err(1))), dead()]), Poll::Pending);
        assert_eq!(poll(Vec::new()), Poll::Ready(None));
    }
}
