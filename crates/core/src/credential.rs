//! Short-lived credentials that somebody else keeps fresh.

use std::fmt;

use http::HeaderValue;

use crate::word::kinded_error;
use crate::{Answer, Timestamp};

/// A credential for an outgoing request, as the value of its `Authorization` field; marked sensitive, so that
/// `Debug` does not show it.
#[derive(Debug, Clone)]
pub struct Credential {
    authorization: HeaderValue,
    expires_at: Option<Timestamp>,
}

impl Credential {
    /// A credential that ends at `expires_at`; `None`: its end is unknown.
    pub fn new(mut authorization: HeaderValue, expires_at: Option<Timestamp>) -> Self {
        authorization.set_sensitive(true);
        Self { authorization, expires_at }
    }

    /// The value of the `Authorization` field.
    pub fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }

    /// When it ends.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }
}

/// Gives a credential that is good now, and refreshes it by itself.
pub trait CredentialSource: Send + Sync + fmt::Debug {
    /// The credential to use now.
    fn credential(&self) -> Answer<Result<Credential, CredentialError>>;

    /// The other side refused the credential: get another one, once for all who report it.
    fn report_rejected(&self, rejected: &Credential);
}

kinded_error! {
    /// No credential could be had.
    pub struct CredentialError;
    /// The classes of failure that a caller can act on.
    pub enum CredentialErrorKind {
        /// The issuer refused: trying again won't help.
        Refused = "credential refused by its issuer",
        /// The issuer can't be reached: try again later.
        Unavailable = "credential issuer unavailable",
    }
}
