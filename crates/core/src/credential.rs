//! Short-lived credentials that somebody else keeps fresh.

use std::fmt;

use http::HeaderValue;

use crate::{Answer, BoxError, Timestamp};

/// A credential for an outgoing request, as the value of its `Authorization` field; marked sensitive.
#[derive(Clone)]
pub struct Credential {
    authorization: HeaderValue,
    expires_at: Option<Timestamp>,
}

impl Credential {
    /// A credential that ends at `expires_at`; `None`: its end is unknown.
    #[must_use]
    pub fn new(mut authorization: HeaderValue, expires_at: Option<Timestamp>) -> Self {
        authorization.set_sensitive(true);
        Self {
            authorization,
            expires_at,
        }
    }

    /// The value of the `Authorization` field.
    #[must_use]
    pub fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }

    /// When it ends.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }
}

/// Shows no credential.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Gives a credential that is good now, and refreshes it by itself.
pub trait CredentialSource: Send + Sync + fmt::Debug {
    /// The credential to use now.
    fn credential(&self) -> Answer<Result<Credential, CredentialError>>;

    /// The other side refused the credential: get another one, once for all who report it.
    fn report_rejected(&self, rejected: &Credential);
}

/// No credential could be had.
#[derive(Debug)]
pub struct CredentialError {
    kind: CredentialErrorKind,
    source: BoxError,
}

/// The classes of failure that a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialErrorKind {
    /// The issuer refused: trying again won't help.
    Refused,
    /// The issuer can't be reached: try again later.
    Unavailable,
}

impl CredentialError {
    /// An error of this kind.
    pub fn new(kind: CredentialErrorKind, source: impl Into<BoxError>) -> Self {
        Self {
            kind,
            source: source.into(),
        }
    }

    /// What the caller can act on.
    #[must_use]
    pub fn kind(&self) -> CredentialErrorKind {
        self.kind
    }
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            CredentialErrorKind::Refused => "credential refused by its issuer",
            CredentialErrorKind::Unavailable => "credential issuer unavailable",
        })
    }
}

impl std::error::Error for CredentialError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}
