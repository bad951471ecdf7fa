//! The provider's endpoints, and the exchanges with its token endpoint.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use form_urlencoded::Serializer;
use gambeson_core::{Clock, Monotonic};
use http::{Request, StatusCode, header};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::client::Client;
use crate::keys::{Endpoint, Metadata, describe};

/// How long what the discovery document says is taken for granted, and how long while it can't be had.
const FRESH: Duration = Duration::from_secs(3_600);
const STALE: Duration = Duration::from_secs(86_400);
/// How long a failed discovery is not tried again.
const COOLDOWN: Duration = Duration::from_secs(2);
/// How many exchanges run at once: strangers with made-up codes must not make this app a hose.
const MOST_EXCHANGES: usize = 64;

/// Where a log-in goes.
#[derive(Debug)]
pub(super) struct Endpoints {
    pub(super) authorize: String,
    pub(super) token: String,
    pub(super) end_session: Option<String>,
    /// Whether answers carry `iss` (RFC 9207 §3).
    pub(super) names_itself: bool,
    /// Whether the secret goes into the form: for providers that don't take it as HTTP Basic.
    pub(super) secret_in_form: bool,
    at: Monotonic,
}

/// What the token endpoint gives (RFC 6749 §5.1, OpenID Connect Core 1.0 §3.1.3.3).
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) access_token: String,
    pub(super) id_token: Option<String>,
    pub(super) refresh_token: Option<String>,
    pub(super) expires_in: Option<u64>,
    pub(super) scope: Option<String>,
}

/// Why an exchange gave no tokens, in words for operators.
#[derive(Debug)]
pub(super) enum ProviderError {
    /// The code or refresh token is no good (`invalid_grant`, RFC 6749 §5.2).
    Refused(String),
    /// Says nothing about the grant.
    Unavailable(String),
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(text) | Self::Unavailable(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ProviderError {}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
}

#[derive(Debug)]
pub(super) struct Provider {
    endpoint: Endpoint,
    clock: Arc<dyn Clock>,
    known: ArcSwapOption<Endpoints>,
    /// The last failure; the lock makes one fetch of many.
    asking: Mutex<Option<(Monotonic, String)>>,
    exchanges: AtomicUsize,
}

impl Provider {
    pub(super) fn new(endpoint: Endpoint, clock: Arc<dyn Clock>) -> Self {
        let known = ArcSwapOption::empty();
        Self { endpoint, clock, known, asking: Mutex::default(), exchanges: AtomicUsize::new(0) }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.endpoint.issuer
    }

    /// What is known and fresh.
    pub(super) fn warm(&self) -> Option<Arc<Endpoints>> {
        self.younger_than(FRESH)
    }

    /// What is known, however old.
    pub(super) fn known(&self) -> Option<Arc<Endpoints>> {
        self.known.load_full()
    }

    fn younger_than(&self, age: Duration) -> Option<Arc<Endpoints>> {
        let now = self.clock.monotonic();
        self.known.load_full().filter(|known| now.since(known.at) < age)
    }

    /// What is known, asked for if need be: once for all who want it.
    pub(super) async fn endpoints(&self) -> Result<Arc<Endpoints>, ProviderError> {
        if let Some(known) = self.warm() {
            return Ok(known);
        }
        let mut failed = self.asking.lock().await;
        if let Some(known) = self.warm() {
            return Ok(known);
        }
        let now = self.clock.monotonic();
        let error = match &*failed {
            Some((at, error)) if now.since(*at) < COOLDOWN => error.clone(),
            _ => match self.ask().await {
                Ok(found) => {
                    *failed = None;
                    let found = Arc::new(found);
                    self.known.store(Some(Arc::clone(&found)));
                    return Ok(found);
                }
                Err(error) => {
                    *failed = Some((self.clock.monotonic(), error.clone()));
                    error
                }
            },
        };
        self.younger_than(STALE).ok_or(ProviderError::Unavailable(error))
    }

    async fn ask(&self) -> Result<Endpoints, String> {
        let metadata = self.endpoint.metadata().await.map_err(|error| error.to_string())?;
        self.read(&metadata).map_err(|error| error.to_string())
    }

