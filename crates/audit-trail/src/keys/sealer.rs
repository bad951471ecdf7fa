//! Authenticated encryption under the key of one subject.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gambeson_core::Timestamp;

use super::store::{KeyId, SubjectKey};

pub(super) const SALT: usize = 16;
/// NIST SP 800-38D §8.3: no more encryptions with random nonces under one key.
const MOST_SEALS: u64 = 1 << 32;
/// What is sealed is filled up to a multiple of so many bytes, so that its length says little about a name.
const BLOCK: usize = 32;

/// Seals under a key that is derived from a subject's key for this run only: so the count of a key's nonces need not outlive
/// the process, and is exact.
pub(crate) struct Sealer {
    id: KeyId,
    salt: [u8; SALT],
    key: LessSafeKey,
    used: AtomicU64,
    /// When the subject was last erased, before it got this key.
    erased: Option<Timestamp>,
}

impl Sealer {
    /// `None` only if the primitive fails, which it has no reason to.
    pub(super) fn new(key: &SubjectKey, erased: Option<Timestamp>, salt: [u8; SALT]) -> Option<Self> {
        Some(Self { id: key.id(), salt, key: derive(key, &salt)?, used: AtomicU64::new(0), erased })
    }

    /// Whether what was recorded then may be sealed under this key: not what was on its way when its subject was erased.
    pub(super) fn is_for(&self, recorded: Timestamp) -> bool {
        self.erased.is_none_or(|erased| recorded > erased)
    }

    pub(super) fn id(&self) -> &KeyId {
        &self.id
    }

    /// Whether another salt, and with it another key, must take over.
    pub(super) fn is_used_up(&self) -> bool {
        self.used.load(Ordering::Relaxed) >= MOST_SEALS
    }

    /// `<key id>:<base64url of salt, nonce, ciphertext and tag>`; `field` is what the text is good for.
    pub(crate) fn seal(&self, field: &str, plain: &str, nonce: [u8; NONCE_LEN]) -> Option<String> {
        if self.used.fetch_add(1, Ordering::Relaxed) >= MOST_SEALS {
            return None;
        }
        let padded = (plain.len() / BLOCK + 1) * BLOCK;
        let mut sealed = Vec::with_capacity(padded + MAX_TAG_LEN);
        sealed.extend_from_slice(plain.as_bytes());
        sealed.push(0x80);
        sealed.resize(padded, 0);
        let unique = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(unique, Aad::from(field.as_bytes()), &mut sealed).ok()?;
        let bytes = [&self.salt[..], &nonce, &sealed].concat();
        Some(format!("{}:{}", self.id, URL_SAFE_NO_PAD.encode(bytes)))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({}, …)", self.id)
    }
}

fn derive(key: &SubjectKey, salt: &[u8; SALT]) -> Option<LessSafeKey> {
    let material = Salt::new(HKDF_SHA256, salt).extract(key.expose());
    let okm = material.expand(&[b"gambeson-audit-trail seal v1"], &AES_256_GCM).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(okm)))
}

/// What a sealed text is made of; `None` when nobody sealed it so.
pub(super) fn parse(text: &str) -> Option<(KeyId, Vec<u8>)> {
    let (id, bytes) = text.split_once(':')?;
    Some((KeyId::parse(id)?, URL_SAFE_NO_PAD.decode(bytes).ok()?))
}

/// What was sealed for `field` under this key, or nothing.
pub(super) fn open(key: &SubjectKey, field: &str, mut bytes: Vec<u8>) -> Option<String> {
    let (salt, rest) = bytes.split_at_mut_checked(SALT)?;
    let key = derive(key, (&*salt).try_into().ok()?)?;
    let (nonce, rest) = rest.split_at_mut_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let plain = key.open_in_place(nonce, Aad::from(field.as_bytes()), rest).ok()?;
    let end = plain.iter().rposition(|byte| *byte == 0x80)?;
    String::from_utf8(plain.get(..end)?.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> SubjectKey {
        SubjectKey::new(KeyId([7; 16]), [n; 32])
    }

    fn opened(key: &SubjectKey, field: &str, text: &str) -> Option<String> {
        let (_, bytes) = parse(text)?;
        open(key, field, bytes)
    }

    #[test]
    fn opened_only_by_its_key_for_its_field_and_unchanged() {
        let sealer = Sealer::new(&key(1), None, [9; SALT]).unwrap();
        for plain in ["", "alice", "é\u{80}\0", &"x".repeat(31), &"x".repeat(32), &"x".repeat(1_000)] {
            let text = sealer.seal("sub", plain, [3; NONCE_LEN]).unwrap();
            assert_eq!(opened(&key(1), "sub", &text).as_deref(), Some(plain));
            assert_eq!(opened(&key(1), "address", &text), None);
            assert_eq!(opened(&key(2), "sub", &text), None);
        }
        let text = sealer.seal("sub", "alice", [3; NONCE_LEN]).unwrap();
        for at in 33..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(opened(&key(1), "sub", std::str::from_utf8(&other).unwrap()), None, "{at}");
        }
        let id = key(1).id();
        for junk in ["", ":", "x", &format!("{id}:"), &format!("{id}:AAAA"), &format!("{id}:é")] {
            assert_eq!(opened(&key(1), "sub", junk), None, "{junk}");
        }
    }

    #[test]
    fn lengths_of_names_do_not_show() {
        let sealer = Sealer::new(&key(1), None, [9; SALT]).unwrap();
        let length = |name: &str| sealer.seal("sub", name, [3; NONCE_LEN]).unwrap().len();
        assert_eq!(length("al"), length("alexandra.longname@example.org"));
    }

    #[test]
    fn a_key_seals_no_more_often_than_random_nonces_allow() {
        let sealer = Sealer::new(&key(1), None, [9; SALT]).unwrap();
        sealer.used.store(MOST_SEALS - 1, Ordering::Relaxed);
        assert!(!sealer.is_used_up());
        assert!(sealer.seal("sub", "alice", [3; NONCE_LEN]).is_some());
        assert!(sealer.is_used_up());
        assert!(sealer.seal("sub", "alice", [4; NONCE_LEN]).is_none());
    }
}
