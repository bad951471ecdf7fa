//! One exchange with the token endpoint.

use std::sync::Arc;

use bytes::Bytes;
use form_urlencoded::Serializer;
use gambeson_core::{Clock, Entropy};
use http::{Request, Response, header};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::answer::{ExchangeError, Tokens, read};
use super::client_auth::{ClientAuth, Occasion};
use super::revoked::{RevocationError, revoked};
use crate::keys::{Endpoint, FetchError, Metadata, describe};

/// How many exchanges run at once: whatever comes in must not make this app a hose.
pub(crate) const MOST: usize = 64;

/// An endpoint of the provider where clients prove themselves, as the discovery document has it.
#[derive(Debug)]
pub(crate) struct ClientEndpoint {
    pub(super) url: String,
    /// The one for clients with a certificate (RFC 8705 §5).
    mutual_tls: Option<String>,
    /// Whether the secret goes into the form: for providers that don't take it as HTTP Basic.
    secret_in_form: bool,
}

impl ClientEndpoint {
    /// The token endpoint, which must be there.
    pub(crate) fn token(endpoint: &Endpoint, metadata: &Metadata) -> Result<Self, FetchError> {
        let methods = metadata.token_endpoint_auth_methods_supported.as_deref();
        let alias = metadata.mtls_endpoint_aliases.as_ref().and_then(|all| all.token_endpoint.as_deref());
        Self::read(endpoint, "token_endpoint", metadata.token_endpoint.as_deref(), alias, methods)?
            .ok_or_else(|| FetchError::new(format!("{} names no token_endpoint", endpoint.issuer)))
    }

    /// The revocation endpoint, if there is one. Where nothing is said of how to prove oneself there, it is as at the token endpoint.
    pub(crate) fn revocation(endpoint: &Endpoint, metadata: &Metadata) -> Result<Option<Self>, FetchError> {
        let own = metadata.revocation_endpoint_auth_methods_supported.as_deref();
        let methods = own.or(metadata.token_endpoint_auth_methods_supported.as_deref());
        let aliases = metadata.mtls_endpoint_aliases.as_ref();
        let alias = aliases.and_then(|all| all.revocation_endpoint.as_deref());
        let url = metadata.revocation_endpoint.as_deref();
        Self::read(endpoint, "revocation_endpoint", url, alias, methods)
    }

    fn read(
        endpoint: &Endpoint,
        name: &'static str,
        url: Option<&str>,
        alias: Option<&str>,
        methods: Option<&[String]>,
    ) -> Result<Option<Self>, FetchError> {
        let listed = |name: &str| methods.is_some_and(|list| list.iter().any(|item| item == name));
        let mutual_tls = endpoint.endpoint(name, alias)?;
        Ok(endpoint.endpoint(name, url)?.map(|url| Self {
            url,
            mutual_tls,
            secret_in_form: listed("client_secret_post") && !listed("client_secret_basic"),
        }))
    }

    fn of(&self, client: &ClientAuth) -> &str {
        match &self.mutual_tls {
            Some(url) if client.uses_tls() => url,
            _ => &self.url,
        }
    }
}

/// The exchanges of one part of this app with one provider.
#[derive(Debug)]
pub(crate) struct Exchanges {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    places: Semaphore,
}

impl Exchanges {
    pub(crate) fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy, places: Semaphore::new(MOST) }
    }

    /// Exchanges a grant for tokens (RFC 6749 §4.1.3, §4.4 and §6, RFC 8693 §2). Waits for a place where all are taken: how long, is
    /// the caller's to say.
    pub(crate) async fn exchange(
        &self,
        endpoint: &Endpoint,
        at: &ClientEndpoint,
        client: &ClientAuth,
        form: &[(&str, &str)],
    ) -> Result<Tokens, ExchangeError> {
        self.prepare(endpoint, at, client, form).await?.send(endpoint).await
    }

    /// All of an exchange that may take as long as it likes: the wait for a place, the proof of this client.
    pub(crate) async fn prepare<'e>(
        &'e self,
        endpoint: &Endpoint,
        at: &ClientEndpoint,
        client: &ClientAuth,
        form: &[(&str, &str)],
    ) -> Result<Prepared<'e>, ExchangeError> {
        let place = self.places.acquire().await;
        let place = place.map_err(|error| ExchangeError::Unavailable(error.to_string()))?;
        let url = at.of(client);
        let request = self.request(&endpoint.issuer, url, at.secret_in_form, client, form).await?;
        Ok(Prepared { request, url: url.to_owned(), _place: place })
    }

    /// Asks the provider to end a token (RFC 7009 §2.1). Waits for a place as [`exchange`](Self::exchange) does.
    pub(crate) async fn revoke(
        &self,
        endpoint: &Endpoint,
        at: &ClientEndpoint,
        client: &ClientAuth,
        form: &[(&str, &str)],
    ) -> Result<(), RevocationError> {
        let place = self.places.acquire().await;
        let _place = place.map_err(|error| RevocationError::unavailable(error.to_string()))?;
        let url = at.of(client);
        let request = self.request(&endpoint.issuer, url, at.secret_in_form, client, form).await;
        let request = request.map_err(|error| RevocationError::unavailable(error.to_string()))?;
        let sent = endpoint.transport.send(request, endpoint.limits(url)).await;
        let answer = sent.map_err(|error| RevocationError::unavailable(describe(url, &error)))?;
        revoked(url, answer.status(), answer.body())
    }

    /// Posts a form with this app's credentials to another endpoint of the provider (RFC 7662 §2.1).
    pub(crate) async fn post(
        &self,
        endpoint: &Endpoint,
        url: &str,
        client: &ClientAuth,
        form: &[(&str, &str)],
        max_body: usize,
    ) -> Result<Response<Bytes>, String> {
        let request = self.request(&endpoint.issuer, url, false, client, form).await;
        let request = request.map_err(|error| error.to_string())?;
        let limits = endpoint.limits_of_configured(url).max_body(max_body);
        endpoint.transport.send(request, limits).await.map_err(|error| describe(url, &error))
    }

    async fn request(
        &self,
        issuer: &str,
        url: &str,
        secret_in_form: bool,
        client: &ClientAuth,
        form: &[(&str, &str)],
    ) -> Result<Request<Bytes>, ExchangeError> {
        let on = Occasion { issuer, secret_in_form, now: self.clock.now(), entropy: &*self.entropy };
        let proof = client.prove(on).await.map_err(ExchangeError::Unavailable)?;
        let mut body = Serializer::new(String::new());
        body.extend_pairs(form).extend_pairs(&proof.fields);
        let mut request = Request::post(url)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(authorization) = proof.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(Bytes::from(body.finish()));
        request.map_err(|error| ExchangeError::Unavailable(error.to_string()))
    }
}

/// An exchange that is about to be made, in its place. What it holds is not to be printed.
pub(crate) struct Prepared<'e> {
    request: Request<Bytes>,
    url: String,
    _place: SemaphorePermit<'e>,
}

impl Prepared<'_> {
    /// Makes it, within the endpoint's deadline.
    pub(crate) async fn send(self, endpoint: &Endpoint) -> Result<Tokens, ExchangeError> {
        let sent = endpoint.transport.send(self.request, endpoint.limits(&self.url)).await;
        let answer = sent.map_err(|error| ExchangeError::Unavailable(describe(&self.url, &error)))?;
        read(&self.url, &answer)
    }
}
