//! What became of the spans.

use std::time::Duration;

/// Why spans did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    QueueFull,
    ExportFailed,
    Timeout,
    Rejected,
    Shutdown,
}

/// Spans that did not arrive, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Losses {
    /// More ended than the exporter could send, and the queue was full.
    pub queue_full: u64,
    /// The collector was not there, or answered with an error or with something that is no answer of a collector.
    pub export_failed: u64,
    /// The collector did not answer in time.
    pub timeout: u64,
    /// The collector took the batch but said that it rejected some of it (partial success).
    pub rejected: u64,
    /// The process ended before they were sent, or they ended after the shutdown.
    pub shutdown: u64,
}

impl Losses {
    pub(crate) fn add(&mut self, loss: Loss, count: u64) {
        let slot = match loss {
            Loss::QueueFull => &mut self.queue_full,
            Loss::ExportFailed => &mut self.export_failed,
            Loss::Timeout => &mut self.timeout,
            Loss::Rejected => &mut self.rejected,
            Loss::Shutdown => &mut self.shutdown,
        };
        *slot = slot.saturating_add(count);
    }

    /// Each reason's name, as `/metrics` shows it, and its count.
    #[must_use]
    pub const fn by_reason(&self) -> [(&'static str, u64); 5] {
        [
            ("queue_full", self.queue_full),
            ("export_failed", self.export_failed),
            ("timeout", self.timeout),
            ("rejected", self.rejected),
            ("shutdown", self.shutdown),
        ]
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_reason().iter().map(|(_, count)| count).sum()
    }
}

/// What became of all spans since the start. Those of traces that were not recorded are no part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SpanReport {
    /// Recorded spans that ended.
    pub ended: u64,
    /// Spans that the collector said it took.
    pub exported: u64,
    /// Spans that did not arrive, as far as can be known: one that was sent may have arrived without a word.
    pub lost: Losses,
}

/// What [`Telemetry::shutdown`](crate::Telemetry::shutdown) could do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// What became of the spans; after a shutdown `ended` is `exported` and all of `lost`.
    pub spans: SpanReport,
    /// Whether the last state of the metrics arrived; `None` when metrics are not exported.
    pub metrics_exported: Option<bool>,
    /// How long it took.
    pub took: Duration,
}

impl ShutdownReport {
    /// Whether nothing was lost.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.spans.lost.total() == 0 && self.metrics_exported != Some(false)
    }
}
