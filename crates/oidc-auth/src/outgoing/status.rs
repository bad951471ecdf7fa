//! How a source of tokens is doing, for operators.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Answer, Health, HealthCheck, Timestamp};

use super::source::{Source, TokenSource};

/// The state of a source's tokens. For operators only: errors name what is configured, and no token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TokenSourceStatus {
    /// How many tokens are there that are good now: one at most, but for those of callers.
    pub tokens: usize,
    /// When the token is not used any more, or the last of the callers' ones; `None` while there is none.
    pub ends_at: Option<Timestamp>,
    /// How long that is from now.
    pub good_for: Option<Duration>,
    /// Why the last attempt to get one failed, for whichever caller; `None` when it succeeded, before the first, and for a caller's token
    /// that the issuer refuses.
    pub last_error: Option<Arc<str>>,
    /// How many requests wait for a token.
    pub waiting: usize,
}

impl TokenSourceStatus {
    /// Of several callers together: sums, the latest end; the error is the same of all.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            tokens: self.tokens + other.tokens,
            ends_at: self.ends_at.max(other.ends_at),
            good_for: self.good_for.max(other.good_for),
            last_error: self.last_error.or(other.last_error),
            waiting: self.waiting + other.waiting,
        }
    }
}

impl TokenSource {
    /// How it is doing. Asks nobody. Nothing is known of a source from elsewhere ([`TokenSource::of`]).
    #[must_use]
    pub fn status(&self) -> TokenSourceStatus {
        match &self.0 {
            Source::Kept { kept, .. } => kept.status(),
            Source::Callers(callers) => callers.status(),
            Source::Foreign(_) => TokenSourceStatus::default(),
        }
    }
}

/// Degraded while no token can be had or renewed; never unhealthy, as a third party's trouble must not take this app out of service.
/// Healthy before the first request: nobody has asked yet.
impl HealthCheck for TokenSource {
    fn name(&self) -> &str {
        "oidc-outgoing"
    }

    fn check(&self) -> Answer<Health> {
        let status = self.status();
        Answer::Ready(match status.last_error {
            Some(error) => Health::Degraded(format!("{} good tokens; last attempt: {error}", status.tokens)),
            None => Health::Healthy,
        })
    }
}
