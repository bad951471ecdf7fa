//! Why the pretend API did not start.

use std::fmt;

use gambeson_core::BoxError;

use crate::dev_server::{Failure, FailureKind};

/// The pretend model API could not start; the text says why and what to do.
#[derive(Debug)]
pub struct DevModelError {
    kind: DevModelErrorKind,
    what: String,
    source: Option<BoxError>,
}

/// What kept the pretend model API from starting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DevModelErrorKind {
    /// The profile is production, or this is a hosting platform.
    Profile,
    /// The address is none, or others could reach it.
    Address,
    /// Somebody else listens on that port.
    PortTaken,
    /// The system refused a socket or a task.
    System,
}

impl DevModelError {
    /// What kept it from starting.
    #[must_use]
    pub fn kind(&self) -> DevModelErrorKind {
        self.kind
    }
}

impl From<Failure> for DevModelError {
    fn from(failure: Failure) -> Self {
        let kind = match failure.kind {
            FailureKind::Profile => DevModelErrorKind::Profile,
            FailureKind::Address => DevModelErrorKind::Address,
            FailureKind::PortTaken => DevModelErrorKind::PortTaken,
            FailureKind::System => DevModelErrorKind::System,
        };
        Self { kind, what: failure.what, source: failure.source }
    }
}

impl fmt::Display for DevModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for DevModelError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}
