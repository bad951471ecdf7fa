//! Certificates for tests, and clients that show and verify them.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The name of the server.
pub(super) const HOST: &str = "localhost";

/// The name of the client.
pub(super) const ORDERS: &str = "spiffe://example.org/orders";

pub(super) const REQUEST: &str = "GET /tls HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub(super) struct Leaf {
    pub(super) chain: String,
    pub(super) key: String,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut root = CertificateParams::new(Vec::new()).unwrap();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL takes a certificate for its own authority if both have one name.
        root.distinguished_name.push(DnType::CommonName, "an authority");
        Self(CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap())
    }

    /// One below this, which clients don't trust by itself.
    pub(super) fn intermediate(&self) -> Self {
        let mut below = CertificateParams::new(Vec::new()).unwrap();
        below.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        below.distinguished_name.push(DnType::CommonName, "an intermediate authority");
        Self(CertifiedIssuer::signed_by(below, KeyPair::generate().unwrap(), &self.0).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Valid in the tests' year, 2027.
    pub(super) fn server(&self) -> Leaf {
        self.leaf(ExtendedKeyUsagePurpose::ServerAuth, 2020..2040)
    }

    pub(super) fn client(&self) -> Leaf {
        self.leaf(ExtendedKeyUsagePurpose::ClientAuth, 2020..2040)
    }

    pub(super) fn leaf(&self, purpose: ExtendedKeyUsagePurpose, years: std::ops::Range<i32>) -> Leaf {
        let mut leaf = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
        leaf.subject_alt_names.push(SanType::URI(ORDERS.try_into().unwrap()));
        leaf.extended_key_usages = vec![purpose];
        leaf.not_before = date_time_ymd(years.start, 1, 1);
        leaf.not_after = date_time_ymd(years.end, 1, 1);
        let key = KeyPair::generate().unwrap();
        let signed = leaf.signed_by(&key, &self.0).unwrap();
        Leaf { chain: signed.pem(), key: key.serialize_pem() }
    }

    /// A client that trusts this authority.
    pub(super) fn trusting(&self, shown: Option<&Leaf>, protocols: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match shown {
            None => builder.with_no_client_auth(),
            Some(leaf) => {
                let chain =
                    CertificateDer::pem_slice_iter(leaf.chain.as_bytes()).map(Result::unwrap).collect();
                let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).unwrap();
                let key = provider.key_provider.load_private_key(key).unwrap();
                // Not compared: a client that has stolen a certificate has another key.
                let shown = SingleCertAndKey::from(CertifiedKey::new(chain, key));
                builder.with_client_cert_resolver(Arc::new(shown))
            }
        };
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

/// A TLS connection to there.
pub(super) async fn tls(
    address: std::net::SocketAddr,
    config: &Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    tls_over(TcpStream::connect(address).await?, config).await
}

/// TLS over a connection that is there already.
pub(super) async fn tls_over(
    stream: TcpStream,
    config: &Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    TlsConnector::from(Arc::clone(config)).connect(ServerName::try_from(HOST).unwrap(), stream).await
}

/// What `/tls` answers.
pub(super) async fn ask(
    address: std::net::SocketAddr,
    config: &Arc<ClientConfig>,
) -> std::io::Result<String> {
    exchange(&mut tls(address, config).await?).await
}

pub(super) async fn exchange(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    stream.write_all(REQUEST.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// The certificate that the server has shown.
pub(super) fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let session: &ClientConnection = stream.get_ref().1;
    session.peer_certificates().unwrap()[0].clone()
}

/// The first certificate of a chain.
pub(super) fn first(leaf: &Leaf) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(leaf.chain.as_bytes()).unwrap()
}