    fn read(&self, metadata: &Metadata) -> Result<Endpoints, crate::keys::FetchError> {
        let url = |name, url: &Option<String>| self.endpoint.endpoint(name, url.as_deref());
        let listed = |list: &Option<Vec<String>>, name: &str| {
            list.as_ref().is_some_and(|list| list.iter().any(|item| item == name))
        };
        let methods = &metadata.token_endpoint_auth_methods_supported;
        let missing = |name| crate::keys::FetchError::new(format!("{} names no {name}", self.issuer()));
        let authorize = url("authorization_endpoint", &metadata.authorization_endpoint)?;
        let token = url("token_endpoint", &metadata.token_endpoint)?;
        if metadata.code_challenge_methods_supported.is_some()
            && !listed(&metadata.code_challenge_methods_supported, "S256")
        {
            return Err(missing("code_challenge_method S256 (RFC 7636 §4.2)"));
        }
        Ok(Endpoints {
            authorize: authorize.ok_or_else(|| missing("authorization_endpoint"))?,
            token: token.ok_or_else(|| missing("token_endpoint"))?,
            end_session: url("end_session_endpoint", &metadata.end_session_endpoint)?,
            names_itself: metadata.authorization_response_iss_parameter_supported.unwrap_or_default(),
            secret_in_form: listed(methods, "client_secret_post") && !listed(methods, "client_secret_basic"),
            at: self.clock.monotonic(),
        })
    }

    /// Exchanges a grant for tokens (RFC 6749 §4.1.3 and §6).
    pub(super) async fn exchange(
        &self,
        client: &Client,
        form: &[(&str, &str)],
    ) -> Result<Tokens, ProviderError> {
        let endpoints = self.endpoints().await?;
        let _place = Place::take(&self.exchanges)?;
        let request = self.request(client, &endpoints, form).await?;
        let sent = self.endpoint.transport.send(request, self.endpoint.limits()).await;
        let answer = sent.map_err(|error| ProviderError::Unavailable(describe(&endpoints.token, &error)))?;
        match answer.status() {
            StatusCode::OK => serde_json::from_slice(answer.body()).map_err(|error| {
                ProviderError::Unavailable(format!(
                    "{} gave no tokens that can be read: {error}",
                    endpoints.token
                ))
            }),
            status => Err(refusal(&endpoints.token, status, answer.body())),
        }
    }

    async fn request(
        &self,
        client: &Client,
        endpoints: &Endpoints,
        form: &[(&str, &str)],
    ) -> Result<Request<Bytes>, ProviderError> {
        let secret = client.secret().await.map_err(|error| ProviderError::Unavailable(error.to_string()))?;
        let mut request = Request::post(&endpoints.token)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let mut body = Serializer::new(String::new());
        body.extend_pairs(form);
        match secret {
            Some(secret) if endpoints.secret_in_form => {
                body.append_pair("client_id", client.id());
                body.append_pair("client_secret", &String::from_utf8_lossy(secret.expose()));
            }
            Some(secret) => request = request.header(header::AUTHORIZATION, client.basic(&secret)),
            None => {
                body.append_pair("client_id", client.id());
            }
        }
        let request = request.body(Bytes::from(body.finish()));
        request.map_err(|error| ProviderError::Unavailable(error.to_string()))
    }
}

/// Only `invalid_grant` is about the grant; everything else is about this app or the provider.
fn refusal(url: &str, status: StatusCode, body: &[u8]) -> ProviderError {
    let error =
        serde_json::from_slice(body).map_or_else(|_| String::new(), |answer: ErrorAnswer| answer.error);
    let cut: String = error.chars().take(100).collect();
    let text = format!("{url} answered {} {}", status.as_u16(), gambeson_core::escape_controls(&cut));
    match (status.as_u16(), &*error) {
        (400..=499, "invalid_grant") => ProviderError::Refused(text),
        _ => ProviderError::Unavailable(text),
    }
}

/// One of the exchanges that may run at once.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(count: &'a AtomicUsize) -> Result<Self, ProviderError> {
        let place = Self(count);
        match count.fetch_add(1, Ordering::Relaxed) < MOST_EXCHANGES {
            true => Ok(place),
            false => Err(ProviderError::Unavailable(format!("more than {MOST_EXCHANGES} log-ins at once"))),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
