//! Erasing a person.

use std::fmt;

use crate::word::kinded_error;
use crate::{Answer, Subject};

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
    pub const fn records(records: u64) -> Self {
        Self { records }
    }
}

kinded_error! {
    /// Not everything could be erased.
    pub struct ForgetError;
    /// The classes of failure that a caller can act on.
    pub enum ForgetErrorKind {
        /// The store is in trouble: try again.
        Unavailable = "the subject's data could not be erased",
    }
}
