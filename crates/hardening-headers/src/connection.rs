//! What a server knows about the connection that a request came in on.

use std::net::SocketAddr;
use std::sync::Arc;

use gambeson_core::ClientCertificate;

use crate::certificate::{self, CertificateError};

/// What the server knows about the connection that a request came in on.
///
/// `serve` puts it into each request's extensions, and [`PeerLayer`](crate::PeerLayer) reads it there. Another server
/// can put it there too.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// The other end: the client itself or the nearest proxy.
    pub remote: SocketAddr,
    /// This end, if known.
    pub local: Option<SocketAddr>,
    /// Whether it is TLS, ended here.
    pub tls: bool,
    /// The name that the client asked for in the TLS handshake (SNI, RFC 6066 §3). A claim of the client's, like `Host`.
    pub server_name: Option<Arc<str>>,
    /// SHA-256 of the client's certificate in DER (`x5t#S256`, RFC 8705 §3.1), when it showed one that was verified.
    pub certificate_sha256: Option<[u8; 32]>,
    /// What that certificate says of its owner. See [`Connection::client_certificate`].
    pub certificate: Option<Arc<ClientCertificate>>,
}

impl Connection {
    /// A plain connection from there; the fields that are known can be set afterwards.
    #[must_use]
    pub const fn new(remote: SocketAddr) -> Self {
        Self {
            remote,
            local: None,
            tls: false,
            server_name: None,
            certificate_sha256: None,
            certificate: None,
        }
    }

    /// The connection, over TLS, whose client has shown this certificate, in DER. It is read here, once a connection; the server
    /// has verified it during the handshake.
    ///
    /// # Errors
    /// It is no certificate, longer than 16 KiB, or has more than 64 names of a kind.
    pub fn client_certificate(self, der: &[u8]) -> Result<Self, CertificateError> {
        let (certificate, sha256) = certificate::read(der)?;
        Ok(Self {
            tls: true,
            certificate_sha256: Some(sha256),
            certificate: Some(Arc::new(certificate)),
            ..self
        })
    }
}
