//! Time as it passes: what is loaded here is another process, whose clock nobody injects.

use std::thread;
use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "another process is timed, by the clock on the wall")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "requests are paced, by the clock on the wall")]
pub(super) fn rest(time: Duration) {
    thread::sleep(time);
}

/// Keeps a thread at a pace: never faster, and what was missed is not made up for.
pub(super) struct Pace {
    step: Duration,
    next: Instant,
}

impl Pace {
    pub(super) fn of(step: Duration) -> Self {
        Self { step, next: now() }
    }

    /// Rests until the next step is due.
    pub(super) fn step(&mut self) {
        let due = self.next;
        rest(due.saturating_duration_since(now()));
        self.next = due.max(now()) + self.step;
    }
}
