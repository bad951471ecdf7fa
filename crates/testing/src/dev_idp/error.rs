//! Why the provider did not start, or not do what it was asked.

use std::fmt;

use gambeson_core::BoxError;

use crate::dev_server::{Failure, FailureKind};

/// The dev identity provider could not start, or not do what it was asked; the text says why and what to do. `Debug` shows
/// that and what is behind it, since a `main` that returns the error prints it.
pub struct DevIdpError {
    kind: DevIdpErrorKind,
    what: String,
    source: Option<BoxError>,
}

/// What kept the dev identity provider from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DevIdpErrorKind {
    /// The profile is production, or this is a hosting platform.
    Profile,
    /// The address is none, or others could reach it.
    Address,
    /// Somebody else listens on that port.
    PortTaken,
    /// A client has no id, or redirects to what is not loopback.
    Client,
    /// The request to sign in is none that is answered by a redirect.
    SignIn,
    /// The suite for relying parties was asked for a test that it does not know.
    Test,
    /// The system refused a socket, randomness or a task.
    System,
}

impl DevIdpError {
    pub(super) fn new(kind: DevIdpErrorKind, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { kind, what, source: None }
    }

    pub(super) fn because(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The app of the suite for relying parties has an origin that is none.
    #[cfg(feature = "rp")]
    pub(crate) fn of_app(origin: &str, error: url::ParseError) -> Self {
        let what = format!("{origin:?} is no origin of an app: write one like http://127.0.0.1:3000");
        Self::new(DevIdpErrorKind::Client, what).because(error)
    }

    /// The suite for relying parties has no test of this name.
    #[cfg(feature = "rp")]
    pub(crate) fn of_test(name: &str) -> Self {
        let what =
            format!("there is no test of the name {name:?}: write one as `rp` lists it, or none to run all");
        Self::new(DevIdpErrorKind::Test, what)
    }

    /// What kept it from it.
    #[must_use]
    pub fn kind(&self) -> DevIdpErrorKind {
        self.kind
    }
}

impl From<Failure> for DevIdpError {
    fn from(failure: Failure) -> Self {
        let kind = match failure.kind {
            FailureKind::Profile => DevIdpErrorKind::Profile,
            FailureKind::Address => DevIdpErrorKind::Address,
            FailureKind::PortTaken => DevIdpErrorKind::PortTaken,
            FailureKind::System => DevIdpErrorKind::System,
        };
        Self { kind, what: failure.what, source: failure.source }
    }
}

impl fmt::Display for DevIdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl fmt::Debug for DevIdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        let source = std::error::Error::source(self);
        std::iter::successors(source, |error| error.source()).try_for_each(|error| write!(f, ": {error}"))
    }
}

impl std::error::Error for DevIdpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_main_prints_is_a_sentence_with_its_cause() {
        let error = DevIdpError::new(DevIdpErrorKind::PortTaken, "port 3001 is taken: choose another");
        assert_eq!(format!("{error:?}"), "port 3001 is taken: choose another");
        let error = error.because(std::io::Error::from(std::io::ErrorKind::AddrInUse));
        assert_eq!(format!("{error:?}"), "port 3001 is taken: choose another: address in use");
    }
}
