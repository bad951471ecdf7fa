//! What outgoing tokens write to the log. No part of a token is ever among it.

use std::fmt::Display;
use std::time::Duration;

/// A token came.
pub(super) fn renewed(source: &str, good_for: Duration) {
    tracing::debug!(source, seconds = good_for.as_secs(), "outgoing token renewed");
}

/// No token came; one that is still good is used on.
pub(super) fn failed(source: &str, error: &dyn Display, wait: Duration) {
    let error = error.to_string();
    let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    tracing::warn!(source, error, next_try_ms = millis, "outgoing token could not be renewed");
}

/// The other side answered 401.
pub(super) fn rejected(source: &str) {
    tracing::warn!(source, "the other side rejected the outgoing token; another one is got");
}

/// A request goes to another origin: at the 1st, 2nd, 4th, 8th …
pub(super) fn elsewhere(origin: &dyn Display, count: u64) {
    if count.is_power_of_two() {
        tracing::warn!(%origin, count, "requests without the token: they go to other origins");
    }
}

/// A request was not sent for want of a token.
pub(super) fn refused(slug: &'static str, error: &dyn Display) {
    tracing::debug!(slug, %error, "request not sent");
}
