//! What a browser shows, or why it shows nothing.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use url::Url;

/// Where a navigation ended.
#[derive(Debug, Clone)]
pub struct Page {
    pub(crate) url: Url,
    pub(crate) answer: Response<Bytes>,
}

impl Page {
    /// The address, after all redirects.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The status of the last answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.answer.status()
    }

    /// The fields of the last answer.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.answer.headers()
    }

    /// The body as text; what is no UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.answer.body()).into_owned()
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        self.answer.body()
    }
}

/// The browser got no page; the text says where, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserError(pub(crate) String);

impl fmt::Display for BrowserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BrowserError {}
