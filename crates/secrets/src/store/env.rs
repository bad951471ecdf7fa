//! Secrets in the process's environment.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

use gambeson_core::{Answer, ConfigError, Profile, SecretError, SecretErrorKind, SecretRef};
use zeroize::Zeroizing;

use super::{Fetched, ReadContext, SecretStore, asks_for_current};
use crate::telemetry;
use crate::wiped::wiped;

/// Reads `env://NAME` from the environment that the process was started with.
///
/// An environment can't be wiped: its values stay readable in `/proc/<pid>/environ`, are handed down to child processes
/// and never change, so that a rotation needs a restart. In production the store says so in the log; prefer
/// [`FileStore`](super::FileStore). An empty variable counts as missing.
#[derive(Clone)]
pub struct EnvStore(Arc<Lookup>);

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

impl EnvStore {
    /// The environment of this process.
    #[must_use]
    pub fn new() -> Self {
        Self::with_lookup(|name| std::env::var_os(name))
    }

    /// Another environment, for tests.
    #[must_use]
    pub fn with_lookup(lookup: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        Self(Arc::new(lookup))
    }
}

impl Default for EnvStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for EnvStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnvStore")
    }
}

impl SecretStore for EnvStore {
    fn fetch(&self, reference: &SecretRef, _: &ReadContext) -> Answer<Result<Fetched, SecretError>> {
        let name = reference.location();
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        // Asked first: what is looked up and then left out would stay in memory.
        let value = match plain && asks_for_current(reference) {
            true => (self.0)(name).filter(|value| !value.is_empty()),
            false => None,
        };
        Answer::Ready(match value {
            Some(value) => Ok(Fetched::new(wiped(Zeroizing::new(value.into_encoded_bytes())))),
            None => Err(SecretError::new(SecretErrorKind::NotFound)
                .with_source("the variable is not set, or is empty")),
        })
    }

    fn check(&self, profile: Profile) -> Result<(), ConfigError> {
        if profile.is_production() {
            telemetry::env_in_production();
        }
        Ok(())
    }
}
