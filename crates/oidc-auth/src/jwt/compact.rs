//! The three parts of a token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::algorithm::Algorithm;
use crate::error::{Reason, TokenError};

/// A token cut in three; nothing is decoded yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compact<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    signed: &'a str,
}

impl<'a> Compact<'a> {
    /// Cuts at the dots. Exactly three parts, none empty: an unsigned token has no third, an encrypted one has five.
    pub(crate) fn split(token: &'a str) -> Result<Self, TokenError> {
        let malformed = || TokenError::with(Reason::Malformed, "not three parts separated by dots");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, payload) = signed.split_once('.').ok_or_else(malformed)?;
        if header.is_empty() || payload.is_empty() || signature.is_empty() || payload.contains('.') {
            return Err(malformed());
        }
        Ok(Self { header, payload, signature, signed })
    }

    /// The bytes under the signature.
    pub(crate) fn signed(&self) -> &'a [u8] {
        self.signed.as_bytes()
    }

    /// The signature, of a length that this algorithm's can have. Needs no key: what is refused here says nothing of one.
    pub(crate) fn signature(&self, algorithm: Algorithm) -> Result<Vec<u8>, TokenError> {
        let signature = decode(self.signature)?;
        match algorithm.takes_signature(signature.len()) {
            true => Ok(signature),
            false => {
                let text = format!("{} bytes are no signature by {}", signature.len(), algorithm.name());
                Err(TokenError::with(Reason::Malformed, text))
            }
        }
    }

    pub(crate) fn header(&self) -> Result<String, TokenError> {
        text(self.header)
    }

    pub(crate) fn payload(&self) -> Result<String, TokenError> {
        text(self.payload)
    }
}

/// Base64url without padding, and no spare bits that could be anything (RFC 7515 §2, RFC 4648 §3.5).
fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::with(Reason::Malformed, "not unpadded base64url"))
}

fn text(part: &str) -> Result<String, TokenError> {
    String::from_utf8(decode(part)?).map_err(|_| TokenError::with(Reason::Malformed, "not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_full_parts() {
        for bad in ["", "a", "a.b", "a.b.", ".b.c", "a..c", "a.b.c.d", "a.b.c.d.e", "..", "..."] {
            assert!(Compact::split(bad).is_err(), "{bad}");
        }
        assert_eq!(Compact::split("a.b.c").unwrap().signed(), b"a.b");
    }

    #[test]
    fn base64_has_one_spelling() {
        assert!(decode("AA").is_ok());
        for bad in ["AA==", "AB", "A", "A A", "+/", "AA\n"] {
            assert!(decode(bad).is_err(), "{bad}");
        }
    }
}
