//! Asks the issuer for its discovery document and its keys.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{HttpTransport, Profile, TransportLimits};
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use serde::Deserialize;

use super::freshness::{age, freshness};
use super::set::KeySet;
use crate::http_date::clock_of;
use crate::issuer::{Inside, Issuer, KeySource, acceptable};
use crate::token_file::read_token;

/// The largest document that is read. Real key sets have a few kilobytes.
const MAX_DOCUMENT: usize = 256 << 10;

/// Where an issuer is asked, and under which rules.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) issuer: Arc<str>,
    pub(crate) metadata: Option<String>,
    /// Where the keys are, whatever the document says.
    keys_at: Option<String>,
    inside: Inside,
    pub(crate) profile: Profile,
    pub(crate) transport: Arc<dyn HttpTransport>,
    pub(crate) deadline: Duration,
    /// The token that is shown to the configured origin, if any.
    credentials_file: Option<Arc<Path>>,
}

/// What a fetch of keys brought.
pub(super) enum Fetched {
    /// The set that is there already, for so long.
    Same(Duration),
    /// Another set, its validator, and for how long it is fresh.
    New(KeySet, Option<HeaderValue>, Duration),
}

/// What the issuer, or a cache before it, said of its keys.
pub(super) struct Told {
    pub(super) fetched: Fetched,
    /// The issuer's clock, if it says.
    pub(super) clock: Option<i64>,
    /// For how long a cache has had the set.
    pub(super) age: Duration,
}

/// Why keys could not be had, in words for operators.
#[derive(Debug)]
pub(crate) struct FetchError(String);

impl FetchError {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The members of a discovery document that matter here (OpenID Connect Discovery 1.0 §3, RFC 8414 §2).
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    issuer: String,
    jwks_uri: String,
    #[serde(default)]
    gambeson_dev_idp: bool,
    pub(crate) authorization_endpoint: Option<String>,
    pub(crate) token_endpoint: Option<String>,
    pub(crate) end_session_endpoint: Option<String>,
    pub(crate) userinfo_endpoint: Option<String>,
    pub(crate) token_endpoint_auth_methods_supported: Option<Vec<String>>,
    pub(crate) revocation_endpoint: Option<String>,
    pub(crate) revocation_endpoint_auth_methods_supported: Option<Vec<String>>,
    pub(crate) mtls_endpoint_aliases: Option<Aliases>,
    pub(crate) code_challenge_methods_supported: Option<Vec<String>>,
    pub(crate) id_token_signing_alg_values_supported: Option<Vec<String>>,
    pub(crate) authorization_response_iss_parameter_supported: Option<bool>,
}

/// The endpoints for clients with a certificate (RFC 8705 §5).
#[derive(Debug, Deserialize)]
pub(crate) struct Aliases {
    pub(crate) token_endpoint: Option<String>,
    pub(crate) revocation_endpoint: Option<String>,
}

impl Endpoint {
    pub(crate) fn new(
        issuer: &Issuer,
        profile: Profile,
        transport: Arc<dyn HttpTransport>,
        deadline: Duration,
    ) -> Self {
        let (metadata, keys_at) = match &issuer.source {
            KeySource::Discovery { metadata, keys } => (metadata.clone(), keys.clone()),
            KeySource::Static { .. } => (None, None),
        };
        Self {
            issuer: Arc::clone(&issuer.name),
            metadata,
            keys_at,
            inside: issuer.inside(),
            profile,
            transport,
            deadline,
            credentials_file: issuer.credentials_file.clone(),
        }
    }

    /// Where the keys are, whatever the discovery document says; `None` where it decides.
    pub(crate) fn keys_at(&self) -> Option<&str> {
        self.keys_at.as_deref()
    }

    /// Where the keys are, as the checked discovery document says.
    pub(super) async fn discover(&self) -> Result<String, FetchError> {
        self.metadata().await.map(|metadata| metadata.jwks_uri)
    }

    /// The checked discovery document.
    pub(crate) async fn metadata(&self) -> Result<Metadata, FetchError> {
        let mut missing = String::new();
        for url in self.documents() {
            let answer = self.get(&url, None).await?;
            if answer.status() == StatusCode::OK {
                return self.read_metadata(&url, answer.body());
            }
            if !missing.is_empty() {
                missing.push_str(", ");
            }
            missing.push_str(&answered(&url, &answer));
        }
        Err(FetchError(format!("no discovery document: {missing}")))
    }

