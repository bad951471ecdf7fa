//! The provider's endpoints, and the exchanges with its token endpoint.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{Clock, Entropy, Spawn};
use http::{HeaderValue, Request, Response, header};
use tokio::sync::Semaphore;

use super::finishing::Finishing;
use crate::keys::{Endpoint, FetchError, Metadata, Network, describe};
use crate::shares::Shares;
use crate::token_endpoint::{
    ClientAuth, ClientEndpoint, ExchangeError, Exchanges, Found, Known, MOST, Prepared, RevocationError,
    Tokens,
};

/// How many requests wait for the discovery document, and how many of them are of one network.
const WAITING: (usize, usize) = (512, 32);

/// The largest answer of the userinfo endpoint that is read: as much as an ID token may have.
const MAX_USERINFO: usize = 64 << 10;

/// Where a log-in goes.
#[derive(Debug)]
pub(super) struct Endpoints {
    pub(super) authorize: String,
    pub(super) token: ClientEndpoint,
    pub(super) revocation: Option<ClientEndpoint>,
    pub(super) end_session: Option<String>,
    /// Where it says more of a person, or why that can't be asked. Only who wants it minds.
    pub(super) userinfo: Result<Option<String>, String>,
    /// What it signs ID tokens with (OpenID Connect Discovery 1.0 §3); `None` where it does not say.
    pub(super) id_token_algorithms: Option<Vec<String>>,
    /// Whether answers carry `iss` (RFC 9207 §3).
    pub(super) names_itself: bool,
}

#[derive(Debug)]
pub(super) struct Provider {
    known: Known<Endpoints>,
    waiting: Shares,
    pub(super) finishing: Finishing,
    log_ins: Exchanges,
    refreshes: Exchanges,
    /// For those who ask for userinfo at a refresh; at a log-in they have the place of [`Finishing`].
    pub(super) questions: Semaphore,
}

