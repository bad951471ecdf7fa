//! Core's traits, so that other crates take secrets without knowing this one.

use gambeson_core::{
    Answer, BoxFuture, Credential, CredentialError, CredentialErrorKind, CredentialSource, SecretBytes,
    SecretError, SecretRef, SecretResolver,
};
use http::HeaderValue;

use crate::SecretString;
use crate::error::ReadError;
use crate::header::bearer;
use crate::registry::Secrets;
use crate::secret::Secret;
use crate::wiped::same;

/// The value as it is now; asked for again, it is the one of then.
impl SecretResolver for Secrets {
    fn resolve(&self, reference: &SecretRef) -> BoxFuture<Result<SecretBytes, SecretError>> {
        let (secrets, reference) = (self.clone(), reference.clone());
        Box::pin(async move { secrets.bytes(&reference).await.map_err(SecretError::from) })
    }
}

/// A live secret as a bearer token (RFC 6750 §2.1), for whatever asks core's [`CredentialSource`] for one.
///
/// Made by [`Secret::into_bearer`]. It answers at once, and refuses a value that is too old.
#[derive(Debug, Clone)]
pub struct BearerSecret(Secret<HeaderValue>);

impl Secret<SecretString> {
    /// This secret as a bearer token.
    ///
    /// # Errors
    /// The value can't stand in a header field.
    pub fn into_bearer(self) -> Result<BearerSecret, ReadError> {
        self.derive(bearer).map(BearerSecret)
    }
}

impl CredentialSource for BearerSecret {
    fn credential(&self) -> Answer<Result<Credential, CredentialError>> {
        Answer::Ready(match self.0.usable() {
            Ok(value) => Ok(Credential::new(value.clone(), None)),
            Err(error) => Err(CredentialError::new(CredentialErrorKind::Unavailable).with_source(error)),
        })
    }

    fn report_rejected(&self, rejected: &Credential) {
        let current = self.0.load();
        if same(current.as_bytes(), rejected.authorization().as_bytes()) {
            self.0.report_rejected_version(current.version());
        }
    }
}
