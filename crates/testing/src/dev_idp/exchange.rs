//! What was asked of the provider, to look at afterwards.

use std::fmt;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Method, StatusCode};

use super::form::Form;

/// A request and the status of its answer.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) status: StatusCode,
    /// The scheme of `Authorization`, in small letters.
    pub(crate) scheme: Option<String>,
    query: Form,
    body: Form,
}

impl Exchange {
    pub(super) fn new(parts: &Parts, body: &Bytes, status: StatusCode) -> Self {
        let credentials = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        Self {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            status,
            scheme: credentials.and_then(|text| text.split(' ').next()).map(str::to_ascii_lowercase),
            query: Form::parse(parts.uri.query().unwrap_or_default().as_bytes()),
            body: Form::parse(body),
        }
    }

    /// A parameter, of the body or else of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.body.get(name).or_else(|| self.in_query(name))
    }

    pub(crate) fn in_query(&self, name: &str) -> Option<&str> {
        self.query.get(name)
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.method, self.path, self.status.as_u16())
    }
}
