use std::sync::Arc;

use gambeson_core::{HttpTransport, TransportErrorKind};
use http::Response;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::server::{Handler, full, serve, spawn};
use crate::{builder, get, local};

/// A TLS server for `localhost` whose answers name the HTTP version; its port, and its root in PEM.
pub(crate) async fn start_tls(protocols: &[&str]) -> (u16, String) {
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["localhost".to_owned(), "inner.localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &root)
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
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
    (port, root.pem())
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
