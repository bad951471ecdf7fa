//! What can be wrong with a certificate or a key.

use std::fmt;
use std::sync::Arc;

/// Why certificates or keys can't be used. The message says which file it is about and how to mend it, and nothing of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError {
    kind: TlsErrorKind,
    place: Arc<str>,
    problem: String,
}

/// The classes of [`TlsError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsErrorKind {
    /// The file is not there, may not be read, or is larger than 1 MiB.
    Unreadable,
    /// It is not what it should be: another kind of PEM block, an encrypted key, no X.509 of version 3.
    Malformed,
    /// The key is not the one of the chain's first certificate.
    Mismatch,
    /// A certificate's time has not begun.
    NotYetValid,
    /// A certificate's time is over.
    Expired,
    /// Certificates of clients are asked for, and no authority is given to verify them.
    NoAuthorities,
}

impl TlsError {
    pub(super) fn new(kind: TlsErrorKind, place: &Arc<str>, problem: impl Into<String>) -> Self {
        Self { kind, place: Arc::clone(place), problem: problem.into() }
    }

    /// The class.
    #[must_use]
    pub fn kind(&self) -> TlsErrorKind {
        self.kind
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl std::error::Error for TlsError {}
