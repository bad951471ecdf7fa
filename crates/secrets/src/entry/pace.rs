//! When a reference may be read, and when it must be.

use std::collections::VecDeque;
use std::time::Duration;

use gambeson_core::{Entropy, Monotonic};

use super::bell::Demand;
use crate::policy::Policy;

const MINUTE: Duration = Duration::from_secs(60);

/// The moments at which one reference was read, as far back as rules look.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// At most as many as the cap.
    starts: VecDeque<Monotonic>,
}

impl Pace {
    /// Notes a read that begins now.
    pub(super) fn begin(&mut self, now: Monotonic, policy: &Policy) {
        while self.starts.len() >= policy.issue_cap_per_minute as usize {
            self.starts.pop_front();
        }
        self.starts.push_back(now);
    }

    /// When the next read begins: at `due`, or sooner if it is demanded, but never against the cap.
    pub(super) fn next(&self, due: Monotonic, demand: Option<Demand>, policy: &Policy) -> Monotonic {
        let spaced = self.starts.back().map(|last| last.plus(policy.min_interval)).unwrap_or_default();
        let wanted = match demand {
            None => due,
            Some(Demand::Wanted) => due.min(spaced),
            Some(Demand::Changed) => Monotonic::default(),
        };
        let full = self.starts.len() >= policy.issue_cap_per_minute as usize;
        let room = self.starts.front().filter(|_| full).map(|first| first.plus(MINUTE)).unwrap_or_default();
        wanted.max(room)
    }
}

/// How long after a good read the next one is due: a random point in the given part of `good_for`, so that it can never
/// fall behind its end. What is good for less than the least interval is not kept alive at any price.
pub(super) fn refresh_after(good_for: Duration, policy: &Policy, entropy: &dyn Entropy) -> Duration {
    let (from, to) = (policy.refresh_at.start, policy.refresh_at.end);
    let point = good_for.mul_f64(from + (to - from) * random(entropy));
    // Not more often than the policy says, except that the end of the secret comes first.
    match good_for > policy.min_interval {
        true => point.max(policy.min_interval.min(good_for.mul_f64(to))),
        false => policy.min_interval,
    }
}

/// How long after the n-th failure in a row the next try is due: doubling from the least interval to the longest, of
/// which a random half, so that many instances don't come back at once.
pub(super) fn retry_after(failures: u32, policy: &Policy, entropy: &dyn Entropy) -> Duration {
    let doubled = policy.min_interval.saturating_mul(1 << failures.saturating_sub(1).min(20));
    let longest = doubled.min(policy.max_backoff);
    longest.mul_f64(0.5 + 0.5 * random(entropy)).max(policy.min_interval)
}

/// From 0 up to, not including, 1. Without randomness the latest point: it spreads nothing, but endangers nothing.
fn random(entropy: &dyn Entropy) -> f64 {
    let mut bytes = [0; 4];
    match entropy.fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0),
        Err(_) => 0.999,
    }
}

#[cfg(test)]
mod tests {
    use gambeson_core::FixedEntropy;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_refresh_never_falls_behind_the_end(millis in 1_001_u64..100_000, seed: u64) {
            let good_for = Duration::from_millis(millis);
            let after = refresh_after(good_for, &Policy::default(), &FixedEntropy::starting_at(seed));
            prop_assert!(after <= good_for.mul_f64(0.8) && after >= good_for.mul_f64(0.599));
        }

        #[test]
        fn what_ends_at_once_is_no_reason_for_a_storm(millis in 0_u64..=1_000, seed: u64) {
            let entropy = FixedEntropy::starting_at(seed);
            let after = refresh_after(Duration::from_millis(millis), &Policy::default(), &entropy);
            prop_assert_eq!(after, Policy::default().min_interval);
        }

        #[test]
        fn waits_grow_and_end_at_the_longest(failures in 1_u32..200, seed: u64) {
            let policy = Policy::default();
            let wait = retry_after(failures, &policy, &FixedEntropy::starting_at(seed));
            prop_assert!(wait >= policy.min_interval && wait <= policy.max_backoff);
            let grown = Duration::from_secs(1 << failures.min(7)).mul_f64(0.25);
            prop_assert!(wait >= grown.min(policy.max_backoff / 2));
        }

        #[test]
        fn no_minute_sees_more_than_the_cap(gaps in prop::collection::vec(0_u64..9_000, 1..200), cap in 1_u32..8) {
            let policy = Policy::default().issue_cap_per_minute(cap);
            let (mut pace, mut now, mut starts) = (Pace::default(), Monotonic::from_nanos(1), Vec::new());
            for gap in gaps {
                now = now.plus(Duration::from_millis(gap));
                now = now.max(pace.next(now, Some(Demand::Changed), &policy));
                pace.begin(now, &policy);
                starts.push(now);
            }
            for (index, start) in starts.iter().enumerate() {
                let within = starts[index..].iter().filter(|later| later.since(*start) < MINUTE).count();
                prop_assert!(within <= cap as usize);
            }
        }
    }
}
