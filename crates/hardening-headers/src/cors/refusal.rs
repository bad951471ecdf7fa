//! Preflights that are not granted.

use gambeson_core::{Profile, Rejection, RejectionClass, RequestHead, escape_controls};
use http::StatusCode;
use http::header::{self, HeaderName};

use crate::PACKAGE;

/// What a preflight asked for and does not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its origin is not listed.
    Origin,
    /// Its method is not.
    Method,
    /// One of its fields is not.
    Header,
}

impl Refused {
    /// What to say to a developer: what came, and which setting is about it.
    pub(crate) fn explained(self, head: &RequestHead<'_>) -> String {
        let (field, setting): (HeaderName, _) = match self {
            Self::Origin => (header::ORIGIN, "hardening-headers.cors.origins"),
            Self::Method => (header::ACCESS_CONTROL_REQUEST_METHOD, "hardening-headers.cors.methods"),
            Self::Header => (header::ACCESS_CONTROL_REQUEST_HEADERS, "hardening-headers.cors.headers"),
        };
        let value = head.headers.get(&field).map(|value| value.as_bytes()).unwrap_or_default();
        let value = String::from_utf8_lossy(value.get(..value.len().min(200)).unwrap_or_default());
        format!("{field} is {:?}, expected what {setting} lists", escape_controls(&value).to_string())
    }

    /// The refusal. In development it says what a developer needs to know; in production the log does.
    pub(crate) fn rejection(self, explained: String, profile: Profile) -> Rejection {
        let status = StatusCode::FORBIDDEN;
        let refusal = Rejection::new(PACKAGE, RejectionClass::Permission, "cors-preflight", status);
        match profile.is_production() {
            true => refusal.detail("pages of that origin may not send this"),
            false => refusal.detail(explained),
        }
    }
}
