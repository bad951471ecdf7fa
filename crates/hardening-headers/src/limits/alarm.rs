//! A timer whose moment may move back.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use gambeson_core::{BoxFuture, Monotonic};

use super::rules::Time;

/// Rings at a moment that moves back with what comes in. It is set anew only when it rings, not for each part.
pub(super) struct Alarm {
    until: Monotonic,
    // The lock is never taken: it makes the timer, and with it the body, `Sync`.
    timer: Mutex<BoxFuture<()>>,
}

impl Alarm {
    /// An alarm at this moment.
    pub(super) fn at(time: &Time, until: Monotonic) -> Self {
        Self { until, timer: Mutex::new(time.timer.until(until)) }
    }

    /// Whether the moment has come that it was set to.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx)
    }

    /// Whether `due` has come, which is never earlier than it was at the last call.
    pub(super) fn poll_due(&mut self, time: &Time, due: Monotonic, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.poll_over(cx));
            if due <= self.until {
                return Poll::Ready(());
            }
            *self = Self::at(time, due);
        }
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm").field("until", &self.until).finish_non_exhaustive()
    }
}
