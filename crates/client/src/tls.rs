//! Whom to trust, and the TLS handshake.

use std::sync::Arc;

use gambeson_core::{ConfigError, ConfigProblems, SecretBytes, TransportError, TransportErrorKind};
use rustls::RootCertStore;
use rustls::client::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::TlsConnector;

use crate::io::ByteStream;

/// The field of a client's own certificate.
const OWN: &str = "client.client_certificate_pem";

/// A certificate with those between it and a root, and its key.
pub(crate) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The two handshakes: with a destination (HTTP/2 or 1.1) and with a proxy (1.1 only).
#[derive(Clone)]
pub(crate) struct Tls {
    destination: TlsConnector,
    proxy: TlsConnector,
}

impl Tls {
    pub(crate) fn new(roots: RootCertStore, own: Option<Identity>) -> Result<Self, ConfigError> {
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| {
                let cure = "use a build of aws-lc-rs with TLS 1.2 or 1.3";
                ConfigError::one("client.tls", error.to_string(), cure)
            })?
            .with_root_certificates(roots);
        let mut proxy = config.clone().with_no_client_auth();
        proxy.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut destination = match own {
            None => config.with_no_client_auth(),
            Some((chain, key)) => config.with_client_auth_cert(chain, key).map_err(|error| {
                let cure = "give a certificate and the private key that belongs to it";
                ConfigError::one(OWN, error.to_string(), cure)
            })?,
        };
        destination.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let connector = |config| TlsConnector::from(Arc::new(config));
        Ok(Self { destination: connector(destination), proxy: connector(proxy) })
    }

    /// Shakes hands with the destination; also says whether HTTP/2 was agreed on.
    pub(crate) async fn to_destination(
        &self,
        host: &str,
        stream: Box<dyn ByteStream>,
    ) -> Result<(Box<dyn ByteStream>, bool), TransportError> {
        let stream = self.destination.connect(name(host)?, stream).await.map_err(failed)?;
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((Box::new(stream), h2))
    }

    /// Shakes hands with a proxy.
    pub(crate) async fn to_proxy(
        &self,
        host: &str,
        stream: Box<dyn ByteStream>,
    ) -> Result<Box<dyn ByteStream>, TransportError> {
        let stream = self.proxy.connect(name(host)?, stream).await.map_err(failed)?;
        Ok(Box::new(stream))
    }
}

fn name(host: &str) -> Result<ServerName<'static>, TransportError> {
    ServerName::try_from(host.to_owned())
        .map_err(|error| TransportError::new(TransportErrorKind::Request).with_source(error))
}

fn failed(error: std::io::Error) -> TransportError {
    TransportError::new(TransportErrorKind::Connect).with_source(error)
}

/// The roots to trust: the platform's, if asked for, and those in `extra` (PEM).
pub(crate) fn roots(platform: bool, extra: &[Vec<u8>], problems: &mut ConfigProblems) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let mut unread = String::new();
    if platform {
        let loaded = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(loaded.certs);
        unread = loaded.errors.first().map(ToString::to_string).unwrap_or_default();
    }
    for (index, pem) in extra.iter().enumerate() {
        let field = format!("client.extra_root_certificates_pem[{index}]");
        if let Err(problem) = add_pem(&mut roots, pem) {
            problems.add(field, problem, "give one or more PEM blocks of CERTIFICATE");
        }
    }
    if platform && roots.is_empty() {
        problems.add(
            "client.platform_roots",
            unread,
            "no root certificate was found: install the platform's CA certificates, point SSL_CERT_FILE at a bundle, \
             or give extra_root_certificates_pem",
        );
    }
    roots
}

/// What this client shows of itself. A problem tells nothing of the key.
pub(crate) fn identity(pem: &[u8], key: &SecretBytes, problems: &mut ConfigProblems) -> Option<Identity> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    if chain.is_none() {
        problems.add(OWN, "no certificate that can be read", "give one or more PEM blocks of CERTIFICATE");
    }
    let key = PrivateKeyDer::from_pem_slice(key.expose()).ok();
    if key.is_none() {
        problems.add(OWN, "no key that can be read", "give the key as one PEM block of PRIVATE KEY");
    }
    chain.zip(key)
}

fn add_pem(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), String> {
    let mut found = 0_usize;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("no proper PEM ({error})"))?;
        roots.add(certificate).map_err(|error| format!("no proper certificate ({error})"))?;
        found += 1;
    }
    match found {
        0 => Err("no certificate".to_owned()),
        _ => Ok(()),
    }
}
