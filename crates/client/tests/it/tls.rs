use std::sync::Arc;

use gambeson_core::{HttpTransport, SecretBytes, TransportErrorKind};
use http::Response;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::server::{Handler, full, serve, spawn};
use crate::{builder, get, local};

type Root = CertifiedIssuer<'static, KeyPair>;

fn new_root() -> Root {
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap()
}

/// A TLS server for `localhost` whose answers name the HTTP version; its port, and its root in PEM.
pub(crate) async fn start_tls(protocols: &[&str]) -> (u16, String) {
    let root = new_root();
    (start_tls_of(&root, None, protocols).await, root.pem())
}

/// A TLS server for `localhost` under this root; clients must show a certificate under the other one.
async fn start_tls_of(root: &Root, clients: Option<&Root>, protocols: &[&str]) -> u16 {
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["localhost".to_owned(), "inner.localhost".to_owned()])
        .unwrap()
        .signed_by(&key, root)
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.der().clone()).unwrap();
            let wanted = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(wanted.build().unwrap())
        }
    };
    let mut config = config
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let handler: Handler = Arc::new(|request| Response::new(full(format!("{:?}", request.version()))));
    spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, handler) = (acceptor.clone(), handler.clone());
            spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, handler).await;
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn who_is_asked_for_a_certificate_shows_its_own() {
    let (root, clients) = (new_root(), new_root());
    let signed_by = |issuer: &Root| {
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["orders".to_owned()]).unwrap().signed_by(&key, issuer).unwrap();
        (own.pem(), SecretBytes::new(key.serialize_pem().into_bytes()))
    };
    for protocols in [&["h2"][..], &["http/1.1"]] {
        let port = start_tls_of(&root, Some(&clients), protocols).await;
        let ask = async |own: Option<(String, SecretBytes)>| {
            let builder = builder().extra_root_certificates_pem(root.pem());
            let builder = match own {
                Some((certificate, key)) => builder.client_certificate_pem(certificate, key),
                None => builder,
            };
            let client = builder.build().unwrap();
            client.send(get(format!("https://localhost:{port}/")), local()).await
        };
        assert_eq!(ask(Some(signed_by(&clients))).await.unwrap().status(), 200);
        assert!(ask(None).await.is_err());
        assert!(ask(Some(signed_by(&root))).await.is_err(), "of somebody else");
    }
}

#[test]
fn a_certificate_and_a_key_must_belong_together_and_no_key_is_told() {
    let root = new_root();
    let key = || KeyPair::generate().unwrap().serialize_pem();
    let hidden = "-----BEGIN PRIVATE KEY-----\nhidden\n-----END PRIVATE KEY-----\n";
    for (certificates, key, problems) in
        [(root.pem(), key(), 1), (root.pem(), hidden.into(), 1), ("none".to_owned(), "none".into(), 2)]
    {
        let builder = builder().client_certificate_pem(certificates, SecretBytes::new(key.into_bytes()));
        assert!(!format!("{builder:?}").contains("PRIVATE"), "{builder:?}");
        let refused = builder.build().unwrap_err();
        assert_eq!(refused.problems().len(), problems, "{refused}");
        assert!(refused.to_string().contains("client.client_certificate_pem"), "{refused}");
        assert!(!refused.to_string().contains("hidden"), "{refused}");
    }
}

#[tokio::test]
async fn a_known_root_is_trusted_over_both_versions() {
    for (protocols, version) in [(&["h2", "http/1.1"][..], "HTTP/2.0"), (&["http/1.1"][..], "HTTP/1.1")] {
        let (port, root) = start_tls(protocols).await;
        let client = builder().extra_root_certificates_pem(root).build().unwrap();
        let answer = client.send(get(format!("https://localhost:{port}/")), local()).await.unwrap();
        assert_eq!(answer.body(), version);
    }
}

#[tokio::test]
async fn an_unknown_root_and_a_wrong_name_are_not() {
    let (port, root) = start_tls(&["h2"]).await;
    let (_, other_root) = start_tls(&["h2"]).await;
    for (root, host) in [(other_root, "localhost"), (root, "127.0.0.1")] {
        let client = builder().extra_root_certificates_pem(root).build().unwrap();
        let failed = client.send(get(format!("https://{host}:{port}/")), local()).await.unwrap_err();
        assert_eq!(failed.kind(), TransportErrorKind::Connect, "{host}");
    }
}

#[test]
fn all_problems_of_a_configuration_are_told() {
    let refused = builder()
        .extra_root_certificates_pem("not a certificate")
        .extra_root_certificates_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .proxy_from_lookup(|name| (name == "HTTPS_PROXY").then(|| "socks5://p:1".to_owned()))
        .build()
        .unwrap_err();
    assert_eq!(refused.problems().len(), 3, "{refused}");
}

/// Set for a copy of this test as a process of its own: environments belong to processes.
const CHILD: &str = "GAMBESON_CLIENT_TEST_URL";

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_the_environment_names_is_trusted() {
    if let Ok(url) = std::env::var(CHILD) {
        let client = gambeson_client::Client::builder().build().unwrap();
        client.send(get(url), local()).await.unwrap();
        return;
    }
    let (port, root) = start_tls(&["h2"]).await;
    let (_, other) = start_tls(&["h2"]).await;
    for (root, trusted) in [(root, true), (other, false)] {
        let bundle = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(bundle.path(), root).unwrap();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["tls::a_bundle_that_the_environment_names_is_trusted", "--exact"]);
        child
            .env(CHILD, format!("https://localhost:{port}/"))
            .env("SSL_CERT_FILE", bundle.path())
            .env_remove("SSL_CERT_DIR");
        let output = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told.contains("running 1 test"), "{told}");
        assert_eq!(output.status.success(), trusted, "{told}");
    }
}
