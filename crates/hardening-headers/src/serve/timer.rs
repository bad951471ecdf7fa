//! Core's clock and timer as hyper wants them.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use gambeson_core::{BoxFuture, Clock, Monotonic, Timer};
use hyper::rt::Sleep;

/// hyper counts in `Instant`s, which can't be made out of a number: one is taken as the anchor, and all others are
/// reckoned from it by core's clock.
#[derive(Debug, Clone)]
pub(super) struct HyperTimer {
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    anchor: (Instant, Monotonic),
}

impl HyperTimer {
    pub(super) fn new(clock: Arc<dyn Clock>, timer: Arc<dyn Timer>) -> Self {
        let anchor = (tokio::time::Instant::now().into_std(), clock.monotonic());
        Self { clock, timer, anchor }
    }

    fn after(&self, time: Duration) -> BoxFuture<()> {
        self.timer.until(self.clock.monotonic().plus(time))
    }
}

impl hyper::rt::Timer for HyperTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Asleep(Mutex::new(self.after(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let (instant, moment) = self.anchor;
        let moment = moment.plus(deadline.saturating_duration_since(instant));
        Box::pin(Asleep(Mutex::new(self.timer.until(moment))))
    }

    fn now(&self) -> Instant {
        let (instant, moment) = self.anchor;
        instant.checked_add(self.clock.monotonic().since(moment)).unwrap_or(instant)
    }
}

/// A timer that is `Sync`, as hyper asks; the lock is never taken.
struct Asleep(Mutex<BoxFuture<()>>);

impl Sleep for Asleep {}

impl Future for Asleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx)
    }
}
