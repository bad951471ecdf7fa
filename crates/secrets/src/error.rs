//! Why a secret could not be read.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use gambeson_core::{ConfigError, SecretError, SecretErrorKind, SecretRef, SecretRefError};

/// A secret could not be read. Names the reference, never a value, also not one that stands in a reference's place. Cheap to clone: all who waited get the same.
#[derive(Debug, Clone)]
pub struct ReadError {
    kind: ReadErrorKind,
    reference: Box<str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The classes of failure that a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// The reference is not on the allow list, or no store has its scheme.
    NotAllowed,
    /// No such secret, version or field.
    NotFound,
    /// The store refused, or the secret lies where others can read it.
    Denied,
    /// The secret was read, but it is not of the shape asked for.
    Malformed,
    /// The store can't be reached, or was too slow: trying again may help.
    Unavailable,
    /// The read must be on record first, and the audit sink did not take it.
    Unrecorded,
    /// `Secrets` was shut down.
    Closed,
}

impl ReadErrorKind {
    /// The stable name, as audit and telemetry write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAllowed => "not-allowed",
            Self::NotFound => "not-found",
            Self::Denied => "denied",
            Self::Malformed => "malformed",
            Self::Unavailable => "unavailable",
            Self::Unrecorded => "unrecorded",
            Self::Closed => "closed",
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::NotAllowed => "secret reference not allowed",
            Self::NotFound => "secret not found",
            Self::Denied => "secret denied by its store",
            Self::Malformed => "secret not of the shape asked for",
            Self::Unavailable => "secret store unavailable",
            Self::Unrecorded => "the read of the secret could not be recorded",
            Self::Closed => "secrets were shut down",
        }
    }
}

impl ReadError {
    pub(crate) fn new(kind: ReadErrorKind, reference: &SecretRef) -> Self {
        Self { kind, reference: reference.to_string().into(), source: None }
    }

    /// What was asked for is no reference. It is not repeated: it may be the secret itself.
    pub(crate) fn no_reference(source: SecretRefError) -> Self {
        Self {
            kind: ReadErrorKind::NotAllowed,
            reference: "(not a reference)".into(),
            source: Some(Arc::new(source)),
        }
    }

    /// A reference that may not be read. Of one that is perhaps the secret itself, such as a database's address with its
    /// password, only the scheme is named.
    pub(crate) fn not_allowed(reference: &SecretRef, named: bool, why: &'static str) -> Self {
        let error = Self::new(ReadErrorKind::NotAllowed, reference).because(why);
        match named {
            true => error,
            false => Self { reference: format!("{}://…", reference.scheme()).into(), ..error },
        }
    }

    pub(crate) fn because(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(Arc::from(source.into())), ..self }
    }

    pub(crate) fn of_store(error: SecretError, reference: &SecretRef) -> Self {
        let kind = match error.kind() {
            SecretErrorKind::NotFound => ReadErrorKind::NotFound,
            SecretErrorKind::Denied => ReadErrorKind::Denied,
            SecretErrorKind::NotAllowed => ReadErrorKind::NotAllowed,
            _ => ReadErrorKind::Unavailable,
        };
        Self::new(kind, reference).because(error)
    }

    /// What the caller can act on.
    #[must_use]
    pub const fn kind(&self) -> ReadErrorKind {
        self.kind
    }

    /// The reference that was asked for; its scheme only (`postgres://…`), if no store has it or it looks like an address with a
    /// password in it.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.reference
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.meaning(), self.reference)
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

/// As core's word, whose kinds are fewer; the whole error is its source.
impl From<ReadError> for SecretError {
    fn from(error: ReadError) -> Self {
        let kind = match error.kind {
            ReadErrorKind::NotAllowed => SecretErrorKind::NotAllowed,
            ReadErrorKind::NotFound | ReadErrorKind::Malformed => SecretErrorKind::NotFound,
            ReadErrorKind::Denied => SecretErrorKind::Denied,
            _ => SecretErrorKind::Unavailable,
        };
        Self::new(kind).with_source(error)
    }
}

/// What is wrong with a value, without the value: parsers like to quote what they stumble over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} (line {line}, column {column})")]
pub(crate) struct Malformed {
    what: &'static str,
    line: usize,
    column: usize,
}

impl Malformed {
    pub(crate) const NOT_TEXT: Self = Self::new("not a UTF-8 text");
    pub(crate) const NO_FIELD: Self = Self::new("the JSON pointer leads nowhere");
    pub(crate) const NOT_A_HEADER: Self = Self::new("holds what a header field can't");

    const fn new(what: &'static str) -> Self {
        Self { what, line: 0, column: 0 }
    }

    pub(crate) fn from_json(error: &serde_json::Error) -> Self {
        let what = match error.is_data() {
            true => "the JSON has other members or types than asked for",
            false => "not JSON",
        };
        Self { what, line: error.line(), column: error.column() }
    }

    pub(crate) fn at(self, reference: &SecretRef) -> ReadError {
        let kind = match self == Self::NO_FIELD {
            true => ReadErrorKind::NotFound,
            false => ReadErrorKind::Malformed,
        };
        ReadError::new(kind, reference).because(self)
    }
}

/// Why [`SecretsBuilder::connect`](crate::SecretsBuilder::connect) refused: all that is missing, grouped by cause, and all that is wrong with the
/// configuration. `Debug` shows what `Display` does, since a `main` that returns the error prints that.
#[derive(Clone)]
pub struct MissingSecrets {
    pub(crate) configuration: Option<ConfigError>,
    pub(crate) missing: Vec<ReadError>,
}

impl MissingSecrets {
    /// What is wrong with the configuration; while something is, nothing was read.
    #[must_use]
    pub fn configuration(&self) -> Option<&ConfigError> {
        self.configuration.as_ref()
    }

    /// Every required secret that could not be read, by cause.
    #[must_use]
    pub fn missing(&self) -> &[ReadError] {
        &self.missing
    }
}

impl fmt::Display for MissingSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(configuration) = &self.configuration {
            return write!(f, "{configuration}");
        }
        write!(f, "{} required secrets are missing", self.missing.len())?;
        let mut cause = None;
        for error in &self.missing {
            if cause != Some(error.kind) {
                write!(f, "\n  {}:", error.kind.meaning())?;
                cause = Some(error.kind);
            }
            write!(f, "\n    {}", error.reference)?;
            let mut source = error.source();
            while let Some(deeper) = source {
                if deeper.source().is_none() {
                    write!(f, " ({deeper})")?;
                }
                source = deeper.source();
            }
        }
        Ok(())
    }
}

impl fmt::Debug for MissingSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for MissingSecrets {}
