//! How verification is doing, for operators.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Answer, Health, HealthCheck, Timestamp};

use crate::verifier::Verifier;

/// The state of a verifier's keys. For operators only: it names what is configured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct VerifierStatus {
    /// How many usable keys there are.
    pub keys: usize,
    /// How many sets were published so far; 0 before the first.
    pub generation: u64,
    /// When the issuer last confirmed the set; `None` before the first, and for static keys.
    pub fetched_at: Option<Timestamp>,
    /// How long ago that was.
    pub age: Option<Duration>,
    /// Why the last fetch failed; `None` when it succeeded.
    pub last_error: Option<Arc<str>>,
    /// How many requests wait for keys.
    pub waiting: usize,
    /// How many verified tokens are kept.
    pub cached: usize,
}

impl VerifierStatus {
    /// Of several issuers together: sums, the oldest set, the first error.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            keys: self.keys + other.keys,
            generation: self.generation + other.generation,
            fetched_at: older(self.fetched_at, other.fetched_at),
            age: self.age.max(other.age),
            last_error: self.last_error.or(other.last_error),
            waiting: self.waiting + other.waiting,
            cached: self.cached + other.cached,
        }
    }
}

fn older(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Degraded while there are no keys or the issuer does not answer; never unhealthy, as a third party's trouble must not
/// take this app out of service.
impl HealthCheck for Verifier {
    fn name(&self) -> &str {
        "oidc-auth"
    }

    fn check(&self) -> Answer<Health> {
        let status = self.status();
        Answer::Ready(match (&status.last_error, status.keys) {
            (Some(error), keys) => Health::Degraded(format!("{keys} keys known; last fetch: {error}")),
            (None, 0) => Health::Degraded("no keys yet".into()),
            (None, _) => Health::Healthy,
        })
    }
}
