//! Spans that wait for the exporter, in bounded memory, each of them accounted for.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::report::{Loss, SpanReport};
use crate::span::SpanRecord;

/// Ended spans on their way out. At every moment: ended = exported + lost + waiting + in flight.
pub(crate) struct SpanQueue {
    state: Mutex<State>,
    most: usize,
    batch: usize,
    pub(super) full_batch: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<SpanRecord>,
    in_flight: u64,
    closed: bool,
    report: SpanReport,
}

impl SpanQueue {
    /// At most `most` spans wait; they leave `batch` at a time.
    pub(crate) fn new(most: usize, batch: usize) -> Self {
        Self { state: Mutex::default(), most, batch, full_batch: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an ended span, or counts it as lost. Never waits for the exporter.
    pub(crate) fn push(&self, span: SpanRecord) {
        let mut state = self.state();
        state.report.ended += 1;
        if state.closed {
            state.report.lost.add(Loss::Shutdown, 1);
        } else if state.waiting.len() >= self.most {
            state.report.lost.add(Loss::QueueFull, 1);
        } else {
            state.waiting.push_back(span);
            let wakes = state.waiting.len().is_multiple_of(self.batch);
            drop(state);
            if wakes {
                self.full_batch.notify_one();
            }
        }
    }

    /// The next batch, oldest first; whoever takes it must call [`SpanQueue::settle`] for all of it.
    pub(super) fn take(&self) -> Vec<SpanRecord> {
        let mut state = self.state();
        let count = state.waiting.len().min(self.batch);
        state.in_flight += count as u64;
        state.waiting.drain(..count).collect()
    }

    pub(super) fn has_batch(&self) -> bool {
        self.state().waiting.len() >= self.batch
    }

    /// What became of `count` spans that were taken.
    pub(super) fn settle(&self, count: u64, exported: u64, loss: Loss) {
        let mut state = self.state();
        // After the end they are counted as lost already, and a report may have been given.
        if state.closed && state.in_flight == 0 {
            return;
        }
        state.in_flight = state.in_flight.saturating_sub(count);
        let exported = exported.min(count);
        state.report.exported += exported;
        state.report.lost.add(loss, count - exported);
    }

    /// Takes no more spans; what has not left by now is lost.
    pub(super) fn close(&self) -> SpanReport {
        let mut state = self.state();
        let left = std::mem::take(&mut state.waiting);
        let lost = left.len() as u64 + std::mem::take(&mut state.in_flight);
        state.report.lost.add(Loss::Shutdown, lost);
        state.closed = true;
        let report = state.report;
        drop(state);
        drop(left);
        report
    }

    pub(crate) fn report(&self) -> SpanReport {
        self.state().report
    }

    /// How many spans wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }
}

impl fmt::Debug for SpanQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanQueue").field("report", &self.report()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gambeson_core::{Timestamp, TraceContext};

    use super::*;
    use crate::span::{AppSpan, SpanKind};

    fn span() -> SpanRecord {
        let app = AppSpan { name: "work", target: "app", fields: Vec::new(), dropped_fields: 0 };
        SpanRecord {
            trace: TraceContext::new([1; 16], [2; 8], true).unwrap(),
            random: true,
            state: None,
            parent: None,
            started: Timestamp::default(),
            took: Duration::ZERO,
            failed: false,
            kind: SpanKind::App(Box::new(app)),
        }
    }

    #[test]
    fn every_span_is_accounted_for() {
        let queue = SpanQueue::new(5, 2);
        (0..7).for_each(|_| queue.push(span()));
        assert_eq!(queue.take().len(), 2);
        queue.settle(2, 1, Loss::Rejected);
        assert_eq!(queue.take().len(), 2);
        let report = queue.close();
        assert_eq!((report.ended, report.exported), (7, 1));
        assert_eq!((report.lost.queue_full, report.lost.rejected, report.lost.shutdown), (2, 1, 3));
        assert_eq!(report.ended, report.exported + report.lost.total());
        queue.settle(2, 2, Loss::ExportFailed);
        queue.push(span());
        let after = queue.report();
        assert_eq!((after.exported, after.lost.shutdown, queue.waiting()), (1, 4, 0));
    }
}
