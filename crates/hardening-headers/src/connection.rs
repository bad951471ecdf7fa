//! What a server knows about the connection that a request came in on.

use std::net::SocketAddr;

/// What the server knows about the connection: put into each request's extensions by [`serve`](crate), read by the peer layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// The other end.
    pub remote: SocketAddr,
    /// This end, if known.
    pub local: Option<SocketAddr>,
    /// Whether it is TLS, ended here.
    pub tls: bool,
    /// SHA-256 of the client's certificate in DER, when it showed one that was verified.
    pub certificate_sha256: Option<[u8; 32]>,
}

impl Connection {
    /// A plain connection from there.
    #[must_use]
    pub const fn new(remote: SocketAddr) -> Self {
        Self {
            remote,
            local: None,
            tls: false,
            certificate_sha256: None,
        }
    }
}
