//! A timer whose moment may change.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use gambeson_core::{BoxFuture, Monotonic, Timer};

/// Rings at a moment that may change at each look at it. One that moves away costs nothing until the old one has passed.
#[derive(Default)]
pub(crate) struct Alarm(Option<Armed>);

struct Armed {
    at: Monotonic,
    // The lock is never taken: it makes the timer, and with it a body that holds it, `Sync`.
    rings: Mutex<BoxFuture<()>>,
}

impl Alarm {
    /// When it rings next, if it is armed.
    pub(crate) fn at(&self) -> Option<Monotonic> {
        self.0.as_ref().map(|armed| armed.at)
    }

    /// Ready once `due` has been reached.
    pub(crate) fn poll_until(&mut self, timer: &dyn Timer, due: Monotonic, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.0 {
                Some(Armed { at, rings }) if *at <= due => {
                    ready!(rings.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx));
                    let reached = *at;
                    self.0 = None;
                    if reached >= due {
                        return Poll::Ready(());
                    }
                }
                _ => self.0 = Some(Armed { at: due, rings: Mutex::new(timer.until(due)) }),
            }
        }
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alarm").field(&self.0.as_ref().map(|armed| armed.at)).finish()
    }
}
