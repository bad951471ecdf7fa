//! What breakers log: their changes, which are few.

use std::time::Duration;

pub(super) fn opened(name: &str, why: &str, time: Duration) {
    tracing::warn!(breaker = name, why, seconds = time.as_secs(), "circuit breaker: opened");
}

pub(super) fn half_open(name: &str) {
    tracing::info!(breaker = name, "circuit breaker: half open");
}

pub(super) fn closed(name: &str) {
    tracing::info!(breaker = name, "circuit breaker: closed");
}

pub(super) fn observed(name: &str) {
    tracing::debug!(breaker = name, "circuit breaker: a call let through that enforcing would refuse");
}
