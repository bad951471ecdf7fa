//! A secret of this app, or where it is.

use std::fmt;
use std::sync::Arc;

use gambeson_core::{SecretBytes, SecretError, SecretRef, SecretResolver};

/// A secret of this app at a provider: its bytes, or where they are. `Debug` shows no bytes.
///
/// ```
/// use gambeson_core::SecretBytes;
/// use gambeson_oidc_auth::ClientSecret;
///
/// let at_hand = ClientSecret::from(SecretBytes::new(&b"from somewhere safe"[..]));
/// assert!(!format!("{at_hand:?}").contains("safe"));
/// ```
#[derive(Debug, Clone)]
pub struct ClientSecret(Kept);

#[derive(Debug, Clone)]
enum Kept {
    Bytes(SecretBytes),
    /// Asked for at each exchange, so that a rotated secret is taken up.
    From(SecretRef, Arc<dyn SecretResolver>),
}

impl ClientSecret {
    /// Where the secret is. It is asked for at each exchange, so that a rotated one is taken up.
    #[must_use]
    pub fn from_ref(reference: SecretRef, resolver: Arc<dyn SecretResolver>) -> Self {
        Self(Kept::From(reference, resolver))
    }

    pub(crate) async fn read(&self) -> Result<SecretBytes, SecretReadError> {
        match &self.0 {
            Kept::Bytes(bytes) => Ok(bytes.clone()),
            Kept::From(reference, resolver) => match resolver.resolve(reference).await {
                Ok(secret) => Ok(secret),
                Err(error) => Err(SecretReadError(reference.to_string(), error)),
            },
        }
    }

    /// The bytes, when they are at hand.
    pub(crate) fn at_hand(&self) -> Option<&SecretBytes> {
        match &self.0 {
            Kept::Bytes(bytes) => Some(bytes),
            Kept::From(..) => None,
        }
    }
}

impl From<SecretBytes> for ClientSecret {
    fn from(bytes: SecretBytes) -> Self {
        Self(Kept::Bytes(bytes))
    }
}

/// A secret could not be read.
#[derive(Debug)]
pub(crate) struct SecretReadError(String, SecretError);

impl fmt::Display for SecretReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secret {}: {}", self.0, self.1)
    }
}

impl std::error::Error for SecretReadError {}
