//! How often refused requests may fill the log: each kind at once, and from then on once a minute with a count.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gambeson_core::Monotonic;

use crate::error::Reason;

/// The least time between two lines about one kind of refusal.
const PACE: Duration = Duration::from_secs(60);

/// One kind of line, which strangers can bring about as often as they like.
#[derive(Debug, Default)]
pub(crate) struct Paced {
    /// From when on it may be said again, in nanoseconds of the clock that never goes back.
    next: AtomicU64,
    unsaid: AtomicU64,
}

impl Paced {
    /// Whether it may be said now, and then how many there were since it was said last.
    pub(crate) fn due(&self, now: Monotonic) -> Option<u64> {
        let next = self.next.load(Ordering::Relaxed);
        let then = now.plus(PACE).as_nanos();
        let mine = now.as_nanos() >= next
            && self.next.compare_exchange(next, then, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if mine {
            return Some(self.unsaid.swap(0, Ordering::Relaxed));
        }
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        None
    }
}

/// All kinds that a layer refuses for: one for each [`Reason`], and one for requests with more than one credential.
#[derive(Debug, Default)]
pub(crate) struct RefusalLog {
    reasons: [Paced; Reason::WaitingRoomFull as usize + 1],
    pub(crate) ambiguous: Paced,
}

impl RefusalLog {
    pub(crate) fn of(&self, reason: Reason) -> &Paced {
        // The array has a place for each reason, the last one's among them.
        self.reasons.get(reason as usize).unwrap_or(&self.ambiguous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_said_and_then_one_a_minute_with_a_count() {
        let log = RefusalLog::default();
        let at = |seconds| Monotonic::default().plus(Duration::from_secs(seconds));
        assert_eq!(log.of(Reason::Expired).due(at(0)), Some(0));
        for second in 1..60 {
            assert_eq!(log.of(Reason::Expired).due(at(second)), None);
        }
        assert_eq!(log.of(Reason::Audience).due(at(5)), Some(0), "each kind has its own pace");
        assert_eq!(log.of(Reason::WaitingRoomFull).due(at(5)), Some(0));
        assert_eq!(log.ambiguous.due(at(5)), Some(0));
        assert_eq!(log.of(Reason::Expired).due(at(60)), Some(59));
        assert_eq!(log.of(Reason::Expired).due(at(61)), None);
        assert_eq!(log.of(Reason::Expired).due(at(3_600)), Some(1));
    }
}
