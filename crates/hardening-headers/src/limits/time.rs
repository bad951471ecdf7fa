//! The clock and timer of this module's deadlines.

use std::sync::Arc;

use gambeson_core::{Clock, SystemClock, Timer};

/// Tells the time and waits for it.
#[derive(Debug, Clone)]
pub(super) struct Time {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) timer: Arc<dyn Timer>,
}

impl Default for Time {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock::new()), timer: Arc::new(SystemClock::new()) }
    }
}
