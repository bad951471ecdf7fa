//! What quotas log. A flood must not flood the log: each event is logged at its 1st, 2nd, 4th, 8th … time.

use std::sync::atomic::{AtomicBool, Ordering};

pub(super) fn refused(quota: &str, count: u64) {
    if count.is_power_of_two() {
        tracing::info!(quota, count, "quota: requests refused");
    }
}

pub(super) fn observed(quota: &str, count: u64) {
    if count.is_power_of_two() {
        tracing::info!(quota, count, "quota: requests let through that enforcing would refuse");
    }
}

pub(super) fn overflow(count: u64) {
    if count.is_power_of_two() {
        tracing::warn!(
            count,
            "quota: the table is full of debts, new callers share one strict count; raise max_keys"
        );
    }
}

pub(super) fn layer_order() {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        tracing::error!("quota: no authentication layer ran; put one outside of QuotaLayer (layer-order)");
    }
}
