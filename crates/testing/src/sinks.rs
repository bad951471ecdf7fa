//! Sinks that remember, fail or block.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use gambeson_core::{
    Answer, AuditError, AuditErrorKind, AuditEvent, AuditSink, CostRecord, CostSink, Durability, Receipt,
};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Remembers audit events in order. Clones share what they remember.
///
/// It answers at once, and to each durability alike, that the event is stored (`durable`), so that strict audit lets
/// pass. That is a pretence for tests: it keeps events in memory, without a bound, and forgets them with its last clone.
///
/// ```
/// use gambeson_core::{AuditEvent, AuditKind, AuditSink, Durability, Outcome, Timestamp};
/// use gambeson_testing::RecordingAuditSink;
///
/// let sink = RecordingAuditSink::new();
/// let event = AuditEvent::new(AuditKind::Application, "note.export", Outcome::Success, Timestamp::default());
/// sink.record(event, Durability::Strict);
/// assert_eq!(sink.events()[0].action, "note.export");
/// ```
#[derive(Debug, Clone, Default)]
pub struct RecordingAuditSink(Arc<Mutex<Vec<(AuditEvent, Durability)>>>);

impl RecordingAuditSink {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The events so far.
    #[must_use]
    pub fn events(&self) -> Vec<AuditEvent> {
        lock(&self.0).iter().map(|(event, _)| event.clone()).collect()
    }

    /// The durability that each event was recorded with, in the same order.
    #[must_use]
    pub fn durabilities(&self) -> Vec<Durability> {
        lock(&self.0).iter().map(|(_, durability)| *durability).collect()
    }
}

impl AuditSink for RecordingAuditSink {
    /// Says that the event is stored, with its place in the list (from 0) as its sequence number.
    fn record(&self, event: AuditEvent, durability: Durability) -> Answer<Result<Receipt, AuditError>> {
        let mut events = lock(&self.0);
        let sequence = events.len() as u64;
        events.push((event, durability));
        Answer::Ready(Ok(Receipt::stored(sequence)))
    }
}

/// Refuses every audit event: what strict audit must answer 503 to.
#[derive(Debug, Clone, Copy, Default)]
pub struct FailingAuditSink;

impl AuditSink for FailingAuditSink {
    fn record(&self, _: AuditEvent, _: Durability) -> Answer<Result<Receipt, AuditError>> {
        Answer::Ready(Err(AuditError::new(AuditErrorKind::Unavailable)))
    }
}

/// Takes audit events, but lets those who want more than [`Durability::Async`] wait until it is released. Clones share
/// events and release. Like [`RecordingAuditSink`], it only pretends to store.
#[derive(Debug, Clone, Default)]
pub struct BlockingAuditSink(Arc<Mutex<Block>>);

#[derive(Debug, Default)]
struct Block {
    released: bool,
    events: Vec<AuditEvent>,
    wakers: Vec<Waker>,
}

impl BlockingAuditSink {
    /// Blocks until [`BlockingAuditSink::release`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets all go on who wait, and who come later.
    pub fn release(&self) {
        let mut block = lock(&self.0);
        block.released = true;
        let wakers = std::mem::take(&mut block.wakers);
        drop(block);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The events so far, those who wait included.
    #[must_use]
    pub fn events(&self) -> Vec<AuditEvent> {
        lock(&self.0).events.clone()
    }
}

impl AuditSink for BlockingAuditSink {
    fn record(&self, event: AuditEvent, durability: Durability) -> Answer<Result<Receipt, AuditError>> {
        let mut block = lock(&self.0);
        let sequence = block.events.len() as u64;
        block.events.push(event);
        drop(block);
        if durability == Durability::Async {
            return Answer::Ready(Ok(Receipt::queued()));
        }
        let shared = Arc::clone(&self.0);
        Answer::pending(std::future::poll_fn(move |cx| {
            let mut block = lock(&shared);
            if block.released {
                return Poll::Ready(Ok(Receipt::stored(sequence)));
            }
            block.wakers.push(cx.waker().clone());
            Poll::Pending
        }))
    }
}

/// Remembers cost records in order. Clones share what they remember.
#[derive(Debug, Clone, Default)]
pub struct RecordingCostSink(Arc<Mutex<Vec<CostRecord>>>);

impl RecordingCostSink {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The records so far.
    #[must_use]
    pub fn records(&self) -> Vec<CostRecord> {
        lock(&self.0).clone()
    }
}

impl CostSink for RecordingCostSink {
    fn record(&self, cost: &CostRecord) {
        lock(&self.0).push(cost.clone());
    }
}
