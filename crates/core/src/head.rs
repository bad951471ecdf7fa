//! The borrowed view of a request that decisions look at.

use http::{Extensions, HeaderMap, HeaderName, Method, Request, Uri, Version, header};

use crate::RequestFacts;

static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// What a decision may look at: everything of a request but its body.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The request target.
    pub uri: &'a Uri,
    /// The HTTP version.
    pub version: Version,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// What layers left for each other.
    pub extensions: &'a Extensions,
}

impl<'a> RequestHead<'a> {
    /// The facts that layers gathered so far, if one of them ran.
    pub fn facts(&self) -> Option<&'a RequestFacts> {
        self.extensions.get()
    }

    /// Which representation of a refusal the client can use.
    ///
    /// gRPC by its content type (`application/grpc…`); a page for a browser's navigation, which Fetch Metadata
    /// names (`Sec-Fetch-Mode: navigate`) or, for clients without it, an `Accept` that starts with `text/html`.
    pub fn wants(&self) -> Wants {
        // A walk over the few fields of a request is cheaper than a look-up, which digests the name.
        let first = |wanted: &HeaderName| {
            self.headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_bytes())
        };
        if first(&header::CONTENT_TYPE).is_some_and(|text| text.starts_with(b"application/grpc")) {
            return Wants::Grpc;
        }
        let page = match first(&SEC_FETCH_MODE) {
            Some(mode) => mode == b"navigate",
            None => first(&header::ACCEPT).is_some_and(|text| text.starts_with(b"text/html")),
        };
        if page { Wants::Page } else { Wants::Problem }
    }
}

impl<'a, B> From<&'a Request<B>> for RequestHead<'a> {
    fn from(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

impl<'a> From<&'a http::request::Parts> for RequestHead<'a> {
    fn from(parts: &'a http::request::Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            version: parts.version,
            headers: &parts.headers,
            extensions: &parts.extensions,
        }
    }
}

/// Which representation of a refusal a client can use; a matter of comfort, never of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Wants {
    /// Problem details as JSON (RFC 9457).
    #[default]
    Problem,
    /// A small page: a browser navigates.
    Page,
    /// A gRPC status.
    Grpc,
}
