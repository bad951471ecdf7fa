//! What several instances hear of each other: a log of denials that all of them add to and read.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use gambeson_core::{Answer, BoxError};

/// A denial as the log holds it. Its name is a digest: who reads the log learns of no person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedDenial {
    /// Half of a SHA-256 over what is denied.
    pub name: [u8; 16],
    /// Tokens with an `iat` up to this second are denied; `i64::MAX`: whenever they were issued.
    pub issued_until: i64,
    /// For how long it counts, from now on.
    pub keep: Duration,
}

impl LoggedDenial {
    /// A denial that was read.
    #[must_use]
    pub const fn new(name: [u8; 16], issued_until: i64, keep: Duration) -> Self {
        Self { name, issued_until, keep }
    }
}

/// How far a reader has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogPosition {
    /// Which log it is: a number that no other has. One that was lost and began anew is another.
    pub log: u64,
    /// The last entry that was read.
    pub entry: u64,
    /// What tells this entry from another that stands at the same place after the log went back to an earlier state: a server that
    /// crashed, or was replaced by a replica. A random number of each addition, for one.
    pub mark: u64,
}

impl LogPosition {
    /// This entry of this log.
    #[must_use]
    pub const fn new(log: u64, entry: u64, mark: u64) -> Self {
        Self { log, entry, mark }
    }
}

/// A part of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogPage {
    /// What is denied, oldest first.
    pub denials: Vec<LoggedDenial>,
    /// How far it goes.
    pub end: LogPosition,
    /// Whether there is more right now.
    pub has_more: bool,
    /// Whether it begins at the beginning, since the log is not the one that was read up to the position: it is another, went back to an
    /// earlier state, or lacks what came next. Who reads adds what it knows, then. Default false.
    pub is_anew: bool,
}

impl LogPage {
    /// What was read.
    #[must_use]
    pub const fn new(denials: Vec<LoggedDenial>, end: LogPosition, has_more: bool) -> Self {
        Self { denials, end, has_more, is_anew: false }
    }

    /// The same, of a log that is not the one that was read up to the position.
    #[must_use]
    pub fn anew(self) -> Self {
        Self { is_anew: true, ..self }
    }
}

/// A log of denials that several instances share. It keeps each at least as long as it says. Entries may come twice and in any
/// order; none may be left out.
pub trait DenialLog: Send + Sync + fmt::Debug {
    /// Adds denials.
    fn append(&self, denials: Vec<LoggedDenial>) -> Answer<Result<(), DenialLogError>>;

    /// What came after this position, oldest first; all from the beginning without one, or ([`LogPage::anew`]) when the log was never
    /// there: it is another, its last entry comes before, or another entry stands there. An entry that is gone because it is over is no
    /// reason.
    fn read(&self, after: Option<LogPosition>) -> Answer<Result<LogPage, DenialLogError>>;
}

/// The log can't be asked or told.
#[derive(Debug)]
pub struct DenialLogError(Option<BoxError>);

impl DenialLogError {
    /// The log is out of reach.
    #[must_use]
    pub const fn unavailable() -> Self {
        Self(None)
    }

    /// With what is behind it. Its text must hold no secret.
    #[must_use]
    pub fn with_source(self, source: impl Into<BoxError>) -> Self {
        Self(Some(source.into()))
    }
}

impl fmt::Display for DenialLogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the shared log of denials can't be reached")
    }
}

impl Error for DenialLogError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
