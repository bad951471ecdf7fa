//! Digests of lines, and the head that stands for a whole chain.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// A SHA-256 digest (FIPS 180-4), written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// What the first record names as its predecessor: 64 zeros.
    pub const ZERO: Self = Self([0; 32]);

    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 hexadecimal digits as ASCII.
    pub(crate) fn hex(&self) -> [u8; 64] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut out = [0; 64];
        for (pair, byte) in out.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        out
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.hex()).unwrap_or_default())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// The text is not a digest, or not a head: 64 hexadecimal digits, for a head with `SEQ:` before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a head: expected 64 hexadecimal digits, or SEQ:DIGITS as `heads` prints them")]
#[non_exhaustive]
pub struct ParseHeadError;

impl FromStr for Digest {
    type Err = ParseHeadError;

    fn from_str(text: &str) -> Result<Self, ParseHeadError> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(ParseHeadError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| ParseHeadError)?;
            let plain = pair.bytes().all(|b| b.is_ascii_hexdigit());
            *byte = u8::from_str_radix(pair, 16).ok().filter(|_| plain).ok_or(ParseHeadError)?;
        }
        Ok(Self(bytes))
    }
}

/// The last record of a chain: its sequence number and its hash. Whoever keeps it elsewhere can prove later that
/// nothing up to it was changed or cut off.
///
/// Written as `SEQ:HASH`. A hash alone is a head too, with less to say about what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The sequence number; `None` when only the hash was kept.
    pub seq: Option<u64>,
    /// The record's `hash`.
    pub hash: Digest,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seq {
            Some(seq) => write!(f, "{seq}:{}", self.hash),
            None => write!(f, "{}", self.hash),
        }
    }
}

impl FromStr for Head {
    type Err = ParseHeadError;

    fn from_str(text: &str) -> Result<Self, ParseHeadError> {
        let text = text.trim();
        let (seq, hash) = match text.split_once(':') {
            Some((seq, hash)) => (Some(seq.parse().map_err(|_| ParseHeadError)?), hash),
            None => (None, text),
        };
        Ok(Self { seq, hash: hash.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_read_as_they_are_written() {
        let hash = Digest::of(b"abc");
        assert_eq!(hash.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        for head in [Head { seq: Some(7), hash }, Head { seq: None, hash }] {
            assert_eq!(head.to_string().parse(), Ok(head));
        }
        for wrong in ["", "7:", "x:00", "+1+2", &"é".repeat(32), &"+f".repeat(32)] {
            assert!(wrong.parse::<Head>().is_err(), "{wrong}");
        }
    }
}
