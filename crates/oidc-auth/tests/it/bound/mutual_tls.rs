//! npm `oidc-provider` behind TLS: tokens for clients that show a certificate, and bound to it (RFC 8705).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use gambeson_client::{Client, ClientBuilder};
use gambeson_core::{
    BoxFuture, CredentialSource, Profile, SecretBytes, SecretError, SecretRef, SecretResolver,
};
use gambeson_oidc_auth::outgoing::TokenSource;
use gambeson_oidc_auth::{AuthLayer, ClientAuth, Config, Issuer, Verifier};
use gambeson_testing::eventually;
use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::sender::{challenges, request, send, with_peer};
use crate::login::real_provider::RealProvider;
use crate::outgoing::api::{API, Api, REFUSED, UNAVAILABLE, to_api};

/// A certificate and its key.
struct Own {
    certificate: Certificate,
    key: KeyPair,
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // A leaf of its own issuer's name would pass for one that signed itself.
    params.distinguished_name.push(DnType::CommonName, "authority");
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

impl Own {
    fn signed_by(authority: &Authority, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        Self { certificate: params.signed_by(&key, authority).unwrap(), key }
    }

    fn self_signed(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        Self { certificate: params.self_signed(&key).unwrap(), key }
    }

    /// What the server of a connection knows it by.
    fn sha256(&self) -> [u8; 32] {
        digest(&SHA256, self.certificate.der()).as_ref().try_into().unwrap()
    }
}

/// The provider, who signs certificates, and the API that its tokens are for.
struct Room {
    provider: RealProvider,
    authority: Authority,
    registered: Own,
    layer: AuthLayer,
}

impl Room {
    fn new() -> Self {
        let authority = authority();
        let (server, registered) = (Own::signed_by(&authority, "localhost"), Own::self_signed("orders"));
        let variables = [
            ("TLS_CERT", server.certificate.pem()),
            ("TLS_KEY", server.key.serialize_pem()),
            ("TLS_CLIENT_CA", authority.pem()),
            ("SELF_SIGNED", registered.certificate.pem()),
        ];
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let provider = RealProvider::start_with(&variables);
        let verifier = Verifier::builder(Issuer::discover(provider.issuer.as_str()))
            .audience("hardened-notes")
            .transport(Arc::new(trusting(&authority).build().unwrap()))
            .run_in(Profile::Development);
        let layer = AuthLayer::required(verifier.build().unwrap());
        Self { provider, authority, registered, layer }
    }

