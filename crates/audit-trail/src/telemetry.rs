//! What the trail says to the log. Events themselves never go through it.

use gambeson_core::Health;

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
