use std::collections::HashMap;
use std::time::Duration;

use gambeson_core::{Gcra, GcraDecision};
use proptest::prelude::*;

use super::*;
use crate::EdgeRate;

const UNIT: u64 = 1 << UNIT_BITS;

fn every(units: u64, burst: u32) -> Gcra {
    Gcra::new(1, Duration::from_nanos(units * UNIT), burst).unwrap()
}

fn allowed(taken: Taken) -> bool {
    matches!(taken.decision, GcraDecision::Allowed { .. })
}

/// A hash of this set and tag.
fn key(set: u64, tag: u64) -> u64 {
    tag << TIME_BITS | set
}

proptest! {
    /// With at most as many keys in a set as it has entries, the table is exactly a map of unbounded size.
    #[test]
    fn the_table_is_a_map_while_there_is_room(
        steps in prop::collection::vec((0_u64..8, 1_u64..5, 0_u64..40, 1_u32..3, any::<bool>()), 1..200),
        interval in 1_u64..20,
        burst in 1_u32..6,
    ) {
        let gcra = every(interval, burst);
        let table: Table = Table::new(8 * WAYS * 8);
        let mut map: HashMap<u64, u64> = HashMap::new();
        let mut now = 7 * UNIT;
        for (set, tag, pause, cost, charge) in steps {
            now += pause * UNIT;
            let hash = key(set, tag);
            let state = map.entry(hash).or_default();
            if charge {
                prop_assert!(!table.charge(hash, now, &gcra, cost));
                *state = gcra.charge(*state, now, cost);
                continue;
            }
            let expected = gcra.decide(*state, now, cost);
            if let GcraDecision::Allowed { state: next, .. } = expected {
                *state = next;
            }
            prop_assert_eq!(table.take(hash, now, &gcra, cost), Taken { decision: expected, overflowed: false });
        }
    }

    /// Whatever rate a configuration may ask for: who has used it up waits, for years after the start too.
    #[test]
    fn a_rate_that_can_be_built_limits(
        count in prop_oneof![1_u32..4, 1_u32..2_000_000],
        period in prop_oneof![1_u32..60, 80_000_u32..=86_400],
        burst in prop_oneof![1_u32..4, 1_u32..10_000, 1_u32..=1_000_000],
        years in 0_u64..9,
    ) {
        let mut rate = EdgeRate::per_second(count).burst(burst);
        rate.period_seconds = period;
        let Ok((gcra, _)) = rate.parts() else { return Ok(()) };
        let table: Table = Table::new(1);
        let now = years * 365 * 86_400 * 1_000_000_000;
        prop_assert!(allowed(table.take(1, now, &gcra, burst)));
        prop_assert!(!allowed(table.take(1, now, &gcra, 1)));
        table.charge(1, now, &gcra, burst);
        prop_assert!(!allowed(table.take(1, now, &gcra, 1)));
    }

    /// However many keys come, nobody gets more than the rate, and a debt is never forgotten.
    #[test]
    fn no_key_ever_gets_more_than_its_rate(
        steps in prop::collection::vec((1_u64..40, 0_u64..4), 1..400),
        burst in 1_u32..4,
    ) {
        let gcra = every(10, burst);
        let table: Table = Table::new(1);
        let mut map: HashMap<u64, u64> = HashMap::new();
        let mut now = UNIT;
        for (tag, pause) in steps {
            now += pause * UNIT;
            let taken = table.take(key(0, tag), now, &gcra, 1);
            if taken.overflowed {
                continue;
            }
            let state = map.entry(tag).or_default();
            let expected = gcra.decide(*state, now, 1);
            if let GcraDecision::Allowed { state: next, .. } = expected {
                *state = next;
            }
            prop_assert_eq!(allowed(taken), matches!(expected, GcraDecision::Allowed { .. }));
        }
    }
}

#[test]
fn when_all_entries_hold_debts_new_keys_share_one_strict_bucket() {
    let gcra = every(100, 2);
    let table: Table = Table::new(1);
    for tag in 1..=4 {
        assert!(!table.take(key(0, tag), UNIT, &gcra, 1).overflowed);
    }
    let mut strangers = (5..100).map(|tag| table.take(key(0, tag), UNIT, &gcra, 1));
    assert!(strangers.by_ref().take(2).all(|taken| taken.overflowed && allowed(taken)));
    assert!(strangers.all(|taken| taken.overflowed && !allowed(taken)));
    assert!(allowed(table.take(key(0, 1), UNIT, &gcra, 1)), "who has an entry keeps it");
    assert!(!table.take(key(0, 5), 200 * UNIT, &gcra, 1).overflowed, "idle entries are given away");
}

#[test]
fn a_million_keys_take_no_more_memory_than_one() {
    let gcra = every(1, 4);
    let table: Table = Table::new(512 << 10);
    assert_eq!(table.bytes(), 512 << 10);
    for n in 0..1_000_000_u64 {
        table.take(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n * 10, &gcra, 1);
    }
    assert_eq!(table.bytes(), 512 << 10);
}

#[test]
fn no_interleaving_of_two_threads_lets_a_third_request_through() {
    loom::model(|| {
        let table = loom::sync::Arc::new(Table::<loom::sync::atomic::AtomicU64>::new(1));
        let gcra = every(100, 2);
        let other = {
            let table = loom::sync::Arc::clone(&table);
            loom::thread::spawn(move || allowed(table.take(key(0, 9), UNIT, &gcra, 1)))
        };
        let mine = (0..2).filter(|_| allowed(table.take(key(0, 9), UNIT, &gcra, 1))).count();
        let theirs = usize::from(other.join().unwrap());
        assert_eq!(mine + theirs, 2);
    });
}
