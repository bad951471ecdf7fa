//! Describes a [`ProtectedResource`].

use std::sync::Arc;

use bytes::Bytes;
use gambeson_core::{ConfigError, ConfigProblems, Profile};
use http::Uri;
use serde::Serialize;

use super::{Document, ProtectedResource};
use crate::issuer::acceptable;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Describes a [`ProtectedResource`]; at least one issuer is needed.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct ProtectedResourceBuilder {
    run_in: Profile,
    metadata: Metadata,
}

/// The members of RFC 9728 §2 that are used here, in its order.
#[derive(Debug, Clone, Default, Serialize)]
struct Metadata {
    resource: Box<str>,
    authorization_servers: Vec<Box<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<Box<str>>,
    /// Tokens in forms or queries are not taken (RFC 9700 §4.3.2).
    bearer_methods_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_documentation: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_policy_uri: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_tos_uri: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_client_certificate_bound_access_tokens: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dpop_bound_access_tokens_required: Option<bool>,
}

impl ProtectedResourceBuilder {
    pub(super) fn new(resource: Box<str>) -> Self {
        let metadata = Metadata { resource, bearer_methods_supported: ["header"], ..Metadata::default() };
        Self { run_in: Profile::default(), metadata }
    }

    /// An issuer whose tokens are taken (`authorization_servers`), by its exact name. At least one.
    pub fn issuer(mut self, name: impl Into<Box<str>>) -> Self {
        self.metadata.authorization_servers.push(name.into());
        self
    }

    /// The scopes that clients may want to ask for (`scopes_supported`). Default: not said.
    pub fn scopes<V: Into<Box<str>>>(mut self, scopes: impl IntoIterator<Item = V>) -> Self {
        self.metadata.scopes_supported.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// What people call the resource (`resource_name`).
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.metadata.resource_name = Some(name.into());
        self
    }

    /// A page for developers (`resource_documentation`).
    pub fn documentation(mut self, url: impl Into<Box<str>>) -> Self {
        self.metadata.resource_documentation = Some(url.into());
        self
    }

    /// What clients may do with the data (`resource_policy_uri`).
    pub fn policy(mut self, url: impl Into<Box<str>>) -> Self {
        self.metadata.resource_policy_uri = Some(url.into());
        self
    }

    /// The terms of service (`resource_tos_uri`).
    pub fn terms(mut self, url: impl Into<Box<str>>) -> Self {
        self.metadata.resource_tos_uri = Some(url.into());
        self
    }

    /// Tokens must be bound to a key by DPoP (`dpop_bound_access_tokens_required`, RFC 9449). Say the same to the layer.
    pub fn dpop_required(mut self) -> Self {
        self.metadata.dpop_bound_access_tokens_required = Some(true);
        self
    }

    /// Tokens may be bound to the client's certificate (`tls_client_certificate_bound_access_tokens`, RFC 8705 §3.3).
    pub fn certificate_bound(mut self) -> Self {
        self.metadata.tls_client_certificate_bound_access_tokens = Some(true);
        self
    }

    /// Which shortcuts are allowed: in [`Profile::Development`] resource and issuer may be plain http on loopback. Default
    /// [`Profile::Production`].
    pub fn run_in(self, run_in: Profile) -> Self {
        Self { run_in, ..self }
    }

    /// The resource.
    ///
    /// # Errors
    /// All problems: no issuer, or a URL, scope or name that is none.
    pub fn build(self) -> Result<ProtectedResource, ConfigError> {
        let mut problems = ConfigProblems::new();
        let uri = self.validate(&mut problems);
        let body = serde_json::to_vec(&self.metadata).unwrap_or_default();
        let (url, path) = uri.map(|uri| well_known(&uri)).unwrap_or_default();
        let id = self.metadata.resource;
        let document = Document { id, url: url.into(), path, body: Bytes::from(body) };
        problems.into_result(ProtectedResource(Arc::new(document)))
    }

    fn validate(&self, problems: &mut ConfigProblems) -> Option<Uri> {
        let metadata = &self.metadata;
        let uri = acceptable(&metadata.resource, self.run_in);
        if let Err(cure) = &uri {
            problems.add("resource", &*metadata.resource, *cure);
        }
        if metadata.resource.contains('?') {
            problems.add("resource", &*metadata.resource, "leave out the query");
        }
        if metadata.authorization_servers.is_empty() {
            problems.add("resource.issuer", "", "name the issuer whose tokens are taken");
        }
        let pages =
            [&metadata.resource_documentation, &metadata.resource_policy_uri, &metadata.resource_tos_uri];
        let urls = metadata.authorization_servers.iter().map(|name| ("resource.issuer", name));
        let pages = pages.into_iter().flatten().map(|page| ("resource.page", page));
        for (field, url) in urls.chain(pages) {
            if let Err(cure) = acceptable(url, self.run_in) {
                problems.add(field, &**url, cure);
            }
        }
        for scope in metadata.scopes_supported.iter().filter(|scope| !is_scope(scope)) {
            problems.add(
                "resource.scopes",
                &**scope,
                "one scope each, without spaces and quotes (RFC 6749 §3.3)",
            );
        }
        uri.ok()
    }
}

/// The document's address, and where its path begins: the well-known part stands between host and path (§3.1).
fn well_known(resource: &Uri) -> (String, usize) {
    let scheme = resource.scheme_str().unwrap_or("https");
    let authority = resource.authority().map_or("", |authority| authority.as_str());
    let origin = format!("{scheme}://{authority}");
    let path = match resource.path() {
        "/" => "",
        path => path,
    };
    (format!("{origin}{WELL_KNOWN}{path}"), origin.len())
}

/// `scope-token` of RFC 6749 §3.3.
fn is_scope(scope: &str) -> bool {
    !scope.is_empty() && scope.bytes().all(|byte| matches!(byte, b'!' | b'#'..=b'[' | b']'..=b'~'))
}
