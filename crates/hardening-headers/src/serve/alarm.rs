//! A timer that is armed anew only when it must ring earlier.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use gambeson_core::{BoxFuture, Monotonic, Timer};

/// Rings at a moment that may change at each look at it. One that moves away costs nothing until the old one has passed.
pub(super) struct Alarm {
    timer: Arc<dyn Timer>,
    armed: Option<(Monotonic, BoxFuture<()>)>,
}

impl Alarm {
    pub(super) fn new(timer: Arc<dyn Timer>) -> Self {
        Self { timer, armed: None }
    }

    /// Ready when the next ring comes; it is armed with `otherwise` if none is.
    pub(super) fn poll_next(
        &mut self,
        otherwise: impl FnOnce() -> Monotonic,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let due = self.armed.as_ref().map_or_else(otherwise, |(at, _)| *at);
        self.poll_until(due, cx)
    }

    /// Ready once `due` has been reached.
    pub(super) fn poll_until(&mut self, due: Monotonic, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.armed {
                Some((at, rings)) if *at <= due => {
                    ready!(rings.as_mut().poll(cx));
                    let reached = *at;
                    self.armed = None;
                    if reached >= due {
                        return Poll::Ready(());
                    }
                }
                _ => self.armed = Some((due, self.timer.until(due))),
            }
        }
    }
}
