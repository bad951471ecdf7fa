//! Secrets as plain data.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::builder::SecretsBuilder;
use crate::policy::Policy;
use crate::store::{EnvStore, FileStore};

/// What a configuration file says of secrets: where they are, never what they are.
///
/// ```
/// # #[cfg(feature = "serde")] {
/// let config: gambeson_secrets::Config = toml::from_str(r#"
///     allow = ["file://app/*", "env://MODEL_KEY"]
///     require = ["file://app/session-key"]
///     env = true
///     file-poll-every = "5s"
///     [file-roots]
///     app = "/run/secrets/app"
///     [policy]
///     max-stale = "30m"
/// "#).unwrap();
/// assert_eq!(config.policy.max_stale.as_secs(), 1_800);
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct Config {
    /// What may be read; see [`SecretsBuilder::allow`]. Default nothing, which is refused.
    pub allow: Vec<String>,
    /// What is recorded strictly; see [`SecretsBuilder::privileged`]. Default nothing.
    pub privileged: Vec<String>,
    /// What must be there at start. Default nothing.
    pub require: Vec<String>,
    /// Whether `env://NAME` is read from the environment. Default no.
    pub env: bool,
    /// The directories of `file://<name>/…`; with at least one, there is the scheme `file`. Default none.
    pub file_roots: BTreeMap<String, PathBuf>,
    /// How often files are looked at; see [`FileStore::poll_every`]. Default 10 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub file_poll_every: Duration,
    /// How often secrets are read, and how old they may get.
    pub policy: Policy,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            privileged: Vec::new(),
            require: Vec::new(),
            env: false,
            file_roots: BTreeMap::new(),
            file_poll_every: Duration::from_secs(10),
            policy: Policy::default(),
        }
    }
}

impl Config {
    pub(crate) fn builder(&self) -> SecretsBuilder {
        let mut builder = SecretsBuilder::new()
            .allow(self.allow.clone())
            .privileged(self.privileged.clone())
            .require(self.require.clone())
            .policy(self.policy.clone());
        if self.env {
            builder = builder.store("env", EnvStore::new());
        }
        if self.file_roots.is_empty() {
            return builder;
        }
        let store = FileStore::new().poll_every(self.file_poll_every);
        let roots = self.file_roots.iter();
        builder.store("file", roots.fold(store, |store, (name, directory)| store.root(name, directory)))
    }
}
