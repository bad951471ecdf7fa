//! What is logged of tickets; never the tickets.

use std::sync::atomic::{AtomicU64, Ordering};

pub(super) fn not_redeemed(why: &str) {
    tracing::debug!(why, "a ticket was not redeemed");
}

/// A flood must not flood the log: said at the 1st, 2nd, 4th, 8th … time.
pub(super) fn full() {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    if count.is_power_of_two() {
        tracing::warn!(
            count,
            "tickets: all places are taken; if they are real clients', raise tickets.places"
        );
    }
}
