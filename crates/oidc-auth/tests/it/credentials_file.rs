//! An issuer that tells its keys only to who it knows, as a Kubernetes API server does.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gambeson_oidc_auth::{Doctor, Issuer, Verifier, VerifierBuilder};
use serde_json::json;

use crate::fake_issuer::{House, ISSUER, claims, settle};
use crate::signer::Signer;

/// A file that is gone when the test is over.
struct TokenFile(PathBuf);

impl TokenFile {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("gambeson-{name}-{}", std::process::id())))
    }

    fn write(&self, text: impl AsRef<[u8]>) {
        fs::write(&self.0, text).unwrap();
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn builder(house: &House, file: &TokenFile) -> VerifierBuilder {
    house.builder_of(Verifier::builder(Issuer::discover(ISSUER).credentials_file(&file.0)))
}

#[tokio::test]
async fn the_token_in_the_file_is_shown_and_read_anew() {
    let (signer, file) = (Signer::es256("k"), TokenFile::new("shown"));
    let house = House::with(&[&signer]);
    house.issuer.edit(|state| state.known = Some("Bearer first"));
    file.write("first\n");
    let verifier = builder(&house, &file).build().unwrap();
    settle().await;
    verifier.verify(&signer.token(&claims())).unwrap();
    file.write("second");
    house.issuer.edit(|state| state.known = Some("Bearer second"));
    house.pass(Duration::from_secs(3_600)).await;
    assert_eq!(verifier.status().last_error, None);
    let shown = house.issuer.edit(|state| state.shown.clone());
    assert!(shown.len() > 2 && shown.iter().flatten().all(http::HeaderValue::is_sensitive));
    assert!(shown.contains(&Some("Bearer second".parse().unwrap())));
}

#[tokio::test]
async fn no_other_origin_is_shown_it() {
    for elsewhere in
        ["https://keys.example/jwks", "https://id.example:8443/jwks", "https://id.example.evil.example/jwks"]
    {
        let (signer, file) = (Signer::es256("k"), TokenFile::new("elsewhere"));
        let house = House::with(&[&signer]);
        house.issuer.edit(|state| state.metadata = json!({"issuer": ISSUER, "jwks_uri": elsewhere}));
        file.write("first");
        let verifier = builder(&house, &file).build().unwrap();
        settle().await;
        assert_eq!(verifier.status().keys, 1);
        let shown = house.issuer.edit(|state| state.shown.clone());
        assert_eq!(shown, [Some("Bearer first".parse().unwrap()), None], "{elsewhere}");
    }
    let (signer, file) = (Signer::es256("k"), TokenFile::new("same"));
    let house = House::with(&[&signer]);
    house
        .issuer
        .edit(|state| state.metadata = json!({"issuer": ISSUER, "jwks_uri": "https://ID.example:443/jwks"}));
    file.write("first");
    let verifier = builder(&house, &file).build().unwrap();
    settle().await;
    assert_eq!(verifier.status().keys, 1);
    assert!(house.issuer.edit(|state| state.shown.iter().all(Option::is_some)));
}

/// What a cluster of `kind` answers to its pods: the document names the node's address.
#[tokio::test]
async fn a_cluster_s_keys_are_fetched_where_it_is_configured() {
    let (signer, file) = (Signer::es256("k"), TokenFile::new("cluster"));
    let house = House::with(&[&signer]);
    let name = "https://kubernetes.default.svc.cluster.local";
    house.issuer.edit(|state| {
        state.known = Some("Bearer pod");
        state.metadata = json!({"issuer": name, "jwks_uri": "https://172.18.0.2:6443/openid/v1/jwks"});
    });
    file.write("pod");
    let inside = || {
        Issuer::kubernetes(name)
            .metadata_url("https://kubernetes.default.svc/.well-known/openid-configuration")
            .credentials_file(&file.0)
    };
    let issuer = inside().jwks_url("https://kubernetes.default.svc/openid/v1/jwks");
    let verifier = house.builder_of(Verifier::builder(issuer)).build().unwrap();
    settle().await;
    assert_eq!((verifier.status().keys, verifier.status().last_error), (1, None));
    let seen = house.issuer.edit(|state| std::mem::take(&mut state.seen));
    assert!(seen.iter().all(|(url, _, limits)| {
        url.starts_with("https://kubernetes.default.svc/") && limits.special_use_addresses
    }));
    let _without = house.builder_of(Verifier::builder(inside())).build().unwrap();
    settle().await;
    let last = house.issuer.edit(|state| state.seen.pop().unwrap());
    assert_eq!((&*last.0, last.2.special_use_addresses), ("https://172.18.0.2:6443/openid/v1/jwks", false));
    let error =
        house.builder_of(Verifier::builder(inside().jwks_url("http://a.example"))).build().unwrap_err();
    assert!(error.to_string().contains("issuer.jwks_url = http://a.example"), "{error}");
}

#[tokio::test]
async fn what_is_missing_is_said_to_operators() {
    let (signer, file) = (Signer::es256("k"), TokenFile::new("missing"));
    let house = House::with(&[&signer]);
    house.issuer.edit(|state| state.known = Some("Bearer first"));
    let verifier = house.verifier().await;
    let told = verifier.status().last_error.unwrap();
    assert!(told.contains("401") && told.contains("credentials_file"), "{told}");
    for (text, wanted) in [
        (None, "gambeson-missing"),
        (Some(Vec::new()), "no token"),
        (Some(b"two\nlines".to_vec()), "no token"),
        (Some(vec![b'a'; 65 << 10]), "larger than"),
        (Some(vec![0xff]), "gambeson-missing"),
    ] {
        if let Some(text) = text {
            file.write(text);
        }
        let house = House::with(&[&signer]);
        let verifier = builder(&house, &file).build().unwrap();
        settle().await;
        let told = verifier.status().last_error.unwrap();
        assert!(told.contains(wanted), "{wanted}: {told}");
        assert_eq!(house.issuer.edit(|state| state.shown.len()), 0, "nothing was sent without it");
    }
}

#[tokio::test]
async fn the_doctor_shows_it_too() {
    let (signer, file) = (Signer::es256("k"), TokenFile::new("doctor"));
    let house = House::with(&[&signer]);
    house.issuer.edit(|state| state.known = Some("Bearer first"));
    file.write("first");
    let doctor = |issuer| {
        Doctor::new(issuer).clock(Arc::new(house.clock.clone())).transport(Arc::new(house.issuer.clone()))
    };
    let known = doctor(Issuer::discover(ISSUER).credentials_file(&file.0)).examine().await.unwrap();
    let stranger = doctor(Issuer::discover(ISSUER)).examine().await.unwrap();
    assert!(known.is_healthy(), "{known}");
    assert!(!stranger.is_healthy(), "{stranger}");
}
