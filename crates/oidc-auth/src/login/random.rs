//! Random values and how they are written.

use aws_lc_rs::{constant_time, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gambeson_core::{Entropy, EntropyError};

use crate::digest::first;

/// 256 random bits. Debug shows none of them.
#[derive(Clone, Copy)]
pub(super) struct Random([u8; 32]);

impl Random {
    pub(super) fn new(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Exactly the 43 characters that [`Random::text`] writes, or nothing.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() != 43 {
            return None;
        }
        let mut bytes = [0; 32];
        let read = URL_SAFE_NO_PAD.decode_slice_unchecked(text, &mut bytes);
        read.ok().filter(|length| *length == 32).map(|_| Self(bytes))
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 43 characters of base64url.
    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Compared in constant time.
    pub(super) fn same(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }

    pub(super) fn sha256(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random(…)")
    }
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    first(&digest::digest(&digest::SHA256, bytes))
}
