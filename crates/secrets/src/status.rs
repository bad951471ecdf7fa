//! How the secrets of an app are.

use gambeson_core::{Answer, Health, HealthCheck, SecretRef, Timestamp};

use crate::error::ReadErrorKind;
use crate::registry::{Secrets, without_field};
use crate::state::{SecretState, Version};

/// How one reference is. For operators: it holds no value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretStatus {
    /// Which one, without a field.
    pub reference: SecretRef,
    /// Whether the app asked for it at start.
    pub required: bool,
    /// How good its value is; [`SecretState::Failed`] if it never had one.
    pub state: SecretState,
    /// How many values it had.
    pub version: Option<Version>,
    /// The last good read.
    pub read_at: Option<Timestamp>,
    /// Reads that failed since then.
    pub failures: u32,
    /// The class of the last failure since then.
    pub last_error: Option<ReadErrorKind>,
}

impl Secrets {
    /// Every reference that was asked for, by name. Required ones are always there: after a shutdown as [`SecretState::Failed`].
    #[must_use]
    pub fn status(&self) -> Vec<SecretStatus> {
        let required: Vec<SecretRef> = self.0.required.iter().map(without_field).collect();
        let mut statuses: Vec<SecretStatus> = self
            .0
            .known()
            .iter()
            .map(|entry| {
                let (version, read_at, failures, last_error) = entry.account();
                let (reference, state) = (entry.reference.clone(), entry.state());
                let required = required.contains(&reference);
                SecretStatus { reference, required, state, version, read_at, failures, last_error }
            })
            .collect();
        for reference in required {
            if !statuses.iter().any(|status| status.reference == reference) {
                statuses.push(SecretStatus::unknown(reference));
            }
        }
        statuses.sort_by_cached_key(|status| status.reference.to_string());
        statuses
    }
}

impl SecretStatus {
    fn unknown(reference: SecretRef) -> Self {
        let (state, last_error) = (SecretState::Failed, Some(ReadErrorKind::Closed));
        Self { reference, required: true, state, version: None, read_at: None, failures: 0, last_error }
    }
}

/// Unhealthy when a required secret is [`SecretState::Failed`], degraded when one is stale.
impl HealthCheck for Secrets {
    fn name(&self) -> &str {
        "secrets"
    }

    fn check(&self) -> Answer<Health> {
        let names = |wanted: fn(&SecretState) -> bool| {
            let statuses = self.status().into_iter();
            let concerned = statuses.filter(|status| status.required && wanted(&status.state));
            concerned.map(|status| status.reference.to_string()).collect::<Vec<_>>().join(", ")
        };
        let failed = names(|state| matches!(state, SecretState::Failed));
        let stale = names(|state| matches!(state, SecretState::Stale { .. }));
        Answer::Ready(match (failed.is_empty(), stale.is_empty()) {
            (false, _) => Health::Unhealthy(format!("too old to be used: {failed}")),
            (true, false) => Health::Degraded(format!("not read again when due: {stale}")),
            (true, true) => Health::Healthy,
        })
    }
}
