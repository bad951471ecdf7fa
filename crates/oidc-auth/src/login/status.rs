//! How a log-in is doing, for operators.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Answer, Health, HealthCheck};

use super::handle::Login;
use crate::error::{Reason, TokenError};
use crate::status::VerifierStatus;

/// What a log-in knows of its provider. For operators only: it names what is configured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LoginStatus {
    /// How long ago the provider's endpoints were read; `None` before the first time.
    pub discovered: Option<Duration>,
    /// Why they could not be read the last time; `None` when they could.
    pub last_error: Option<Arc<str>>,
    /// The keys of ID tokens.
    pub keys: VerifierStatus,
}

impl Login {
    /// Waits until the provider's endpoints and keys are known: for an app that would rather not start than answer 503, and
    /// before [`Login::form_action_sources`] where the provider's endpoints have another origin than its name. Not needed else, as
    /// log-ins wait themselves. Each wait ends after the deadlines; ask again as long as you like. Cancel safe.
    ///
    /// # Errors
    /// [`TokenErrorKind::KeysUnavailable`](crate::TokenErrorKind::KeysUnavailable), with what the provider did instead.
    pub async fn ready(&self) -> Result<(), TokenError> {
        let parts = self.parts();
        let found = parts.provider.found().await;
        let unavailable = |error| {
            TokenError::with(Reason::KeysUnavailable, format!("{}: {error}", parts.provider.issuer()))
        };
        found.map_err(unavailable)?;
        parts.verifier.ready().await
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> LoginStatus {
        let parts = self.parts();
        let now = parts.clock.monotonic();
        LoginStatus {
            discovered: parts.provider.known().map(|found| now.since(found.at())),
            last_error: parts.provider.last_error().map(Into::into),
            keys: parts.verifier.status(),
        }
    }
}

/// Degraded while nobody can sign in because the provider does not answer; never unhealthy, as a third party's trouble must not
/// take this app out of service.
impl HealthCheck for Login {
    fn name(&self) -> &str {
        "oidc-login"
    }

    fn check(&self) -> Answer<Health> {
        let status = self.status();
        let error = status.last_error.or(status.keys.last_error);
        Answer::Ready(match (error, status.discovered) {
            (Some(error), _) => Health::Degraded(format!("the provider does not answer: {error}")),
            (None, None) => Health::Degraded("the provider was not asked yet".into()),
            (None, Some(_)) => Health::Healthy,
        })
    }
}
