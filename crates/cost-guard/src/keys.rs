//! Keys of the tables: keyed hashes, so that names take no memory and can't be made to collide.

use std::hash::Hasher;

use gambeson_core::{Entropy, EntropyError, Subject};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::memo::Known;
use crate::pattern::{Dimension, Pattern};
use crate::scope::Scope;

/// The secret of one guard's tables.
#[derive(Clone, Copy)]
pub(crate) struct Keyring {
    low: u64,
    high: u64,
    environment: Option<u128>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring")
    }
}

/// The key of everything that is not told apart.
const ONE_FOR_ALL: u128 = 1;

impl Keyring {
    pub(crate) fn new(entropy: &dyn Entropy, environment: Option<&str>) -> Result<Self, EntropyError> {
        let mut random = [0; 16];
        entropy.fill(&mut random)?;
        let random = u128::from_le_bytes(random);
        let (low, high) = (random as u64, (random >> 64) as u64);
        let ring = Self { low, high, environment: None };
        Ok(Self { environment: environment.map(|name| ring.text(Dimension::Environment, name)), ..ring })
    }

    fn text(&self, dimension: Dimension, text: &str) -> u128 {
        self.hash(dimension, &[text])
    }

    fn hash(&self, dimension: Dimension, parts: &[&str]) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.low, self.high);
        hasher.write_u8(dimension as u8);
        for part in parts {
            // The length first, so that parts can't be shifted into each other.
            hasher.write_u64(part.len() as u64);
            hasher.write(part.as_bytes());
        }
        hasher.finish128().as_u128()
    }

    pub(crate) fn subject(&self, subject: &Subject) -> u128 {
        self.hash(Dimension::Subject, &[&subject.issuer, &subject.name])
    }

    pub(crate) fn tenant(&self, tenant: &str) -> u128 {
        self.text(Dimension::Tenant, tenant)
    }

    pub(crate) fn feature(&self, feature: &str) -> u128 {
        self.text(Dimension::Feature, feature)
    }

    pub(crate) fn scoped<'a>(&'a self, scope: &'a Scope<'a>) -> ScopeKeys<'a> {
        ScopeKeys { ring: self, scope, known: [0; Dimension::ALL.len()] }
    }
}

/// The keys of one scope's dimensions, each computed once.
#[derive(Debug)]
pub(crate) struct ScopeKeys<'a> {
    ring: &'a Keyring,
    scope: &'a Scope<'a>,
    /// 0: not computed yet.
    known: [u128; Dimension::ALL.len()],
}

impl ScopeKeys<'_> {
    /// Takes the keys of a caller that was here before.
    pub(crate) fn remember(&mut self, known: &Known) {
        let tenant = known.tenant().unwrap_or(0);
        for (dimension, key) in [(Dimension::Subject, known.subject()), (Dimension::Tenant, tenant)] {
            if let Some(slot) = self.known.get_mut(dimension as usize) {
                *slot = key;
            }
        }
    }

    /// What is to be remembered of the caller.
    pub(crate) fn caller(&mut self) -> Option<Known> {
        let subject = self.dimension(Dimension::Subject)?;
        Some(Known::new(subject, self.dimension(Dimension::Tenant)))
    }

    /// The key of one dimension; `None` when the scope has no such thing.
    #[inline]
    pub(crate) fn dimension(&mut self, dimension: Dimension) -> Option<u128> {
        match self.known.get(dimension as usize) {
            Some(known) if *known != 0 => Some(*known),
            _ => self.compute(dimension),
        }
    }

    fn compute(&mut self, dimension: Dimension) -> Option<u128> {
        let scope = self.scope;
        let key = match dimension {
            Dimension::Subject => scope.principal.map(|caller| self.ring.subject(caller.full_subject())),
            Dimension::Tenant => scope.tenant().map(|tenant| self.ring.tenant(tenant)),
            Dimension::Feature => scope.feature.map(|feature| self.ring.feature(feature.as_str())),
            Dimension::Route => scope.route().map(|route| self.ring.text(Dimension::Route, route.as_str())),
            Dimension::Environment => self.ring.environment,
        };
        if let (Some(slot), Some(key)) = (self.known.get_mut(dimension as usize), key) {
            *slot = key;
        }
        key
    }

    /// The key of a pattern.
    ///
    /// # Errors
    /// The first dimension that the scope does not have.
    pub(crate) fn pattern(&mut self, pattern: &Pattern) -> Result<u128, Dimension> {
        self.combined(pattern.dimensions())
    }

    pub(crate) fn combined(&mut self, dimensions: &[Dimension]) -> Result<u128, Dimension> {
        // The parts are secret and uniform, and the factor is odd: sums collide as seldom as the parts do.
        const FACTOR: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
        dimensions.iter().try_fold(ONE_FOR_ALL, |key, dimension| {
            let part = self.dimension(*dimension).ok_or(*dimension)?;
            Ok(key.wrapping_mul(FACTOR).wrapping_add(part))
        })
    }
}

/// Takes keys that are hashes already as they are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

pub(crate) type BuildAsIs = std::hash::BuildHasherDefault<AsIs>;
