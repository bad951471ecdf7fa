//! The seal of a log-in's cookie, made here once more, so that what is behind it can be tried too.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};

use super::key::{decode, encode};

/// What the app is given as its key.
pub(super) const SECRET: [u8; 32] = [5; 32];

const NONCE: usize = 12;

/// The mark of a state of zeros: what is sealed here is for that state.
pub(super) const MARK: &str = "AAAAAAAAAAA";

pub(super) fn seal(plain: &[u8]) -> String {
    let mut sealed = plain.to_vec();
    let nonce = Nonce::assume_unique_for_key([0; NONCE]);
    key().seal_in_place_append_tag(nonce, aad(MARK), &mut sealed).unwrap();
    encode(&[&[0; NONCE][..], &sealed].concat())
}

pub(super) fn open(sealed: &str, mark: &str) -> Option<Vec<u8>> {
    let mut bytes = decode(sealed)?;
    let (nonce, rest) = bytes.split_at_mut_checked(NONCE)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    key().open_in_place(nonce, aad(mark), rest).ok().map(|plain| plain.to_vec())
}

fn key() -> LessSafeKey {
    let material = Salt::new(HKDF_SHA256, b"gambeson-oidc-auth").extract(&SECRET);
    let okm = material.expand(&[b"log-in attempt v1"], &AES_256_GCM_SIV).unwrap();
    LessSafeKey::new(UnboundKey::from(okm))
}

fn aad(mark: &str) -> Aad<Vec<u8>> {
    Aad::from(format!("{mark} web https://app.example.com/login/callback").into_bytes())
}
