//! What the revocation endpoint answers (RFC 7009 §2.2).

use std::fmt;

use gambeson_core::escape_controls;
use http::StatusCode;
use serde::Deserialize;

/// A token was not revoked. The text is for operators and holds no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationError {
    kind: RevocationErrorKind,
    text: Box<str>,
}

/// The classes of failure that a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RevocationErrorKind {
    /// The provider has no revocation endpoint, or revokes no such tokens (`unsupported_token_type`): they end by themselves.
    Unsupported,
    /// The provider does not take this app's word: its proof, or whose token it is.
    ClientRefused,
    /// The provider can't be asked: try again. The token may work on.
    Unavailable,
}

impl RevocationError {
    fn new(kind: RevocationErrorKind, text: impl Into<Box<str>>) -> Self {
        Self { kind, text: text.into() }
    }

    pub(crate) fn unavailable(text: impl Into<Box<str>>) -> Self {
        Self::new(RevocationErrorKind::Unavailable, text)
    }

    pub(crate) fn no_endpoint(issuer: &str) -> Self {
        Self::new(RevocationErrorKind::Unsupported, format!("{issuer} names no revocation_endpoint"))
    }

    /// What the caller can act on.
    #[must_use]
    pub const fn kind(&self) -> RevocationErrorKind {
        self.kind
    }
}

impl fmt::Display for RevocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for RevocationError {}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
}

/// A token that the provider doesn't know is as good as revoked: also 200.
pub(super) fn revoked(url: &str, status: StatusCode, body: &[u8]) -> Result<(), RevocationError> {
    if status == StatusCode::OK {
        return Ok(());
    }
    let error =
        serde_json::from_slice(body).map_or_else(|_| String::new(), |answer: ErrorAnswer| answer.error);
    let cut: String = error.chars().take(100).collect();
    let kind = match (status.as_u16(), &*error) {
        (400..=499, "unsupported_token_type") => RevocationErrorKind::Unsupported,
        (400..=499, "temporarily_unavailable" | "server_error" | "slow_down" | "") => {
            RevocationErrorKind::Unavailable
        }
        (400..=499, _) => RevocationErrorKind::ClientRefused,
        _ => RevocationErrorKind::Unavailable,
    };
    Err(RevocationError::new(kind, format!("{url} answered {} {}", status.as_u16(), escape_controls(&cut))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_fault_it_is() {
        use RevocationErrorKind::{ClientRefused, Unavailable, Unsupported};
        let of = |status, body: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            revoked("https://id.example/revoke", status, body.as_bytes()).err().map(|error| error.kind())
        };
        assert_eq!(of(200, "<html>"), None);
        assert_eq!(of(400, r#"{"error":"unsupported_token_type"}"#), Some(Unsupported));
        assert_eq!(of(401, r#"{"error":"invalid_client"}"#), Some(ClientRefused));
        for (status, body) in [(204, ""), (302, ""), (404, "<html>"), (503, r#"{"error":"invalid_client"}"#)]
        {
            assert_eq!(of(status, body), Some(Unavailable), "{status}");
        }
    }
}