    /// The places of the document: the configured one, else OpenID's and RFC 8414's.
    pub(crate) fn documents(&self) -> Vec<String> {
        if let Some(url) = &self.metadata {
            return vec![url.clone()];
        }
        let base = self.issuer.trim_end_matches('/');
        let (origin, path) = split_path(base);
        vec![
            format!("{base}/.well-known/openid-configuration"),
            format!("{origin}/.well-known/oauth-authorization-server{path}"),
        ]
    }

    fn read_metadata(&self, url: &str, body: &[u8]) -> Result<Metadata, FetchError> {
        let mut metadata: Metadata = serde_json::from_slice(body)
            .map_err(|error| unreadable("discovery document", url, body, &error))?;
        self.check_echo(&metadata.issuer)?;
        if metadata.gambeson_dev_idp && self.profile.is_production() {
            return Err(FetchError(format!(
                "{url} is a development identity provider, which production refuses: configure the real issuer"
            )));
        }
        if let Some(url) = &self.keys_at {
            metadata.jwks_uri.clone_from(url);
        }
        self.check_url(is_https(url), "jwks_uri", &metadata.jwks_uri)?;
        Ok(metadata)
    }

    /// What an https issuer names is on https too.
    fn check_url(&self, https: bool, name: &str, url: &str) -> Result<(), FetchError> {
        let issuer = &self.issuer;
        match acceptable(url, self.profile) {
            Ok(uri) if https && uri.scheme_str() != Some("https") => Err(FetchError(format!(
                "{name} {url:?} of {issuer}: what an https issuer names comes over https"
            ))),
            Ok(_) => Ok(()),
            Err(cure) => Err(FetchError(format!("{name} {url:?} of {issuer}: {cure}"))),
        }
    }

    /// The document must name exactly the configured issuer (OpenID Connect Discovery 1.0 §4.3, RFC 8414 §3.3).
    fn check_echo(&self, echo: &str) -> Result<(), FetchError> {
        let wanted = &*self.issuer;
        if echo == wanted {
            return Ok(());
        }
        let cure = if echo.trim_end_matches('/') == wanted.trim_end_matches('/') {
            "they differ in a trailing slash only: configure the issuer exactly as its document writes it"
        } else {
            "configure the issuer as its document writes it, and a separate address of the document as metadata_url"
        };
        Err(FetchError(format!("the document names issuer {echo:?}, configured is {wanted:?}: {cure}")))
    }

    /// The keys, if they are others than those with this validator.
    /// Those that somebody waits for are to come from the issuer itself, past every cache (RFC 9111 §5.2.1.4).
    pub(super) async fn keys(
        &self,
        url: &str,
        etag: Option<&HeaderValue>,
        wanted: bool,
    ) -> Result<Told, FetchError> {
        let answer = self.get_past(wanted, url, etag).await?;
        let (fresh, age) = (freshness(answer.headers()), age(answer.headers()));
        let told = |fetched| Told { fetched, clock: clock_of(answer.headers()), age };
        match answer.status() {
            StatusCode::NOT_MODIFIED if etag.is_some() => Ok(told(Fetched::Same(fresh))),
            StatusCode::OK => {
                let set = KeySet::parse(answer.body())
                    .map_err(|error| unreadable("key set", url, answer.body(), &error))?;
                Ok(told(Fetched::New(set, answer.headers().get(header::ETAG).cloned(), fresh)))
            }
            _ => Err(FetchError(answered(url, &answer))),
        }
    }

    /// An endpoint of the document, checked as its keys are.
    pub(crate) fn endpoint(&self, name: &str, url: Option<&str>) -> Result<Option<String>, FetchError> {
        let Some(url) = url else { return Ok(None) };
        self.check_url(is_https(&self.issuer), name, url)?;
        Ok(Some(url.to_owned()))
    }