    /// Tokens for this client, which shows this certificate.
    fn source(&self, client: &str, own: Option<&Own>) -> TokenSource {
        let http = match own {
            None => trusting(&self.authority),
            Some(Own { certificate, key }) => trusting(&self.authority).client_certificate_pem(
                certificate.pem(),
                SecretBytes::new(key.serialize_pem().into_bytes()),
            ),
        };
        let issuer = Issuer::discover(self.provider.issuer.as_str());
        TokenSource::client_credentials(issuer, ClientAuth::tls(client))
            .transport(Arc::new(http.build().unwrap()))
            .run_in(Profile::Development)
            .build()
            .unwrap()
    }
}

/// An HTTP client that knows this authority only.
fn trusting(authority: &Authority) -> ClientBuilder {
    Client::builder().platform_roots(false).extra_root_certificates_pem(authority.pem())
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn tokens_that_were_got_with_a_certificate_work_with_it_only() {
    let room = Room::new();
    assert!(room.provider.issuer.starts_with("https://"));
    let signed = Own::signed_by(&room.authority, "orders.example");
    for (client, own, other) in
        [("service-tls", &signed, &room.registered), ("service-own-tls", &room.registered, &signed)]
    {
        let credential = room.source(client, Some(own)).credential().wait().await;
        let credential = credential.unwrap_or_else(|error| panic!("{client}: {error:?}"));
        let bearer = credential.authorization().to_str().unwrap();
        let ask = |certificate: Option<[u8; 32]>| {
            let request = with_peer(request(bearer, &[]), |peer| peer.certificate_sha256 = certificate);
            send(&room.layer, request)
        };
        // The second round finds the token remembered.
        for _ in 0..2 {
            assert_eq!(ask(Some(own.sha256())).await.body(), client);
            for wrong in [None, Some(other.sha256())] {
                let answer = ask(wrong).await;
                assert_eq!(answer.status(), 401, "{client}");
                assert_eq!(challenges(&answer), [r#"Bearer error="invalid_token""#]);
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn no_certificate_or_another_one_gets_no_token() {
    let room = Room::new();
    let signed = Own::signed_by(&room.authority, "orders.example");
    let another_name = Own::signed_by(&room.authority, "other.example");
    let stranger = Own::signed_by(&authority(), "orders.example");
    for (client, own) in [
        ("service-tls", None),
        ("service-tls", Some(&another_name)),
        ("service-tls", Some(&room.registered)),
        ("service-own-tls", None),
        ("service-own-tls", Some(&signed)),
        ("service-own-tls", Some(&Own::self_signed("orders"))),
        ("alice", Some(&signed)),
    ] {
        let (source, api) = (room.source(client, own), Api::default());
        assert_eq!(api.get(&to_api(&source)).await, REFUSED, "{client}");
        assert!(api.seen().is_empty());
    }
    // Of a name that the provider knows, by another key: it breaks the connection instead of answering.
    let (source, api) = (room.source("service-tls", Some(&stranger)), Api::default());
    let answer = api.get(&to_api(&source)).await;
    assert!([REFUSED, UNAVAILABLE].contains(&answer), "{answer:?}");
    assert!(api.seen().is_empty());
}

/// Secrets that are files of a folder.
#[derive(Debug)]
struct Files(PathBuf);

impl SecretResolver for Files {
    fn resolve(&self, reference: &SecretRef) -> BoxFuture<Result<SecretBytes, SecretError>> {
        let name = reference.to_string().replace("file://", "");
        let read = std::fs::read(self.0.join(name)).unwrap();
        Box::pin(async { Ok(SecretBytes::new(read)) })
    }
}

fn write(folder: &Path, own: &Own) {
    std::fs::write(folder.join("certificate"), own.certificate.pem()).unwrap();
    std::fs::write(folder.join("key"), own.key.serialize_pem()).unwrap();
}

/// The default transport trusts what `SSL_CERT_FILE` names, which only a process of its own can be told.
#[test]
#[ignore = "needs oidc-provider: cargo xtask test"]
fn a_certificate_that_the_file_names_is_shown_and_a_renewed_one_taken_up() {
    const FOLDER: &str = "GAMBESON_TEST_FOLDER";
    if let Some(folder) = std::env::var_os(FOLDER) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(shows_what_the_file_names(folder.as_ref()));
    }
    let (room, folder) = (Room::new(), tempfile::tempdir().unwrap());
    let named = |name| folder.path().join(name);
    std::fs::write(named("authority"), room.authority.pem()).unwrap();
    std::fs::write(named("issuer"), &room.provider.issuer).unwrap();
    write(folder.path(), &room.registered);
    std::fs::create_dir(named("renewed")).unwrap();
    write(&named("renewed"), &Own::signed_by(&room.authority, "orders.example"));
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("bound::mutual_tls::a_certificate_that_the_file_names_is_shown_and_a_renewed_one_taken_up")
        .env(FOLDER, folder.path())
        .env("SSL_CERT_FILE", named("authority"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

async fn shows_what_the_file_names(folder: &Path) {
    let issuer = std::fs::read_to_string(folder.join("issuer")).unwrap();
    let file = format!(
        "issuer = '{issuer}'\n[outgoing.orders]\norigins = ['{API}']\nclient-id = 'service-tls'\nclient-auth = 'tls'\n\
         certificate = 'file://certificate'\nprivate-key = 'file://key'\n"
    );
    let config: Config = toml::from_str(&file).unwrap();
    let files: Arc<dyn SecretResolver> = Arc::new(Files(folder.to_owned()));
    let layer = config.outgoing("orders", Profile::Development, Some(&files), |builder| builder).unwrap();
    let api = Api::default();
    assert_eq!(api.get(&layer).await, REFUSED, "the provider knows the client by another certificate");
    for name in ["certificate", "key"] {
        std::fs::copy(folder.join("renewed").join(name), folder.join(name)).unwrap();
    }
    let answered = || async { (api.get(&layer).await == Ok(200)).then_some(()) };
    eventually(Duration::from_secs(10), answered).await.expect("the renewed one is shown");
}
