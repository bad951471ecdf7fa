//! Authenticated encryption of what a browser keeps for this app.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gambeson_core::{Entropy, EntropyError};

const NONCE: usize = 12;

/// Seals with one key. AES-256-GCM-SIV (RFC 8452): a nonce that comes twice gives nothing away but equality.
pub(super) struct Sealer {
    key: LessSafeKey,
}

impl Sealer {
    /// A key for log-ins under way from secret bytes, at least 32 of them. `None` when they are too few.
    pub(super) fn new(secret: &[u8]) -> Option<Self> {
        Self::for_purpose(secret, b"log-in attempt v1")
    }

    /// A key that is good for nothing else, by HKDF (RFC 5869).
    pub(super) fn for_purpose(secret: &[u8], purpose: &[u8]) -> Option<Self> {
        if secret.len() < 32 {
            return None;
        }
        let material = Salt::new(HKDF_SHA256, b"gambeson-oidc-auth").extract(secret);
        let info = [purpose];
        let okm = material.expand(&info, &AES_256_GCM_SIV).ok()?;
        Some(Self { key: LessSafeKey::new(UnboundKey::from(okm)) })
    }

    /// Nonce and ciphertext in base64url; `bound` is what the seal is good for and is not in it.
    pub(super) fn seal(
        &self,
        plain: Vec<u8>,
        bound: &str,
        entropy: &dyn Entropy,
    ) -> Result<String, EntropyError> {
        self.seal_bytes(plain, bound.as_bytes(), entropy).map(|sealed| URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Nonce and ciphertext.
    pub(super) fn seal_bytes(
        &self,
        plain: Vec<u8>,
        bound: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, EntropyError> {
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce)?;
        let mut sealed = plain;
        let nonce_value = Nonce::assume_unique_for_key(nonce);
        match self.key.seal_in_place_append_tag(nonce_value, Aad::from(bound), &mut sealed) {
            Ok(()) => Ok([&nonce[..], &sealed].concat()),
            // Only a text of gigabytes can't be sealed.
            Err(_) => Ok(Vec::new()),
        }
    }

    /// What was sealed here for `bound`, or nothing.
    pub(super) fn open(&self, sealed: &str, bound: &str) -> Option<Vec<u8>> {
        if sealed.len() > 4_096 {
            return None;
        }
        self.open_bytes(URL_SAFE_NO_PAD.decode(sealed).ok()?, bound.as_bytes())
    }

    pub(super) fn open_bytes(&self, mut sealed: Vec<u8>, bound: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_at_mut_checked(NONCE)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = self.key.open_in_place(nonce, Aad::from(bound), rest).ok()?;
        Some(plain.to_vec())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

#[cfg(test)]
mod tests {
    use gambeson_core::FixedEntropy;

    use super::*;

    #[test]
    fn opened_only_by_its_key_for_its_purpose_and_unchanged() {
        let entropy = FixedEntropy::starting_at(1);
        let sealer = Sealer::new(&[1; 32]).unwrap();
        let sealed = sealer.seal(b"attempt".to_vec(), "a", &entropy).unwrap();
        assert_eq!(sealer.open(&sealed, "a").as_deref(), Some(&b"attempt"[..]));
        assert_eq!(sealer.open(&sealed, "b"), None);
        assert_eq!(Sealer::new(&[2; 32]).unwrap().open(&sealed, "a"), None);
        for at in 0..sealed.len() {
            let mut other = sealed.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(sealer.open(std::str::from_utf8(&other).unwrap(), "a"), None, "{at}");
        }
        for junk in ["", "A", &"A".repeat(16), &"A".repeat(10_000), "\u{e9}"] {
            assert_eq!(sealer.open(junk, "a"), None);
        }
        assert!(Sealer::new(&[1; 31]).is_none());
        let other = Sealer::for_purpose(&[1; 32], b"session v1").unwrap();
        assert_eq!(other.open(&sealed, "a"), None, "what is sealed for one purpose is nothing for another");
    }
}