    /// The token for the configured origins. A document may name another address for the keys: that gets none.
    fn credentials_for(&self, url: &str) -> Result<Option<HeaderValue>, FetchError> {
        let configured = [Some(self.metadata.as_deref().unwrap_or(&self.issuer)), self.keys_at.as_deref()];
        let known = configured.into_iter().flatten().any(|configured| same_origin(url, configured));
        let Some(file) = self.credentials_file.as_deref().filter(|_| known) else {
            return Ok(None);
        };
        let token = read_token(file).map_err(FetchError)?;
        let mut value =
            HeaderValue::try_from(format!("Bearer {token}"))
                .ok()
                .filter(|_| !token.is_empty())
                .ok_or_else(|| FetchError(format!("{}: what it holds is no token", file.display())))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Limits of one exchange with the issuer, at an address that its document may have named.
    pub(crate) fn limits(&self, url: &str) -> TransportLimits {
        self.limits_inside(self.inside.allows(url))
    }

    /// Limits of one exchange at an address that is configured beside the issuer's.
    pub(crate) fn limits_of_configured(&self, url: &str) -> TransportLimits {
        self.limits_inside(self.inside.allows(url) || self.inside.allows_configured(url))
    }

    fn limits_inside(&self, special_use: bool) -> TransportLimits {
        TransportLimits::default()
            .deadline(self.deadline)
            .max_body(MAX_DOCUMENT)
            .allow_special_use_addresses(special_use)
    }

    /// One request; what is behind an error is in its words.
    pub(crate) async fn get(
        &self,
        url: &str,
        etag: Option<&HeaderValue>,
    ) -> Result<Response<Bytes>, FetchError> {
        self.get_past(false, url, etag).await
    }

    async fn get_past(
        &self,
        caches: bool,
        url: &str,
        etag: Option<&HeaderValue>,
    ) -> Result<Response<Bytes>, FetchError> {
        let mut request = Request::get(url).header(header::ACCEPT, "application/json");
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        if caches {
            request = request.header(header::CACHE_CONTROL, "no-cache");
        }
        if let Some(token) = self.credentials_for(url)? {
            request = request.header(header::AUTHORIZATION, token);
        }
        let request = request.body(Bytes::new()).map_err(|error| FetchError(format!("{url}: {error}")))?;
        let sent = self.transport.send(request, self.limits(url));
        sent.await.map_err(|error| FetchError(describe(url, &error)))
    }
}

/// Whether both go to the same scheme, host and port (RFC 6454).
fn same_origin(one: &str, other: &str) -> bool {
    let origin = |url: &str| {
        let uri: Uri = url.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let port = uri.port_u16().or((scheme == "https").then_some(443)).or((scheme == "http").then_some(80));
        Some((scheme, uri.host()?.to_ascii_lowercase(), port?))
    };
    origin(one).is_some_and(|one| Some(one) == origin(other))
}

/// A status that is no document. Redirects are not followed: where keys come from is configuration.
fn answered(url: &str, answer: &Response<Bytes>) -> String {
    let status = answer.status();
    match redirected(url, answer) {
        Some(text) => text,
        None if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            let cure = "whoever asks must be known there, see Issuer::credentials_file";
            format!("{url} answered {}: {cure}", status.as_u16())
        }
        None => format!("{url} answered {}", status.as_u16()),
    }
}

/// Where a redirect leads, which nobody follows.
pub(crate) fn redirected(url: &str, answer: &Response<Bytes>) -> Option<String> {
    let status = answer.status();
    let to = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
    let to: String = to.filter(|_| status.is_redirection())?.chars().take(200).collect();
    let cure = "redirects are not followed, configure the address that the issuer has now";
    Some(format!("{url} answered {}, to {to:?}: {cure}", status.as_u16()))
}

/// Whether what came in place of JSON is a page.
pub(crate) fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

fn unreadable(what: &str, url: &str, body: &[u8], error: &serde_json::Error) -> FetchError {
    let cure = match is_page(body) {
        true => {
            ": it is a page for people; is the issuer's name complete, or does a proxy answer in its place?"
        }
        false => "",
    };
    FetchError(format!("{what} {url} can't be read: {error}{cure}"))
}

/// The error with what is behind it: "no connection" alone helps nobody.
pub(crate) fn describe(url: &str, error: &dyn std::error::Error) -> String {
    let mut text = format!("{url}: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

fn is_https(url: &str) -> bool {
    url.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
}

/// Scheme and authority, and the path with its slash.
fn split_path(url: &str) -> (&str, &str) {
    let start = url.find("://").map_or(0, |at| at + 3);
    let slash = url.get(start..).and_then(|rest| rest.find('/'));
    slash.and_then(|at| url.split_at_checked(start + at)).unwrap_or((url, ""))
}
