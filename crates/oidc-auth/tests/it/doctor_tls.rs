//! An issuer whose TLS fails: each reason with its cure.

use std::sync::Arc;

use gambeson_client::Client;
use gambeson_core::{Profile, Spawn, TokioSpawn};
use gambeson_oidc_auth::{Doctor, Grade, Issuer, Report};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server on loopback that shakes hands with this certificate and says no more; its port.
async fn server(certificate: CertificateParams, authority: &Authority) -> u16 {
    let key = KeyPair::generate().unwrap();
    let certificate = certificate.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = acceptor.accept(stream).await;
        }
    };
    assert!(TokioSpawn::new().spawn(Box::pin(serving)));
    port
}

async fn examine(port: u16, trusted: &Authority) -> Report {
    let client = Client::builder().extra_root_certificates_pem(trusted.pem()).build().unwrap();
    // What is in the address is no word of the error.
    let issuer = Issuer::discover(format!("https://localhost:{port}/deadline"));
    let doctor = Doctor::new(issuer).run_in(Profile::Development).transport(Arc::new(client));
    doctor.examine().await.unwrap()
}

fn told(report: &Report, check: &str, cure: &str) {
    let bad = report.findings().iter().find(|finding| finding.grade == Grade::Bad).unwrap();
    assert_eq!(bad.check, check, "{report}");
    assert!(bad.cure.as_deref().unwrap().contains(cure), "{cure} is not the cure in {report}");
}

#[tokio::test]
async fn each_fault_of_a_certificate_has_its_cure() {
    let (known, unknown, renewed) = (authority("known"), authority("unknown"), authority("known"));
    let good = || CertificateParams::new(["localhost".to_owned()]).unwrap();
    let (mut ended, mut early) = (good(), good());
    ended.not_after = date_time_ymd(2_020, 1, 1);
    early.not_before = date_time_ymd(4_000, 1, 1);
    let foreign = CertificateParams::new(["other.localhost".to_owned()]).unwrap();
    for (certificate, by, cure) in [
        (ended, &known, "has ended"),
        (early, &known, "has not begun"),
        (foreign, &known, "for other names"),
        (good(), &unknown, "nobody trusted here"),
        (good(), &renewed, "nobody trusted here"),
    ] {
        told(&examine(server(certificate, by).await, &known).await, "tls", cure);
    }
    let silent = examine(server(good(), &known).await, &known).await;
    told(&silent, "discovery", "no connection");
}

#[tokio::test]
async fn what_speaks_no_tls_is_told_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain = async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    };
    assert!(TokioSpawn::new().spawn(Box::pin(plain)));
    told(&examine(port, &authority("known")).await, "tls", "speaks no TLS");
}
