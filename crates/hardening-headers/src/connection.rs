//! What a server knows about the connection that a request came in on.

use std::net::SocketAddr;

/// What the server knows about the connection that a request came in on.
///
/// `serve` puts it into each request's extensions, and [`PeerLayer`](crate::PeerLayer) reads it there. Another server
/// can put it there too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// The other end: the client itself or the nearest proxy.
    pub remote: SocketAddr,
    /// This end, if known.
    pub local: Option<SocketAddr>,
    /// Whether it is TLS, ended here.
    pub tls: bool,
    /// SHA-256 of the client's certificate in DER (`x5t#S256`, RFC 8705 §3.1), when it showed one that was verified.
    pub certificate_sha256: Option<[u8; 32]>,
}

impl Connection {
    /// A plain connection from there; the fields that are known can be set afterwards.
    #[must_use]
    pub const fn new(remote: SocketAddr) -> Self {
        Self { remote, local: None, tls: false, certificate_sha256: None }
    }
}
