//! HTTP requests of the crates themselves, through one seam.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use crate::BoxFuture;
use crate::word::kinded_error;

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
        Self { deadline: Duration::from_secs(5), max_body: 1 << 20, special_use_addresses: false }
    }
}

impl TransportLimits {
    /// Another deadline.
    pub const fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Another largest body, in bytes.
    pub const fn max_body(self, max_body: usize) -> Self {
        Self { max_body, ..self }
    }

    /// Allows loopback, private and link-local addresses: for a destination that a person configured as such.
    pub const fn allow_special_use_addresses(self, allow: bool) -> Self {
        Self { special_use_addresses: allow, ..self }
    }
}

kinded_error! {
    /// Why an exchange failed.
    pub struct TransportError;
    /// The classes of failure that a caller can act on.
    pub enum TransportErrorKind {
        /// The request is not one that can be sent (no host, unknown scheme).
        Request = "request can't be sent",
        /// The address is of special use and was not allowed.
        AddressRefused = "address of special use refused",
        /// No connection, name or TLS handshake.
        Connect = "no connection",
        /// The deadline passed.
        Timeout = "deadline passed",
        /// The body is larger than allowed.
        TooLarge = "answer larger than allowed",
        /// The connection broke or spoke no proper HTTP.
        Protocol = "connection broke",
    }
}
