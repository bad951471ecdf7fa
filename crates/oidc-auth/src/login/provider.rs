//! The provider's endpoints, and the exchanges with its token endpoint.

use std::sync::Arc;

use gambeson_core::{Clock, Entropy};

use crate::keys::{Endpoint, FetchError, Metadata};
use crate::token_endpoint::{ClientAuth, ExchangeError, Exchanges, Found, Known, TokenUrl, Tokens};

/// Where a log-in goes.
#[derive(Debug)]
pub(super) struct Endpoints {
    pub(super) authorize: String,
    pub(super) token: TokenUrl,
    pub(super) end_session: Option<String>,
    /// Whether answers carry `iss` (RFC 9207 §3).
    pub(super) names_itself: bool,
}

#[derive(Debug)]
pub(super) struct Provider {
    known: Known<Endpoints>,
    exchanges: Exchanges,
}

impl Provider {
    pub(super) fn new(endpoint: Endpoint, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let known = Known::new(endpoint, read, Arc::clone(&clock));
        Self { known, exchanges: Exchanges::new(clock, entropy) }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.known.endpoint().issuer
    }

    /// What is known and fresh.
    pub(super) fn warm(&self) -> Option<Arc<Found<Endpoints>>> {
        self.known.warm()
    }

    /// What is known, however old.
    pub(super) fn known(&self) -> Option<Arc<Found<Endpoints>>> {
        self.known.known()
    }

    /// What is known, asked for if need be: once for all who want it.
    pub(super) async fn endpoints(&self) -> Result<Arc<Found<Endpoints>>, ExchangeError> {
        self.known.get().await
    }

    /// Exchanges a grant for tokens (RFC 6749 §4.1.3 and §6).
    pub(super) async fn exchange(
        &self,
        client: &ClientAuth,
        form: &[(&str, &str)],
    ) -> Result<Tokens, ExchangeError> {
        let endpoints = self.endpoints().await?;
        self.exchanges.exchange(self.known.endpoint(), &endpoints.token, client, form).await
    }
}

fn read(endpoint: &Endpoint, metadata: &Metadata) -> Result<Endpoints, FetchError> {
    let url = |name, url: &Option<String>| endpoint.endpoint(name, url.as_deref());
    let missing = |name| FetchError::new(format!("{} names no {name}", endpoint.issuer));
    let authorize = url("authorization_endpoint", &metadata.authorization_endpoint)?;
    let token = TokenUrl::read(endpoint, metadata)?;
    let methods = metadata.code_challenge_methods_supported.as_ref();
    if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
        return Err(missing("code_challenge_method S256 (RFC 7636 §4.2)"));
    }
    Ok(Endpoints {
        authorize: authorize.ok_or_else(|| missing("authorization_endpoint"))?,
        token,
        end_session: url("end_session_endpoint", &metadata.end_session_endpoint)?,
        names_itself: metadata.authorization_response_iss_parameter_supported.unwrap_or_default(),
    })
}
