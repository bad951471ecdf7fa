//! How a list is.

use std::time::Duration;

use gambeson_core::{Answer, Health, HealthCheck, Timestamp};

use super::{Denylist, WhenStale};

/// How a list is, for `/readyz` and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DenylistStatus {
    /// How many denials are kept.
    pub denials: usize,
    /// Up to when everything that was issued is denied, because the list was full: see [`Denylist::everything_until`].
    pub everything_until: Option<Timestamp>,
    /// How a shared list stands to the others'; `None` for one that is not shared.
    pub shared: Option<Shared>,
}

/// How a shared list stands to the others'.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shared {
    /// How long ago it knew all that the others had denied; `None`: not yet.
    pub synced_ago: Option<Duration>,
    /// Whether that is longer than it may be.
    pub is_stale: bool,
    /// How many denials of this instance the others don't know yet.
    pub unsent: usize,
}

impl Denylist {
    /// How the list is.
    #[must_use]
    pub fn status(&self) -> DenylistStatus {
        let clock = &*self.0.clock;
        let shared = self.0.sharing.as_ref().map(|sharing| Shared {
            synced_ago: sharing.age(clock),
            is_stale: sharing.is_stale(clock),
            unsent: sharing.unsent(),
        });
        DenylistStatus { denials: self.len(), everything_until: self.everything_until(), shared }
    }
}

/// Unhealthy while nobody with a token is let in because nobody knows what the others have denied; degraded while tokens are let in without
/// that knowledge, or all are denied that were issued before the list was full. Ready as soon as it is in step with the others.
impl HealthCheck for Denylist {
    fn name(&self) -> &str {
        "oidc-denylist"
    }

    fn check(&self) -> Answer<Health> {
        let status = self.status();
        let stale = status.shared.filter(|shared| shared.is_stale);
        let refuses = self.0.sharing.as_ref().is_some_and(|sharing| sharing.when_stale == WhenStale::Refuse);
        Answer::Ready(match (stale, status.everything_until) {
            (Some(shared), _) => {
                let why = match shared.synced_ago {
                    Some(ago) => format!("what others have denied was last read {} s ago", ago.as_secs()),
                    None => "what others have denied was not read yet".to_owned(),
                };
                if refuses { Health::Unhealthy(why) } else { Health::Degraded(why) }
            }
            (None, Some(until)) => {
                let until = until.unix_seconds();
                Health::Degraded(format!("it was full: all that was issued before {until} is denied"))
            }
            (None, None) => Health::Healthy,
        })
    }

    /// Whether it knows what the others have denied; a full list does.
    fn is_ready(&self) -> bool {
        !self.0.sharing.as_ref().is_some_and(|sharing| sharing.is_stale(&*self.0.clock))
    }
}
