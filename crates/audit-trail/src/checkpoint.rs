//! Signed checkpoints: who holds the key vouches for the chain up to here.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gambeson_core::{ConfigProblems, Monotonic};

use crate::digest::Digest;
use crate::note::{SigningKey, VerifyingKey};

/// How often a trail with a [`SigningKey`] signs its head.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Checkpoints {
    /// After this many records. Default 1,000, at least 1.
    pub events: u64,
    /// After so long, if anything was written since the last one. Default 10 s, at least 100 ms.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self { events: 1_000, interval: Duration::from_secs(10) }
    }
}

impl Checkpoints {
    /// So many records a crash leaves unsigned at most: those of an interval, and what is written with them in one go (a gap
    /// record of each cause, the record of a start).
    pub(crate) const fn most_unsigned(&self) -> u64 {
        self.events.saturating_add(24)
    }

    pub(crate) fn validate(&self, problems: &mut ConfigProblems) {
        if self.events == 0 {
            problems.add("audit_trail.checkpoints.events", "0", "set at least 1");
        }
        if self.interval < Duration::from_millis(100) {
            let value = format!("{:?}", self.interval);
            problems.add("audit_trail.checkpoints.interval", value, "set at least 100ms");
        }
    }
}

/// The key of an open trail, and when it was last used.
#[derive(Debug)]
pub(crate) struct Signer {
    key: SigningKey,
    limits: Checkpoints,
    last: Monotonic,
}

impl Signer {
    pub(crate) fn new(key: SigningKey, limits: Checkpoints, now: Monotonic) -> Self {
        Self { key, limits, last: now }
    }

    /// Whether `unsigned` records are enough for a checkpoint.
    pub(crate) fn is_full(&self, unsigned: u64) -> bool {
        unsigned >= self.limits.events
    }

    pub(crate) fn most_unsigned(&self) -> u64 {
        self.limits.most_unsigned()
    }

    /// How long until records that are not yet signed have to be.
    pub(crate) fn due_in(&self, now: Monotonic) -> Duration {
        self.last.plus(self.limits.interval).since(now)
    }

    pub(crate) fn signed(&mut self, now: Monotonic) {
        self.last = now;
    }

    pub(crate) fn public(&self) -> &VerifyingKey {
        self.key.public()
    }

    /// The signed note of a chain's first `size` records, of which the last has `hash`.
    pub(crate) fn note(&self, instance: &str, size: u64, hash: &Digest) -> String {
        self.key.sign(&text(self.key.public().name(), instance, size, hash))
    }
}

/// A C2SP checkpoint's text. Its third line is the head of a hash chain where that of a transparency log is the root of
/// a Merkle tree.
fn text(name: &str, instance: &str, size: u64, hash: &Digest) -> String {
    format!("{name}/{instance}\n{size}\n{}\n", STANDARD.encode(hash.as_bytes()))
}

/// Whether `note` is this key's signature over exactly this head.
pub(crate) fn vouches(key: &VerifyingKey, note: &str, instance: &str, size: u64, hash: &Digest) -> bool {
    key.open(note) == Some(text(key.name(), instance, size, hash).as_str())
}
