//! One connection: TCP, TLS where the address says so, and who this app is to the server.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, RedisError};
use rustls::RootCertStore;
use rustls::client::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::address::Address;

/// Bytes both ways.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Whom to trust: the platform's authorities, and further ones.
#[derive(Clone)]
pub(super) struct Trust(TlsConnector);

impl Trust {
    /// # Errors
    /// A certificate is none, or there is nobody to trust.
    pub(super) fn new(extra: &[Vec<u8>]) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for pem in extra {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| format!("no proper PEM ({error})"))?;
                roots.add(certificate).map_err(|error| format!("no proper certificate ({error})"))?;
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust(…)")
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum ConnectError {
    Network(io::Error),
    Refused(RedisError),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(error) => write!(f, "{error}"),
            Self::Refused(error) => write!(f, "{error}"),
        }
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Network(error)
    }
}

/// Connects and introduces itself; also the future that moves the bytes, which has to be run.
pub(super) async fn connect(
    address: &Address,
    trust: &Trust,
) -> Result<(MultiplexedConnection, impl Future<Output = ()> + Send + 'static), ConnectError> {
    let stream = open(address, trust).await?;
    // Deadlines are the link's, by its own timer.
    let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
    MultiplexedConnection::new_with_config(&address.login, stream, config)
        .await
        .map_err(ConnectError::Refused)
}

async fn open(address: &Address, trust: &Trust) -> Result<Box<dyn Stream>, io::Error> {
    let tcp = TcpStream::connect((address.host.as_str(), address.port)).await?;
    tcp.set_nodelay(true)?;
    if !address.is_tls {
        return Ok(Box::new(tcp));
    }
    let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
    Ok(Box::new(trust.0.connect(name, tcp).await?))
}
