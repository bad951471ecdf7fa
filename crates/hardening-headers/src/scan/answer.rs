//! One answer, as a scan sees it.

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{Response, StatusCode};

/// The head and body of one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its fields.
    pub headers: HeaderMap,
    /// Its body; empty when only the fields matter.
    pub body: Bytes,
}

impl Answer {
    /// An answer with these fields and this body.
    #[must_use]
    pub fn new(status: StatusCode, headers: HeaderMap, body: impl Into<Bytes>) -> Self {
        Self { status, headers, body: body.into() }
    }

    /// The lines of a field joined by commas (RFC 9110 §5.3), trimmed; `None` when there is none.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let lines: Vec<String> = self.lines(name).collect();
        (!lines.is_empty()).then(|| lines.join(", ").trim().to_owned())
    }

    /// The lines of a field.
    pub(super) fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        let lines = self.headers.get_all(name).iter();
        lines.map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
    }

    /// Whether browsers show it as a page.
    pub(super) fn is_document(&self) -> bool {
        let kind = self.headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase());
        let kind = kind.unwrap_or_default();
        let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        matches!(kind, b"text/html" | b"application/xhtml+xml")
    }

    /// Whether the Observatory takes it for a page: unlike browsers it knows the types in lower case only.
    pub(super) fn is_graded_as_document(&self) -> bool {
        let kind = self.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        matches!(kind.and_then(|kind| kind.split(';').next()), Some("text/html" | "application/xhtml+xml"))
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub(super) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

impl From<Response<Bytes>> for Answer {
    fn from(response: Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        Self::new(parts.status, parts.headers, body)
    }
}

/// Without a body: the fields alone.
impl From<HeaderMap> for Answer {
    fn from(headers: HeaderMap) -> Self {
        Self::new(StatusCode::OK, headers, Bytes::new())
    }
}
