//! How many sessions of each subject ended: so that one account that logs in and out all day does not fill the list.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use gambeson_core::Timestamp;

/// So many sessions of a subject are denied one by one.
const ONE_BY_ONE: u32 = 16;

/// Bounded like the list itself.
pub(super) struct Tally {
    capacity: usize,
    ended: Mutex<HashMap<[u8; 16], Ended>>,
}

struct Ended {
    sessions: u32,
    keep_until: Timestamp,
}

impl Tally {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, ended: Mutex::default() }
    }

    /// Notes one more session of the subject; `false` when it has had its number, or when there is no room to count.
    pub(super) fn allows_one_more(&self, subject: [u8; 16], keep_until: Timestamp, now: Timestamp) -> bool {
        let mut all = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = all.len() >= self.capacity && !all.contains_key(&subject);
        if is_full {
            all.retain(|_, ended| now < ended.keep_until);
        }
        if is_full && all.len() >= self.capacity {
            return false;
        }
        let ended = all.entry(subject).or_insert(Ended { sessions: 0, keep_until });
        if ended.keep_until <= now {
            ended.sessions = 0;
        }
        let allowed = ended.sessions < ONE_BY_ONE;
        if allowed {
            ended.sessions += 1;
            ended.keep_until = keep_until;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn counted_while_they_are_kept_and_bounded() {
        let tally = Tally::new(2);
        let at = Timestamp::from_unix_seconds;
        let one_more = |subject: u8, now| {
            tally.allows_one_more([subject; 16], at(now).plus(Duration::from_secs(100)), at(now))
        };
        assert_eq!((0..40).filter(|_| one_more(1, 0)).count(), 16);
        assert!(one_more(2, 0));
        assert!(!one_more(3, 99), "who can't be counted has no session of its own");
        assert!(!one_more(1, 99) && one_more(1, 100), "what is over is not counted");
        assert!(one_more(3, 100), "and makes room");
        assert_eq!(tally.ended.lock().unwrap().len(), 2);
    }
}
