//! Erasing a person.

use std::fmt;

use crate::{Answer, BoxError, Subject};

/// A store that holds personal data and can let go of one person's.
pub trait Forget: Send + Sync + fmt::Debug {
    /// Erases what is kept about `subject`; erasing twice is no error.
    fn forget(&self, subject: &Subject) -> Answer<Result<Forgotten, ForgetError>>;
}

/// What was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Forgotten {
    /// How many records were erased or made unreadable.
    pub records: u64,
}

impl Forgotten {
    /// This many records.
    #[must_use]
    pub const fn records(records: u64) -> Self {
        Self { records }
    }
}

/// Not everything could be erased: try again.
#[derive(Debug)]
pub struct ForgetError(BoxError);

impl ForgetError {
    /// Wraps the store's own error.
    pub fn new(source: impl Into<BoxError>) -> Self {
        Self(source.into())
    }
}

impl fmt::Display for ForgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the subject's data could not be erased")
    }
}

impl std::error::Error for ForgetError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}
