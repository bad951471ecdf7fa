//! What several instances have in common, for a configuration that is built.

use std::sync::Arc;

use gambeson_core::SecretBytes;
#[cfg(feature = "redis")]
use gambeson_core::{ConfigError, Profile, SecretResolver};

use crate::denylist::DenialLog;
use crate::dpop::ReplayStore;
use crate::login::SessionStore;

/// The stores that instances share; the default is none: each keeps its own in memory.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Shared {
    /// Used proofs, for `[oidc-auth.dpop]`.
    pub replay: Option<Arc<dyn ReplayStore>>,
    /// What was denied, for `[oidc-auth.denylist]`.
    pub denials: Option<Arc<dyn DenialLog>>,
    /// Sessions, and the key that log-ins under way are sealed with, for `[oidc-auth.login]`.
    pub log_in: Option<(Arc<dyn SessionStore>, SecretBytes)>,
    /// What they are made from, to be asked how it is ([`RedisStores::ready`](crate::redis::RedisStores::ready), `HealthCheck`).
    #[cfg(feature = "redis")]
    pub redis: Option<crate::redis::RedisStores>,
}

#[cfg(feature = "redis")]
impl crate::Config {
    /// The stores that the table `[oidc-auth.redis]` describes; none without it. The server is not asked yet; the shared secret is
    /// read, if there is a log-in.
    ///
    /// # Errors
    /// All problems of the table, and a secret that can't be read.
    pub async fn shared(
        &self,
        run_in: Profile,
        secrets: Option<&Arc<dyn SecretResolver>>,
    ) -> Result<Shared, ConfigError> {
        let Some(redis) = &self.redis else { return Ok(Shared::default()) };
        let stores = redis.build(run_in, secrets, |builder| builder)?;
        let mut shared = Shared {
            replay: Some(Arc::new(stores.replay())),
            denials: Some(Arc::new(stores.denials())),
            log_in: None,
            redis: Some(stores.clone()),
        };
        if self.login.is_some() {
            let cure = "say where the secret is that all instances share, at least 32 random bytes";
            let missing = || ConfigError::one("redis.key", "", cure);
            let (key, secrets) = redis.key.as_ref().zip(secrets).ok_or_else(missing)?;
            let told =
                |error| ConfigError::one("redis.key", key.to_string(), format!("it can't be read: {error}"));
            let secret = secrets.resolve(key).await.map_err(told)?;
            shared.log_in = Some((Arc::new(stores.sessions()?), secret));
        }
        Ok(shared)
    }
}
