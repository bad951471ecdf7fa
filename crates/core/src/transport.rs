//! HTTP requests of the crates themselves, through one seam.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use crate::{BoxError, BoxFuture};

/// Sends one HTTP request and reads the whole answer, within limits. Follows no redirects.
pub trait HttpTransport: Send + Sync + fmt::Debug {
    /// Sends `request`; its URI is absolute.
    fn send(
        &self,
        request: Request<Bytes>,
        limits: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>>;
}

/// How long an exchange may take and how large its answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransportLimits {
    /// From the call to the last byte. Default 5 s.
    pub deadline: Duration,
    /// The largest body that is read, in bytes. Default 1 MiB.
    pub max_body: usize,
    /// Whether addresses of special use (loopback, private, link-local) may be connected to. Default false.
    pub special_use_addresses: bool,
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(5),
            max_body: 1 << 20,
            special_use_addresses: false,
        }
    }
}

impl TransportLimits {
    /// Another deadline.
    #[must_use]
    pub const fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Another largest body, in bytes.
    #[must_use]
    pub const fn max_body(self, max_body: usize) -> Self {
        Self { max_body, ..self }
    }

    /// Allows loopback, private and link-local addresses: for a destination that a person configured as such.
    #[must_use]
    pub const fn allow_special_use_addresses(self, allow: bool) -> Self {
        Self {
            special_use_addresses: allow,
            ..self
        }
    }
}

/// Why an exchange failed.
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    source: Option<BoxError>,
}

/// The classes of failure that a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The request is not one that can be sent (no host, unknown scheme).
    Request,
    /// The address is of special use and was not allowed.
    AddressRefused,
    /// No connection, name or TLS handshake.
    Connect,
    /// The deadline passed.
    Timeout,
    /// The body is larger than allowed.
    TooLarge,
    /// The connection broke or spoke no proper HTTP.
    Protocol,
}

impl TransportError {
    /// An error of this kind.
    #[must_use]
    pub const fn new(kind: TransportErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// With what is behind it.
    #[must_use]
    pub fn with_source(self, source: impl Into<BoxError>) -> Self {
        Self {
            source: Some(source.into()),
            ..self
        }
    }

    /// What the caller can act on.
    #[must_use]
    pub const fn kind(&self) -> TransportErrorKind {
        self.kind
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TransportErrorKind::Request => "request can't be sent",
            TransportErrorKind::AddressRefused => "address of special use refused",
            TransportErrorKind::Connect => "no connection",
            TransportErrorKind::Timeout => "deadline passed",
            TransportErrorKind::TooLarge => "answer larger than allowed",
            TransportErrorKind::Protocol => "connection broke",
        })
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_ref()
            .map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}
