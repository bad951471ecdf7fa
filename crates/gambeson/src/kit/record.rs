//! The sink that all parts share, from before the trail is open.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use gambeson_core::{Answer, AuditError, AuditErrorKind, AuditEvent, AuditSink, Durability, Receipt};

/// So many events may come before the trail is open; what comes beyond them is answered with an error.
const MOST_EARLY: usize = 1_024;

/// A sink that holds events until there is a trail: its keys are secrets, and that they were read belongs on record too.
#[derive(Debug, Clone, Default)]
pub(super) struct Record(Arc<State>);

#[derive(Debug, Default)]
struct State {
    sink: OnceLock<Arc<dyn AuditSink>>,
    early: Mutex<Vec<(AuditEvent, Durability)>>,
}

impl Record {
    /// Hands on what came so far and what comes from now on.
    pub(super) fn begin(&self, sink: Arc<dyn AuditSink>) {
        let mut early = self.early();
        for (event, durability) in early.drain(..) {
            // Whoever sent it has its answer.
            let _ = sink.record(event, durability);
        }
        let _ = self.0.sink.set(sink);
    }

    fn early(&self) -> MutexGuard<'_, Vec<(AuditEvent, Durability)>> {
        self.0.early.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an event for later; nothing is on stable storage yet.
    fn hold(&self, event: AuditEvent, durability: Durability) -> Answer<Result<Receipt, AuditError>> {
        let mut early = self.early();
        if let Some(sink) = self.0.sink.get() {
            return sink.record(event, durability);
        }
        if durability == Durability::Strict || early.len() >= MOST_EARLY {
            let why = "the audit trail is not open yet";
            return Answer::Ready(Err(AuditError::new(AuditErrorKind::Unavailable).with_source(why)));
        }
        early.push((event, durability));
        Answer::Ready(Ok(Receipt::queued()))
    }
}

impl AuditSink for Record {
    fn record(&self, event: AuditEvent, durability: Durability) -> Answer<Result<Receipt, AuditError>> {
        match self.0.sink.get() {
            Some(sink) => sink.record(event, durability),
            None => self.hold(event, durability),
        }
    }
}

#[cfg(test)]
mod tests {
    use gambeson_core::{AuditKind, Outcome, Timestamp};
    use gambeson_testing::RecordingAuditSink;

    use super::*;

    fn event(action: &'static str) -> AuditEvent {
        AuditEvent::new(AuditKind::SecretAccess, action, Outcome::Success, Timestamp::default())
    }

    #[test]
    fn what_came_before_the_trail_is_handed_on_first() {
        let (record, trail) = (Record::default(), Arc::new(RecordingAuditSink::default()));
        let kept = |action, durability| match record.record(event(action), durability) {
            Answer::Ready(taken) => taken.is_ok(),
            Answer::Pending(_) => false,
        };
        assert!(kept("early", Durability::Async) && !kept("too early to be durable", Durability::Strict));
        record.begin(trail.clone());
        assert!(kept("late", Durability::Async));
        let actions: Vec<_> = trail.events().into_iter().map(|event| event.action).collect();
        assert_eq!(actions, ["early", "late"]);
    }

    #[test]
    fn a_flood_before_the_trail_is_bounded() {
        let record = Record::default();
        let refused = (0..2 * MOST_EARLY)
            .filter(|_| matches!(record.record(event("x"), Durability::Async), Answer::Ready(Err(_))))
            .count();
        assert_eq!(refused, MOST_EARLY);
    }
}
