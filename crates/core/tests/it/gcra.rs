//! The rate arithmetic against a bucket that is filled naively.

use std::time::Duration;

use gambeson_core::{Gcra, GcraDecision};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;

/// A token bucket that holds `burst` and refills one token a second.
struct Bucket {
    tokens: f64,
    last: u64,
    burst: f64,
}

impl Bucket {
    fn take(&mut self, now: u64, cost: u32) -> bool {
        let refill = (now - self.last) as f64 / SECOND as f64;
        self.tokens = (self.tokens + refill).min(self.burst);
        self.last = now;
        let fits = self.tokens + 1e-6 >= f64::from(cost);
        if fits {
            self.tokens -= f64::from(cost);
        }
        fits
    }
}

proptest! {
    #[test]
    fn agrees_with_a_bucket(burst in 1_u32..20, steps in prop::collection::vec((0_u64..5, 1_u32..4), 1..200)) {
        let limit = Gcra::new(1, Duration::from_secs(1), burst).unwrap();
        let start = 1_000 * SECOND;
        let mut bucket = Bucket { tokens: f64::from(burst), last: start, burst: f64::from(burst) };
        let (mut state, mut now) = (0, start);
        for (wait, cost) in steps {
            now += wait * SECOND / 2;
            let allowed = bucket.take(now, cost);
            match limit.decide(state, now, cost) {
                GcraDecision::Allowed { state: next, remaining, .. } => {
                    prop_assert!(allowed);
                    prop_assert!(remaining < burst);
                    state = next;
                }
                GcraDecision::Denied { retry_after } => {
                    prop_assert!(!allowed);
                    if cost <= burst {
                        let later = now + u64::try_from(retry_after.as_nanos()).unwrap();
                        let fits = matches!(limit.decide(state, later, cost), GcraDecision::Allowed { .. });
                        prop_assert!(fits, "the promise of Retry-After holds");
                    } else {
                        prop_assert_eq!(retry_after, Duration::MAX);
                    }
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }
}

#[test]
fn a_limit_of_nothing_is_no_limit() {
    assert!(Gcra::new(0, Duration::from_secs(1), 1).is_none());
    assert!(Gcra::new(1, Duration::from_secs(1), 0).is_none());
    assert!(Gcra::new(u32::MAX, Duration::from_nanos(1), 1).is_none());
}

#[test]
fn penalties_are_kept_in_bounds() {
    let limit = Gcra::new(1, Duration::from_secs(1), 3).unwrap();
    let state = limit.charge(0, SECOND, u32::MAX);
    assert_eq!(limit.decide(state, SECOND, 1), GcraDecision::Denied { retry_after: Duration::from_secs(4) });
}
