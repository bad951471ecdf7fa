//! Why a role was not activated.

use std::fmt;
use std::io;

/// Why a role was not activated. `Debug` shows what `Display` does and what is behind it, since a `main` that returns the error
/// prints that.
pub struct ActivationError {
    kind: ActivationErrorKind,
    source: Option<io::Error>,
}

/// The classes of reasons that a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ActivationErrorKind {
    /// Nobody is logged in.
    Unauthenticated,
    /// The policy does not let this caller have this role.
    NotAllowed,
    /// The policy asks for a reason, and there is none, or it is longer than a thousand bytes.
    ReasonMissing,
    /// For no time, or for longer than the policy lets.
    TooLong,
    /// It holds already; it does not become longer.
    AlreadyActive,
    /// It must not come with what the caller has or has activated.
    Incompatible,
    /// Too many live at a time.
    TooMany,
    /// It could not be put on record, so it does not hold.
    NotRecorded,
    /// The store could not be read or written.
    Store,
}

impl ActivationErrorKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "nobody is logged in",
            Self::NotAllowed => "the policy does not let this caller have the role",
            Self::ReasonMissing => "a reason of up to a thousand bytes is needed",
            Self::TooLong => "the policy does not let the role be had for so long",
            Self::AlreadyActive => "the role is active already",
            Self::Incompatible => "the role must not come with those that are active",
            Self::TooMany => "too many activations live",
            Self::NotRecorded => "the activation could not be put on record",
            Self::Store => "the store of activations failed",
        }
    }
}

impl ActivationError {
    pub(super) fn store(source: io::Error) -> Self {
        Self { kind: ActivationErrorKind::Store, source: Some(source) }
    }

    /// Which class of reason it is.
    #[must_use]
    pub fn kind(&self) -> ActivationErrorKind {
        self.kind
    }
}

impl From<ActivationErrorKind> for ActivationError {
    fn from(kind: ActivationErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl fmt::Display for ActivationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())
    }
}

impl fmt::Debug for ActivationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        self.source.as_ref().map_or(Ok(()), |source| write!(f, ": {source}"))
    }
}

impl std::error::Error for ActivationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_main_prints_is_a_sentence_with_its_cause() {
        let error =
            ActivationError::store(io::Error::other("activations.toml: the file of activations is damaged"));
        let expected =
            "the store of activations failed: activations.toml: the file of activations is damaged";
        assert_eq!(format!("{error:?}"), expected);
        let error = ActivationError::from(ActivationErrorKind::TooMany);
        assert_eq!(format!("{error:?}"), "too many activations live");
    }
}
