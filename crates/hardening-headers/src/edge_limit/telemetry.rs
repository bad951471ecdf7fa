//! What the limiter logs. A flood must not flood the log: each event is logged at its 1st, 2nd, 4th, 8th … time.

use std::sync::atomic::{AtomicBool, Ordering};

pub(super) fn refused(count: u64) {
    if count.is_power_of_two() {
        tracing::info!(count, "edge limiter: requests refused");
    }
}

pub(super) fn observed(count: u64) {
    if count.is_power_of_two() {
        tracing::info!(count, "edge limiter: requests let through that enforcing would refuse");
    }
}

pub(super) fn overflow(count: u64) {
    if count.is_power_of_two() {
        tracing::warn!(
            count,
            "edge limiter: the table is full of debts, new clients share one strict bucket; if they are real clients, \
             raise table_bytes"
        );
    }
}

pub(super) fn nameless(count: u64) {
    if count == 1 {
        tracing::warn!(
            "edge limiter: requests carry no client address and share one bucket; serve with \
             gambeson_hardening_headers::serve, and declare the proxies in front"
        );
    }
}

/// Says it once in a process, and leaves the rest to the rejection.
pub(super) fn layer_order() {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        tracing::error!(
            "edge limiter: no peer is known; put PeerLayer outside of EdgeLimitLayer (layer-order)"
        );
    }
}
