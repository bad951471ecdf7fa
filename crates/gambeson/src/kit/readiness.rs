//! What of the identity has to be there before the app takes requests, and how it is waited for.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use gambeson_core::{Answer, Clock, Health, HealthCheck, Spawn, SystemClock, Timer, TokioSpawn};
use gambeson_oidc_auth::{Configured, Denylist, Login, Verifier, outgoing::TokenSource};
use gambeson_otel_setup::TelemetryBuilder;

/// A part that was not there is asked again after so long.
const AGAIN: Duration = Duration::from_secs(1);

/// Which parts were not there. For operators only: reasons name what is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotReady(Vec<(String, String)>);

impl NotReady {
    /// Each part that is not ready, by the name that it has in `gambeson_health`, and why.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(part, reason)| (part.as_str(), reason.as_str()))
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (part, reason)) in self.parts().enumerate() {
            let between = if index == 0 { "not ready: " } else { "; " };
            write!(f, "{between}{part}: {reason}")?;
        }
        Ok(())
    }
}

impl std::error::Error for NotReady {}

/// The parts that can be waited for.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    /// What is this app's own: it answers 503 to nearly everything without them.
    own: Vec<Part>,
    /// What is the identity provider's to tell.
    provider: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    #[cfg(feature = "redis")]
    Redis(gambeson_oidc_auth::redis::RedisStores),
    Denylist(Denylist),
    Login(Login),
    Verifier(Verifier),
}

impl Part {
    async fn ready(&self) -> Result<(), String> {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(stores) => stores.ready().await.map_err(|error| error.to_string()),
            Self::Denylist(list) => list.ready().await.map_err(|error| error.to_string()),
            Self::Login(login) => login.ready().await.map_err(|error| error.to_string()),
            Self::Verifier(verifier) => verifier.ready().await.map_err(|error| error.to_string()),
        }
    }

    fn check(&self) -> &dyn HealthCheck {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(stores) => stores,
            Self::Denylist(list) => list,
            Self::Login(login) => login,
            Self::Verifier(verifier) => verifier,
        }
    }
}

impl HealthCheck for Part {
    fn name(&self) -> &str {
        self.check().name()
    }

    fn check(&self) -> Answer<Health> {
        self.check().check()
    }
}

impl Parts {
    pub(super) fn of(identity: &Configured) -> Self {
        Self {
            own: identity.denylist.iter().cloned().map(Part::Denylist).collect(),
            provider: (identity.login.iter().cloned().map(Part::Login))
                .chain(identity.verifier.iter().cloned().map(Part::Verifier))
                .collect(),
        }
    }

    #[cfg(feature = "redis")]
    pub(super) fn and_redis(mut self, stores: Option<gambeson_oidc_auth::redis::RedisStores>) -> Self {
        self.own.splice(0..0, stores.map(Part::Redis));
        self
    }

    /// Tells the telemetry how they are, and which of them `/readyz` waits for: the provider's only where that is asked for.
    pub(super) fn told_to(self, telemetry: TelemetryBuilder, with_provider: bool) -> TelemetryBuilder {
        let telemetry = self.own.into_iter().fold(telemetry, TelemetryBuilder::ready_after);
        self.provider.into_iter().fold(telemetry, |telemetry, part| match with_provider {
            true => telemetry.ready_after(part),
            false => telemetry.health(part),
        })
    }

    /// Brings the parts there that `/readyz` waits for, in a task that ends with them or with the kit: where no request is let
    /// through yet, no request asks for them.
    pub(super) fn bring(mut self, with_provider: bool, kit: &Arc<()>) {
        if !with_provider {
            self.provider.clear();
        }
        if self.own.is_empty() && self.provider.is_empty() {
            return;
        }
        TokioSpawn::new().spawn(Box::pin(bring(self, Arc::downgrade(kit))));
    }

    /// Asks all of them, one after the other.
    pub(super) async fn ready(&self) -> Result<(), NotReady> {
        let mut missing = Vec::new();
        for part in self.own.iter().chain(&self.provider) {
            if let Err(reason) = part.ready().await {
                missing.push((part.name().to_owned(), reason));
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(NotReady(missing)) }
    }
}

async fn bring(parts: Parts, kit: Weak<()>) {
    let clock = SystemClock::new();
    while kit.strong_count() > 0 && parts.ready().await.is_err() {
        clock.until(clock.monotonic().plus(AGAIN)).await;
    }
}

/// The tokens for one other service, under a name of their own.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) name: String,
    pub(super) source: TokenSource,
}

impl HealthCheck for Outgoing {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self) -> Answer<Health> {
        self.source.check()
    }
}
