//! References to secrets: where they are, never what they are.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::BoxFuture;
use crate::word::{kinded_error, plain_error, shown};

/// A reference of the form `scheme://authority/path?version=…&field=/json/pointer`.
///
/// ```
/// use gambeson_core::SecretRef;
///
/// let reference: SecretRef = "vault://kv/prod/db?version=3&field=/password".parse().unwrap();
/// assert_eq!(reference.scheme(), "vault");
/// assert_eq!(reference.location(), "kv/prod/db");
/// assert_eq!(reference.version(), Some("3"));
/// assert_eq!(reference.field(), Some("/password"));
/// assert!("hunter2".parse::<SecretRef>().is_err(), "a value is not a reference");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretRef {
    scheme: Box<str>,
    location: Box<str>,
    version: Option<Box<str>>,
    field: Option<Box<str>>,
}

impl SecretRef {
    /// The store's name, lower case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Authority and path, without the leading `//`.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The version asked for; `None`: the current one.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// A JSON pointer (RFC 6901) into the secret; `None`: the whole of it.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    fn set(&mut self, pair: &str) -> Result<(), SecretRefError> {
        let (slot, value) = match pair.split_once('=') {
            Some(("version", value)) if !value.is_empty() => (&mut self.version, value),
            Some(("field", value)) if value.starts_with('/') => (&mut self.field, value),
            Some(("field", _)) => {
                return Err(SecretRefError("its field is not a JSON pointer, which starts with /"));
            }
            _ => return Err(SecretRefError("its query knows only version= and field=")),
        };
        match slot.replace(value.into()) {
            None => Ok(()),
            Some(_) => Err(SecretRefError("a query key stands twice")),
        }
    }
}

impl FromStr for SecretRef {
    type Err = SecretRefError;

    fn from_str(text: &str) -> Result<Self, SecretRefError> {
        let (scheme, rest) = text.split_once("://").ok_or(SecretRefError("it has no scheme://"))?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !scheme.starts_with(|c: char| c.is_ascii_lowercase()) || !scheme.chars().all(plain) {
            return Err(SecretRefError("its scheme is not a lower-case word"));
        }
        let (location, query) = rest.split_once('?').unwrap_or((rest, ""));
        if location.is_empty() || location.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(SecretRefError("its location is empty or holds blanks"));
        }
        if location.split('/').any(|segment| segment == "..") {
            return Err(SecretRefError("its location climbs with .."));
        }
        let mut read = Self { scheme: scheme.into(), location: location.into(), version: None, field: None };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            read.set(pair)?;
        }
        Ok(read)
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.location)?;
        let mut separator = '?';
        for (name, value) in [("version", &self.version), ("field", &self.field)] {
            if let Some(value) = value {
                write!(f, "{separator}{name}={value}")?;
                separator = '&';
            }
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for SecretRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text is not a reference. Never repeats the text: it might be the secret itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretRefError(&'static str);

plain_error!(SecretRefError, |error| format_args!("not a secret reference such as env://NAME: {}", error.0));

/// The bytes of a secret. Debug shows a constant; there is no Display, and no comparison that takes varying time.
#[derive(Clone)]
pub struct SecretBytes(Bytes);

impl SecretBytes {
    /// Takes the bytes.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The bytes themselves: the one place to look for when reviewing who reads a secret.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

shown!(Debug for SecretBytes, |_secret| "SecretBytes(…)");

/// Reads the secret behind a reference.
pub trait SecretResolver: Send + Sync + fmt::Debug {
    /// The secret, as it is now.
    fn resolve(&self, reference: &SecretRef) -> BoxFuture<Result<SecretBytes, SecretError>>;
}

kinded_error! {
    /// A secret could not be read. Whoever asked knows the reference; the error holds no value.
    pub struct SecretError;
    /// The classes of failure that a caller can act on.
    pub enum SecretErrorKind {
        /// No such secret, version or field.
        NotFound = "secret not found",
        /// The store refused.
        Denied = "secret denied by its store",
        /// The store can't be reached.
        Unavailable = "secret store unavailable",
        /// No store of that scheme, or the reference is not on the allow list.
        NotAllowed = "secret reference not allowed",
    }
}
