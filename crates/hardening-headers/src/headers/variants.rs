//! The base set and its named variants.

use std::collections::HashMap;

use super::prepared::Prepared;
use super::set::HeaderSet;

/// All that answers may carry, made ready once.
#[derive(Debug)]
pub(crate) struct Variants {
    base: Prepared,
    named: HashMap<Box<str>, Prepared>,
    /// What is strictest: for answers that ask for what nobody made.
    locked: Prepared,
}

impl Variants {
    pub(crate) fn new(base: HeaderSet, named: impl IntoIterator<Item = (Box<str>, HeaderSet)>) -> Self {
        let prepare = |(name, set)| (name, Prepared::new(set));
        let locked = Prepared::new(base.clone().locked());
        Self { base: Prepared::new(base), named: named.into_iter().map(prepare).collect(), locked }
    }

    pub(super) fn base(&self) -> &Prepared {
        &self.base
    }

    pub(super) fn named(&self, name: &str) -> Option<&Prepared> {
        self.named.get(name)
    }

    /// For answers whose variant nobody made: which marks it would have had is not known, so it gets all.
    pub(super) fn locked(&self) -> &Prepared {
        &self.locked
    }

    /// Whether any of the policies has a place for a nonce.
    pub(crate) fn has_nonce(&self) -> bool {
        self.base.has_nonce() || self.named.values().any(Prepared::has_nonce)
    }
}
