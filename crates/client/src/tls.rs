//! Whom to trust, and the TLS handshake.

use std::sync::Arc;

use gambeson_core::{ConfigProblems, TransportError, TransportErrorKind};
use rustls::RootCertStore;
use rustls::client::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio_rustls::TlsConnector;

use crate::io::ByteStream;

/// The two handshakes: with a destination (HTTP/2 or 1.1) and with a proxy (1.1 only).
#[derive(Clone)]
pub(crate) struct Tls {
    destination: TlsConnector,
    proxy: TlsConnector,
}

impl Tls {
    pub(crate) fn new(roots: RootCertStore) -> Result<Self, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let proxy = TlsConnector::from(Arc::new(config.clone()));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { destination: TlsConnector::from(Arc::new(config)), proxy })
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
    if platform {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
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
            "",
            "no root certificate was found: install the platform's CA certificates, point SSL_CERT_FILE at a bundle, \
             or give extra_root_certificates_pem",
        );
    }
    roots
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
