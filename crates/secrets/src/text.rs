//! A text that is a secret.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer};
use serde_json::value::RawValue;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::json;

/// A text that is a secret: wiped from memory when it is dropped, shown by a constant, compared in constant time.
///
/// As a field of a type that [`Secrets::get`](crate::Secrets::get) reads from JSON it leaves no copy behind, escapes in the text
/// included. It can be deserialised from such a JSON text only, so that a secret never comes to stand in a configuration file.
///
/// ```
/// let password = gambeson_secrets::SecretString::new("correct horse");
/// assert_eq!(format!("{password:?}"), "SecretString(…)");
/// assert!(password.matches("correct horse") && !password.matches("wrong horse"));
/// assert_eq!(password.expose(), "correct horse");
/// ```
pub struct SecretString(Zeroizing<Box<str>>);

impl SecretString {
    /// A secret with this text, which is copied; wiping the original is the caller's business.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(Box::from(text)))
    }

    /// The text itself: the one word to look for when reviewing who reads a secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `candidate` is the same, in a time that depends on its length only.
    #[must_use]
    pub fn matches(&self, candidate: impl AsRef<[u8]>) -> bool {
        self.0.as_bytes().ct_eq(candidate.as_ref()).into()
    }
}

/// Takes over the text of a `String` and wipes the original, its spare capacity included.
impl From<String> for SecretString {
    fn from(mut text: String) -> Self {
        let secret = Self::new(&text);
        text.zeroize();
        secret
    }
}

impl Clone for SecretString {
    fn clone(&self) -> Self {
        Self::new(self.expose())
    }
}

impl ZeroizeOnDrop for SecretString {}

/// Shows a constant: neither a part of the text nor its length.
impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretString(…)")
    }
}

impl<'de> Deserialize<'de> for SecretString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let no_text = || de::Error::custom("a secret text is read from a JSON string in memory only");
        let raw = <&RawValue>::deserialize(deserializer).map_err(|_| no_text())?;
        json::unescaped(raw).map(|text| Self::new(&text)).ok_or_else(no_text)
    }
}
