//! The certificate of the client: from the connection, or from a declared proxy.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;

use gambeson_core::{PeerInfo, RequestFacts, Timestamp};
use gambeson_hardening_headers::{Connection, PeerLayer, ProxiesConfig, TrustedProxies};
use http::{Request, Response};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tower::{Layer, ServiceExt, service_fn};

const ORDERS: &str = "spiffe://example.org/ns/shop/sa/orders";

struct Authority(CertifiedIssuer<'static, KeyPair>);

struct Leaf {
    der: CertificateDer<'static>,
    pem: String,
    key: PrivatePkcs8KeyDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let mut root = CertificateParams::new(Vec::new()).unwrap();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap())
    }

    fn sign(&self, hosts: &[&str], uris: &[&str]) -> Leaf {
        let mut leaf =
            CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap();
        leaf.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())));
        leaf.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        leaf.not_before = date_time_ymd(2020, 1, 1);
        leaf.not_after = date_time_ymd(2090, 2, 28);
        let key = KeyPair::generate().unwrap();
        let signed = leaf.signed_by(&key, &self.0).unwrap();
        Leaf { der: signed.der().clone(), pem: signed.pem(), key: key.serialize_der().into() }
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }
}

async fn learn(proxies: TrustedProxies, request: Request<()>) -> (PeerInfo, bool) {
    let app = PeerLayer::new(proxies).layer(service_fn(async |request: Request<()>| {
        let seen = request.headers().contains_key("x-forwarded-client-cert");
        let facts = RequestFacts::of(request.extensions()).unwrap();
        Ok::<_, Infallible>(Response::new((facts.peer().unwrap().clone(), seen)))
    }));
    app.oneshot(request).await.unwrap().into_body()
}

fn uris(peer: &PeerInfo) -> Vec<String> {
    peer.certificate.iter().flat_map(|found| found.uris.iter().map(ToString::to_string)).collect()
}

/// The chain that a server got in a handshake that asked for a certificate.
async fn handshake(authority: &Authority, client: &Leaf) -> Result<CertificateDer<'static>, std::io::Error> {
    let server = authority.sign(&["localhost"], &[]);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(authority.roots()), Arc::clone(&provider));
    let accepting = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![server.der.clone()], PrivateKeyDer::from(server.key.clone_key()))
        .unwrap();
    let connecting = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(authority.roots())
        .with_client_auth_cert(vec![client.der.clone()], PrivateKeyDer::from(client.key.clone_key()))
        .unwrap();
    let (here, there) = tokio::io::duplex(64 << 10);
    let connector = TlsConnector::from(Arc::new(connecting));
    let name = ServerName::try_from("localhost").unwrap();
    let (accepted, _connected) =
        tokio::join!(TlsAcceptor::from(Arc::new(accepting)).accept(here), connector.connect(name, there));
    let accepted = accepted?;
    let shown = accepted.get_ref().1.peer_certificates().and_then(<[_]>::first).cloned();
    Ok(shown.unwrap().into_owned())
}

#[tokio::test]
async fn the_certificate_of_a_handshake_becomes_a_fact() {
    let authority = Authority::new();
    let client = authority.sign(&["Orders.internal.example", "*.shop.example"], &[ORDERS]);
    let shown = handshake(&authority, &client).await.unwrap();
    let connection = Connection::new("203.0.113.9:5".parse().unwrap()).client_certificate(&shown).unwrap();
    assert!(connection.tls);
    let (peer, _) =
        learn(TrustedProxies::none(), Request::get("/").extension(connection).body(()).unwrap()).await;
    let certificate = peer.certificate.clone().unwrap();
    assert_eq!(uris(&peer), [ORDERS]);
    assert_eq!(*certificate.dns_names, ["orders.internal.example".into(), "*.shop.example".into()]);
    assert_eq!(certificate.not_after, Some(Timestamp::from_unix_seconds(3_791_923_200)));
    assert_eq!(peer.certificate_sha256, Some(Sha256::digest(&client.der).into()));

    let stranger = Authority::new().sign(&[], &[ORDERS]);
    assert!(handshake(&authority, &stranger).await.is_err(), "another authority's is no certificate here");
    let bare = Connection::new("203.0.113.9:5".parse().unwrap());
    for junk in [&b""[..], b"junk", &client.der[..client.der.len() - 1], &[&client.der[..], b"x"].concat()] {
        assert!(bare.clone().client_certificate(junk).is_err());
    }
}

/// Which send certificates.
fn proxies() -> TrustedProxies {
    TrustedProxies::ranges(["10.0.3.0/24"]).unwrap().client_certificate()
}

/// Which may tell names alone.
fn naming() -> TrustedProxies {
    TrustedProxies::ranges(["10.0.3.0/24"]).unwrap().client_certificate_names()
}

fn from(neighbour: &str, fields: &[&str]) -> Request<()> {
    let mut request = Request::get("/").extension(Connection::new(neighbour.parse().unwrap()));
    for field in fields {
        request = request.header("x-forwarded-client-cert", *field);
    }
    request.header("x-forwarded-for", "198.51.100.7").body(()).unwrap()
}

