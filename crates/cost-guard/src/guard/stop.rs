//! The kill switch.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use gambeson_core::Subject;

use crate::keys::{Keyring, ScopeKeys};
use crate::pattern::Dimension;

/// Whose spending is stopped.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Stop<'a> {
    /// Everybody's.
    All,
    /// One caller's.
    Subject(&'a Subject),
    /// One organisation's.
    Tenant(&'a str),
    /// One feature's.
    Feature(&'a str),
}

impl Stop<'_> {
    pub(super) fn key(&self, ring: &Keyring) -> u128 {
        match self {
            Self::All => 0,
            Self::Subject(subject) => ring.subject(subject),
            Self::Tenant(tenant) => ring.tenant(tenant),
            Self::Feature(feature) => ring.feature(feature),
        }
    }

    pub(super) fn object(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Subject(subject) => format!("subject/{}", subject.name),
            Self::Tenant(tenant) => format!("tenant/{tenant}"),
            Self::Feature(feature) => format!("feature/{feature}"),
        }
    }
}

/// What is stopped. Looking costs one atomic load while nothing is.
#[derive(Debug, Default)]
pub(crate) struct Stops {
    any: AtomicBool,
    keys: Mutex<HashSet<u128>>,
}

impl Stops {
    /// Stops or resumes; `false` when it was so already.
    pub(super) fn set(&self, key: u128, stopped: bool) -> bool {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = if stopped { keys.insert(key) } else { keys.remove(&key) };
        self.any.store(!keys.is_empty(), Ordering::Release);
        changed
    }

    pub(super) fn stops(&self, scope: &mut ScopeKeys<'_>) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let dimensions = [Dimension::Subject, Dimension::Tenant, Dimension::Feature];
        keys.contains(&0)
            || dimensions
                .into_iter()
                .any(|dimension| scope.dimension(dimension).is_some_and(|key| keys.contains(&key)))
    }
}
