//! Where secrets lie: the trait of a store, and the stores of this machine.

mod env;
mod file;
mod memory;

use std::fmt;
use std::time::Duration;

use gambeson_core::{Answer, ConfigError, Monotonic, Profile, SecretBytes, SecretError, SecretRef};

pub use env::EnvStore;
pub use file::FileStore;
pub use memory::MemoryStore;

use crate::registry::Changes;

/// Reads secrets from one kind of place. What it is asked for is on the allow list already.
///
/// It caches nothing and tries nothing twice: single flight, backoff, caps and deadlines are [`Secrets`](crate::Secrets)' work.
pub trait SecretStore: Send + Sync + fmt::Debug {
    /// The secret as it is now.
    ///
    /// Errors hold no value and no answer of the other side; texts that say what to do go into their source.
    fn fetch(&self, reference: &SecretRef, context: &ReadContext) -> Answer<Result<Fetched, SecretError>>;

    /// How often what it gives must be looked at again; `None`: as the policy says. Default `None`.
    fn refresh_every(&self) -> Option<Duration> {
        None
    }

    /// Takes the means to say that a secret changed, so that nobody has to poll. Default: never says so.
    fn watch(&self, _changes: Changes) {}

    /// Whether the store may be used under this profile. Default: yes.
    ///
    /// # Errors
    /// What is wrong with it, and the cure.
    fn check(&self, _profile: Profile) -> Result<(), ConfigError> {
        Ok(())
    }
}

/// Under which circumstances a secret is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadContext {
    /// The profile; stores refuse shortcuts in production.
    pub profile: Profile,
    /// When the read is given up.
    pub deadline: Monotonic,
}

impl ReadContext {
    /// A context.
    #[must_use]
    pub const fn new(profile: Profile, deadline: Monotonic) -> Self {
        Self { profile, deadline }
    }
}

/// What a store found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Fetched {
    /// The secret.
    pub bytes: SecretBytes,
    /// Where it really lay, when the reference was a detour: the allow list is asked again about it.
    pub resolved: Option<Box<str>>,
    /// The store's count of versions, if it has one that grows; an older one than before is not given to readers.
    pub order: Option<u64>,
    /// How long it is good for from when it was asked for; `None`: not known to end.
    pub lifetime: Option<Duration>,
}

impl Fetched {
    /// A secret of which only the value is known.
    #[must_use]
    pub fn new(bytes: SecretBytes) -> Self {
        Self { bytes, resolved: None, order: None, lifetime: None }
    }

    /// With the place where it really lay.
    #[must_use]
    pub fn resolved(self, location: impl Into<Box<str>>) -> Self {
        Self { resolved: Some(location.into()), ..self }
    }

    /// With the store's count of versions.
    #[must_use]
    pub fn order(self, order: u64) -> Self {
        Self { order: Some(order), ..self }
    }

    /// With its lifetime.
    #[must_use]
    pub fn lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime: Some(lifetime), ..self }
    }
}

/// Whether a store that keeps one version only can give what is asked for.
fn asks_for_current(reference: &SecretRef) -> bool {
    matches!(reference.version(), None | Some("current"))
}
