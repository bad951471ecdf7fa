//! How long who waits for the disk does so.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Clock, Receipt, SystemClock, Timer};

use crate::deadline::before;
use crate::error::{TrailError, TrailErrorKind};
use crate::queue::Answered;
use crate::ticket::Ticket;

/// A deadline, and the clock and timer that it is kept by.
#[derive(Debug)]
pub(crate) struct Patience {
    deadline: Duration,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
}

impl Patience {
    /// By the trail's clock where its timer is given; else by those of the system, which go together.
    pub(crate) fn new(deadline: Duration, clock: &Arc<dyn Clock>, timer: Option<Arc<dyn Timer>>) -> Self {
        match timer {
            Some(timer) => Self { deadline, clock: clock.clone(), timer },
            None => {
                Self { deadline, clock: Arc::new(SystemClock::new()), timer: Arc::new(SystemClock::new()) }
            }
        }
    }

    /// What the writer answers, if it does in time. What it was asked for it does all the same.
    pub(crate) fn wait(
        &self,
        ticket: Ticket<Answered>,
    ) -> impl Future<Output = Result<Receipt, TrailError>> + Send + 'static {
        let late = self.timer.until(self.clock.monotonic().plus(self.deadline));
        let deadline = self.deadline;
        async move {
            before(late, ticket).await.unwrap_or_else(|| {
                let detail = format!(
                    "the disk has not answered for {deadline:?} (strict_deadline); the event waits for it still"
                );
                Err(TrailError::new(TrailErrorKind::Deadline, detail))
            })
        }
    }
}
