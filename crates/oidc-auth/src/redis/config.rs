//! The shared stores from plain data.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{ConfigError, ConfigProblems, Profile, SecretRef, SecretResolver};

use super::{RedisStores, RedisStoresBuilder};

/// What a configuration file says of what instances share: the table `[oidc-auth.redis]`.
///
/// ```
/// # #[cfg(feature = "serde")] {
/// # use gambeson_oidc_auth::redis::RedisConfig;
/// let config: RedisConfig = toml::from_str(r#"
///     url = "env://REDIS_URL"
///     key = "env://SESSION_KEY"
///     prefix = "notes"
/// "#).unwrap();
/// assert_eq!(config.deadline.as_secs(), 1);
/// # }
/// ```
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields, rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct RedisConfig {
    /// Where the server's URL is, which may hold a password. Required.
    pub url: Option<SecretRef>,
    /// Where the secret is that all instances share, at least 32 random bytes: sessions and log-ins under way are sealed with keys
    /// that are derived from it. Required for a log-in.
    pub key: Option<SecretRef>,
    /// See [`RedisStoresBuilder::prefix`]. Default `gambeson`.
    pub prefix: String,
    /// See [`RedisStoresBuilder::deadline`]. Default 1 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub deadline: Duration,
    /// See [`RedisStoresBuilder::in_flight`]. Default 4,096.
    pub in_flight: usize,
    /// See [`RedisStoresBuilder::per_subject`]. Default 10.
    pub per_subject: u32,
    /// See [`RedisStoresBuilder::remember`]. Default 20,000.
    pub remember: usize,
    /// See [`RedisStoresBuilder::poll_every`]. Default 1 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub poll_every: Duration,
    /// See [`RedisStoresBuilder::dangerously_allow_plain_text`]. Default false.
    pub dangerously_allow_plain_text: bool,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: None,
            key: None,
            prefix: "gambeson".into(),
            deadline: Duration::from_secs(1),
            in_flight: 4_096,
            per_subject: 10,
            remember: 20_000,
            poll_every: Duration::from_secs(1),
            dangerously_allow_plain_text: false,
        }
    }
}

impl RedisConfig {
    /// The stores that are described. `change` adds what data can't say (authorities, clock).
    ///
    /// # Errors
    /// All problems of the table.
    pub fn build(
        &self,
        run_in: Profile,
        secrets: Option<&Arc<dyn SecretResolver>>,
        change: impl FnOnce(RedisStoresBuilder) -> RedisStoresBuilder,
    ) -> Result<RedisStores, ConfigError> {
        let mut problems = ConfigProblems::new();
        let place =
            |reference: &SecretRef| matches!(reference.scheme(), "redis" | "rediss" | "valkey" | "valkeys");
        match &self.url {
            None => problems.add("redis.url", "", "say where the server's URL is, such as env://REDIS_URL"),
            Some(url) if place(url) => {
                let cure = "a URL may hold a password: say where it is, such as env://REDIS_URL";
                problems.add("redis.url", "", cure);
            }
            Some(_) => {}
        }
        if secrets.is_none() {
            let cure = "give a resolver of secrets, for example gambeson-secrets'";
            problems.add("redis.url", "", cure);
        }
        problems.check()?;
        let missing = || ConfigError::one("redis.url", "", "say where the server's URL is");
        let (url, secrets) = self.url.as_ref().zip(secrets).ok_or_else(missing)?;
        let builder = RedisStores::builder_from(url.clone(), Arc::clone(secrets))
            .prefix(self.prefix.as_str())
            .deadline(self.deadline)
            .in_flight(self.in_flight)
            .per_subject(self.per_subject)
            .remember(self.remember)
            .poll_every(self.poll_every)
            .run_in(run_in);
        let builder = match &self.key {
            Some(key) => builder.seal_key_from(key.clone(), Arc::clone(secrets)),
            None => builder,
        };
        change(match self.dangerously_allow_plain_text {
            true => builder.dangerously_allow_plain_text(),
            false => builder,
        })
        .build()
    }
}