#[tokio::test]
async fn only_a_declared_proxy_tells_certificates() {
    let told = &[r#"By=spiffe://a/b;Subject="CN=x, y";URI=spiffe://example.org/ns/shop/sa/orders"#][..];
    let (peer, seen) = learn(naming(), from("10.0.3.1:5", told)).await;
    assert_eq!((uris(&peer), seen), (vec![ORDERS.to_owned()], true), "the nearest proxy's client");
    assert_eq!(peer.certificate_sha256, None);

    // A stranger, who chooses the field; a proxy that is not said to write it; proxies that are only counted.
    let undeclared = TrustedProxies::ranges(["10.0.3.0/24"]).unwrap();
    for (proxies, neighbour, kept) in [
        (naming(), "203.0.113.9:5", false),
        (TrustedProxies::none().client_certificate_names(), "203.0.113.9:5", false),
        (TrustedProxies::hops(1).client_certificate_names(), "10.0.3.1:5", false),
        (undeclared, "10.0.3.1:5", true),
    ] {
        let (peer, seen) = learn(proxies, from(neighbour, told)).await;
        assert!(peer.certificate.is_none() && peer.certificate_sha256.is_none(), "{neighbour}");
        assert_eq!(seen, kept, "the app sees no field that a stranger chose");
    }
    let (peer, _) = learn(naming(), from("10.0.3.1:5", &["URI=spiffe://example.org/admin;Admin=1"])).await;
    assert!(peer.certificate.is_none(), "what can't be read says nothing");
    let (peer, _) = learn(proxies(), from("10.0.3.1:5", told)).await;
    assert!(peer.certificate.is_none(), "names without the certificate");

    // The proxy's own certificate is not its client's.
    let own = Authority::new().sign(&[], &["spiffe://example.org/proxy"]);
    let mut request = from("10.0.3.1:5", &[]);
    let connection = Connection::new("10.0.3.1:5".parse().unwrap()).client_certificate(&own.der).unwrap();
    request.extensions_mut().insert(connection);
    let (peer, _) = learn(proxies(), request).await;
    assert!(peer.certificate.is_none() && peer.certificate_sha256.is_none());
}

#[tokio::test]
async fn a_proxy_that_sends_the_certificate_is_held_to_it() {
    let client = Authority::new().sign(&["orders.example"], &[ORDERS]);
    let encoded = client.pem.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    });
    let digest = Sha256::digest(&client.der);
    let hash = digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let whole = format!("Hash={hash};Cert=\"{encoded}\";URI=spiffe://example.org/admin;DNS=admin.example");
    let (peer, _) = learn(proxies(), from("10.0.3.1:5", &[&whole])).await;
    assert_eq!(uris(&peer), [ORDERS], "names are the certificate's");
    assert_eq!(*peer.certificate.unwrap().dns_names, ["orders.example".into()]);
    assert_eq!(peer.certificate_sha256, Some(digest.into()), "tokens can be bound to it (RFC 8705)");
    let (peer, _) = learn(naming(), from("10.0.3.1:5", &[&format!("Hash={hash};URI={ORDERS}")])).await;
    assert_eq!((uris(&peer).len(), peer.certificate_sha256), (1, Some(digest.into())));
    // Envoy does not quote names: a certificate may have one that goes on like another element, or another key.
    let sneaking = format!("Hash={hash};Cert=\"{encoded}\";URI=x://shop");
    for bad in [
        format!("{sneaking},URI=spiffe://example.org/admin"),
        format!("Hash={hash};URI=x://shop,Cert=\"{encoded}\""),
        format!("{sneaking};Cert=\"{encoded}\""),
        format!("Hash={hash};URI=x://shop;URI=spiffe://example.org/admin"),
        format!("Hash={};Cert=\"{encoded}\"", "00".repeat(32)),
        format!("Cert=\"{encoded}{encoded}\";URI={ORDERS}"),
        format!("Cert=\"{}\";URI={ORDERS}", &encoded[..encoded.len() / 2]),
    ] {
        let (peer, _) = learn(proxies(), from("10.0.3.1:5", &[&bad])).await;
        assert!(peer.certificate.is_none() && peer.certificate_sha256.is_none(), "{bad:.80}");
    }
}

#[test]
fn a_configuration_says_which_proxies_tell_certificates() {
    let mut config = ProxiesConfig::default().ranges(["10.0.3.0/24"]);
    config.client_certificate = true;
    assert_eq!(TrustedProxies::from_config(&config).unwrap(), Some(proxies()));
    config.client_certificate_names = true;
    assert_eq!(TrustedProxies::from_config(&config).unwrap(), Some(naming()));
    config.client_certificate = false;
    let error = TrustedProxies::from_config(&config).unwrap_err().to_string();
    assert!(error.contains("proxies.client-certificate-names"), "{error}");
    for mut config in [ProxiesConfig::default().hops(1), ProxiesConfig::default().direct()] {
        config.client_certificate = true;
        let error = TrustedProxies::from_config(&config).unwrap_err().to_string();
        assert!(error.contains("proxies.client-certificate") && error.contains("ranges"), "{error}");
    }
}