impl Provider {
    pub(super) fn new(
        endpoint: Endpoint,
        clock: Arc<dyn Clock>,
        spawn: Arc<dyn Spawn>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            known: Known::new(endpoint, read, Arc::clone(&clock), spawn),
            waiting: Shares::new(WAITING.0, WAITING.1),
            finishing: Finishing::new(),
            log_ins: Exchanges::new(Arc::clone(&clock), Arc::clone(&entropy)),
            refreshes: Exchanges::new(clock, entropy),
            questions: Semaphore::new(MOST),
        }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.known.endpoint().issuer
    }

    /// What is known and may be used; what is missing or no longer fresh is asked for behind the caller.
    pub(super) fn warm(&self) -> Option<Arc<Found<Endpoints>>> {
        self.known.warm()
    }

    /// What is known, however old.
    pub(super) fn known(&self) -> Option<Arc<Found<Endpoints>>> {
        self.known.known()
    }

    /// What is known, waited for if need be: not by more than so many requests, and of each network a share.
    pub(super) async fn endpoints(&self, network: Network) -> Result<Arc<Found<Endpoints>>, ExchangeError> {
        if let Some(known) = self.known.warm() {
            return Ok(known);
        }
        let too_many =
            || ExchangeError::Unavailable("too many requests wait for the discovery document".into());
        let _place = self.waiting.enter(network).ok_or_else(too_many)?;
        self.known.get().await
    }

    /// What is known, waited for if need be by who is no stranger.
    pub(super) async fn found(&self) -> Result<Arc<Found<Endpoints>>, ExchangeError> {
        self.known.get().await
    }

    /// Why the endpoints could not be read the last time.
    pub(super) fn last_error(&self) -> Option<String> {
        self.known.last_error()
    }

    /// Exchanges a code for tokens (RFC 6749 §4.1.3), in its turn.
    pub(super) async fn exchange(
        &self,
        endpoints: &Endpoints,
        client: &ClientAuth,
        form: &[(&str, &str)],
    ) -> Result<Tokens, ExchangeError> {
        self.log_ins.exchange(self.known.endpoint(), &endpoints.token, client, form).await
    }

    /// Prepares to exchange a refresh token for others (§6). Whatever strangers do at the log-in, there is a place for it.
    pub(super) async fn prepare_refresh(
        &self,
        client: &ClientAuth,
        form: &[(&str, &str)],
    ) -> Result<Prepared<'_>, ExchangeError> {
        let endpoints = self.found().await?;
        self.refreshes.prepare(self.known.endpoint(), &endpoints.token, client, form).await
    }

    /// Makes the exchange, within [`Provider::deadline`].
    pub(super) async fn refresh(&self, prepared: Prepared<'_>) -> Result<Tokens, ExchangeError> {
        prepared.send(self.known.endpoint()).await
    }

    /// Asks who the access token is of (OpenID Connect Core 1.0 §5.3.1), within [`Provider::deadline`]: the address and its answer.
    pub(super) async fn userinfo<'e>(
        &self,
        endpoints: &'e Endpoints,
        access_token: &str,
    ) -> Result<(&'e str, Response<Bytes>), String> {
        let endpoint = self.known.endpoint();
        let url = match &endpoints.userinfo {
            Ok(Some(url)) => url,
            Ok(None) => return Err(format!("{} names no userinfo_endpoint", endpoint.issuer)),
            Err(why) => return Err(why.clone()),
        };
        let bearer = HeaderValue::try_from(format!("Bearer {access_token}"));
        let mut bearer = bearer.map_err(|_| "the access token can't stand in a header".to_owned())?;
        bearer.set_sensitive(true);
        let request = Request::get(url)
            .header(header::ACCEPT, "application/json")
            .header(header::AUTHORIZATION, bearer)
            .body(Bytes::new())
            .map_err(|error| format!("{url}: {error}"))?;
        let sent = endpoint.transport.send(request, endpoint.limits(url).max_body(MAX_USERINFO)).await;
        sent.map(|answer| (&**url, answer)).map_err(|error| describe(url, &error))
    }

    /// How long one request to the provider takes at most.
    pub(super) fn deadline(&self) -> Duration {
        self.known.endpoint().deadline
    }

    /// Ends a refresh token there, and what hangs on it (RFC 7009 §2.1). A provider that can't is no failure.
    pub(super) async fn revoke(
        &self,
        client: &ClientAuth,
        refresh_token: &str,
    ) -> Result<(), RevocationError> {
        let endpoints =
            self.found().await.map_err(|error| RevocationError::unavailable(error.to_string()))?;
        let Some(revocation) = &endpoints.revocation else { return Ok(()) };
        let form = [("token", refresh_token), ("token_type_hint", "refresh_token")];
        self.refreshes.revoke(self.known.endpoint(), revocation, client, &form).await
    }
}

fn read(endpoint: &Endpoint, metadata: &Metadata) -> Result<Endpoints, FetchError> {
    let url = |name, url: &Option<String>| endpoint.endpoint(name, url.as_deref());
    let missing = |name| FetchError::new(format!("{} names no {name}", endpoint.issuer));
    let authorize = url("authorization_endpoint", &metadata.authorization_endpoint)?;
    let token = ClientEndpoint::token(endpoint, metadata)?;
    let methods = metadata.code_challenge_methods_supported.as_ref();
    if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
        return Err(missing("code_challenge_method S256 (RFC 7636 §4.2)"));
    }
    Ok(Endpoints {
        authorize: authorize.ok_or_else(|| missing("authorization_endpoint"))?,
        token,
        revocation: ClientEndpoint::revocation(endpoint, metadata)?,
        userinfo: url("userinfo_endpoint", &metadata.userinfo_endpoint).map_err(|error| error.to_string()),
        id_token_algorithms: metadata.id_token_signing_alg_values_supported.clone(),
        end_session: url("end_session_endpoint", &metadata.end_session_endpoint)?,
        names_itself: metadata.authorization_response_iss_parameter_supported.unwrap_or_default(),
    })
}
