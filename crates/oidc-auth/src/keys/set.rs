//! A set of keys as it was published at one moment.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use aws_lc_rs::signature::ParsedPublicKey;
use serde::Deserialize;
use serde::de::Error as _;

use super::jwk::{Jwk, Parsed};
use crate::algorithm::Algorithm;
use crate::digest::first;

/// The most keys that are taken from one set; the rest is skipped.
const MAX_KEYS: usize = 64;

/// The most keys that are tried for a token that names none: what a stranger's token can cost. A rotation has two of an algorithm, three
/// where the next is published ahead.
pub(crate) const MAX_TRIED: usize = 4;

/// A key that is bound to one algorithm.
pub(crate) struct Key {
    kid: Option<Box<str>>,
    issuer: Option<Box<str>>,
    algorithm: Algorithm,
    thumbprint: [u8; 32],
    key: ParsedPublicKey,
}

impl Key {
    /// Name, algorithm and bytes as one digest: another key under the same name is another key.
    pub(crate) fn thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }

    /// The issuer that this key of a shared set is for; `None` where it does not say.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    pub(crate) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(signed, signature).is_ok()
    }

    fn new(parsed: Parsed) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        let kid = parsed.kid.as_deref().unwrap_or_default();
        // The length keeps a name's end and a key's start apart.
        context.update(&kid.len().to_le_bytes());
        context.update(kid.as_bytes());
        context.update(parsed.algorithm.name().as_bytes());
        if let Some(issuer) = &parsed.issuer {
            context.update(&issuer.len().to_le_bytes());
            context.update(issuer.as_bytes());
        }
        context.update(&parsed.bytes);
        let thumbprint = first(&context.finish());
        let Parsed { kid, issuer, algorithm, key, .. } = parsed;
        Self { kid, issuer, algorithm, thumbprint, key }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The keys of one set, and why others of it were skipped.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeySet {
    keys: Arc<[Key]>,
    skipped: Arc<[&'static str]>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Reads a JWK Set (RFC 7517 §5). A key that can't be used is skipped; the others stay.
    ///
    /// # Errors
    /// Not a JWK Set at all.
    pub(crate) fn parse(document: &[u8]) -> Result<Self, serde_json::Error> {
        // serde would take a list for a structure, member by member in the order of its fields.
        if document.trim_ascii_start().first() != Some(&b'{') {
            return Err(serde_json::Error::custom("a key set is an object"));
        }
        let document: Document = serde_json::from_slice(document)?;
        let mut keys = Vec::new();
        let mut skipped = Vec::new();
        for value in document.keys {
            if !value.is_object() {
                skipped.push("not an object");
                continue;
            }
            let parsed = match serde_json::from_value::<Jwk>(value) {
                Ok(_) if keys.len() >= MAX_KEYS => Err("more than 64 keys"),
                Ok(jwk) => jwk.parse(),
                Err(_) => Err("member of a wrong type"),
            };
            match parsed {
                Ok(parsed) => keys.push(Key::new(parsed)),
                Err(why) => skipped.push(why),
            }
        }
        Ok(Self { keys: keys.into(), skipped: skipped.into() })
    }

    /// The keys that a token can mean: one by name and algorithm; without a name the first few of the algorithm (RFC 7515 §6).
    pub(crate) fn meant(&self, kid: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &Key> {
        let most = if kid.is_some() { 1 } else { MAX_TRIED };
        let fits =
            move |key: &&Key| key.algorithm == algorithm && (kid.is_none() || key.kid.as_deref() == kid);
        self.keys.iter().filter(fits).take(most)
    }

    pub(crate) fn holds(&self, thumbprint: &[u8; 32]) -> bool {
        self.keys.iter().any(|key| key.thumbprint == *thumbprint)
    }

    /// Whether both have the same keys under the same names, in whatever order.
    pub(crate) fn same_keys(&self, other: &Self) -> bool {
        self.len() == other.len() && self.keys.iter().all(|key| other.holds(&key.thumbprint))
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Name and algorithm of each key, for operators.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.keys.iter().map(|key| (key.kid.as_deref().unwrap_or_default(), key.algorithm.name()))
    }

    pub(crate) fn skipped(&self) -> &[&'static str] {
        &self.skipped
    }
}
