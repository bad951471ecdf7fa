//! What the trail says to the log. Events themselves never go through it.

use std::sync::atomic::{AtomicU64, Ordering};

use gambeson_core::{AuditError, Health};

use crate::error::TrailError;

/// Tells the first failure of a row.
pub(crate) fn not_published(anchor: &str, why: Option<&str>) {
    tracing::warn!(anchor, why, "audit trail's head can't be published");
}

/// Tells the end of a row of failures.
pub(crate) fn published_again(anchor: &str) {
    tracing::info!(anchor, "audit trail's head is published again");
}

/// Tells a change of health once, not at every batch.
pub(crate) fn health_changed(before: &Health, after: &Health) {
    match (before, after) {
        (Health::Healthy, Health::Healthy) => {}
        (_, Health::Healthy) => tracing::info!("audit trail writes again"),
        (Health::Unhealthy(_), Health::Unhealthy(_)) | (Health::Degraded(_), Health::Degraded(_)) => {}
        (_, Health::Degraded(why)) => tracing::warn!(why, "audit trail is degraded"),
        (_, Health::Unhealthy(why)) => tracing::error!(why, "audit trail can't keep events"),
        _ => {}
    }
}

/// The trail goes on after records that its key has not signed.
pub(crate) fn unsigned(records: u64) {
    tracing::warn!(records, "audit trail goes on after records that its key has not signed");
}

/// Retention waits until the clock is believed again.
pub(crate) fn leapt(ahead: std::time::Duration) {
    let ahead = ahead.as_secs();
    tracing::warn!(ahead, "audit trail drops nothing by age: its clock leapt");
}

/// An event could not be sealed. Told at the 1st, 2nd, 4th, 8th … `count` of a row: it may be each event.
pub(crate) fn withheld(error: &TrailError, count: u64) {
    if count.is_power_of_two() {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(%error, cause, count, "audit trail can't seal data about people");
    }
}

/// What was recorded before its subject was erased is sealed so that nobody can read it.
pub(crate) fn sealed_for_nobody() {
    tracing::warn!("audit trail seals for nobody what was recorded before its subject was erased");
}

/// The outcome of a request was not taken by the sink. Told at its 1st, 2nd, 4th, 8th … time.
pub(crate) fn outcome_lost(error: &AuditError) {
    static TIMES: AtomicU64 = AtomicU64::new(0);
    let count = TIMES.fetch_add(1, Ordering::Relaxed) + 1;
    if count.is_power_of_two() {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(%error, cause, count, "the outcome of a request is not on record");
    }
}
