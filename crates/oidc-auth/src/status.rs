//! How verification is doing, for operators.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Answer, Health, HealthCheck, Timestamp};

use crate::verifier::Verifier;

/// The state of a verifier's keys. For operators only: it names what is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
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
