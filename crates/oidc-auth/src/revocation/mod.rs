//! Ends tokens at their issuer before their time (RFC 7009).
//!
//! What it ends is the issuer's to say: with a refresh token most end the whole grant. An access token that is a JWT works on
//! at APIs that only verify it; there a [`Denylist`](crate::Denylist) ends it. A [`Login`](crate::Login) revokes by itself the refresh tokens of
//! people who sign out.

mod builder;

use std::fmt;
use std::sync::Arc;

pub use self::builder::RevocationBuilder;
use crate::issuer::Issuer;
use crate::token_endpoint::{ClientAuth, ClientEndpoint, Exchanges, Known, RevocationError};

/// Asks an issuer to end tokens of this app. A clone is one atomic increment.
///
/// ```no_run
/// use gambeson_core::SecretBytes;
/// use gambeson_oidc_auth::{ClientAuth, Issuer, Revocation, TokenHint};
///
/// # async fn end(refresh_token: &str, secret: SecretBytes) -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = Issuer::discover("https://id.example.com");
/// let revocation = Revocation::builder(issuer, ClientAuth::secret("orders", secret)).build()?;
/// revocation.revoke(refresh_token, TokenHint::RefreshToken).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Revocation(Arc<Shared>);

struct Shared {
    client: ClientAuth,
    exchanges: Exchanges,
    known: Known<Option<ClientEndpoint>>,
}

/// Which kind of token it is, so that the issuer finds it at once (RFC 7009 §2.1). A wrong hint does no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenHint {
    /// A refresh token.
    RefreshToken,
    /// An access token.
    AccessToken,
}

impl TokenHint {
    const fn as_str(self) -> &'static str {
        match self {
            Self::RefreshToken => "refresh_token",
            Self::AccessToken => "access_token",
        }
    }
}

impl Revocation {
    /// At this issuer, which must have discovery, as this client.
    pub fn builder(issuer: Issuer, client: ClientAuth) -> RevocationBuilder {
        RevocationBuilder::new(issuer, client)
    }

    /// Ends the token. One that the issuer does not know is as good as ended. Cancel safe: dropped before its answer, the token may
    /// be ended or not.
    ///
    /// # Errors
    /// Why it may work on.
    pub async fn revoke(&self, token: &str, hint: TokenHint) -> Result<(), RevocationError> {
        let Shared { client, exchanges, known } = &*self.0;
        let found = known.get().await.map_err(|error| RevocationError::unavailable(error.to_string()))?;
        let endpoint = known.endpoint();
        let at = Option::as_ref(&found).ok_or_else(|| RevocationError::no_endpoint(&endpoint.issuer))?;
        let form = [("token", token), ("token_type_hint", hint.as_str())];
        exchanges.revoke(endpoint, at, client, &form).await
    }
}

impl fmt::Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocation")
            .field("issuer", &self.0.known.endpoint().issuer)
            .field("client_id", &self.0.client.id())
            .finish_non_exhaustive()
    }
}
