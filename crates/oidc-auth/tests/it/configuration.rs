//! What can be configured, and what is refused with which words.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{ConfigError, Profile};
use gambeson_oidc_auth::{CacheConfig, ClaimNames, Issuer, KeyPolicy, Verifier};

use crate::fake_issuer::{FakeIssuer, House};

fn build(issuer: &str, profile: Profile) -> Result<Verifier, ConfigError> {
    let transport = Arc::new(FakeIssuer::with(&[]));
    Verifier::builder(Issuer::discover(issuer)).audience("api").run_in(profile).transport(transport).build()
}

#[test]
fn production_is_the_default_and_refuses_development_issuers() {
    for issuer in ["http://127.0.0.1:3001", "http://id.example.com", "https://localhost", "https://[::1]:1"] {
        let error = build(issuer, Profile::default()).unwrap_err();
        assert_eq!(error.problems()[0].field, "issuer");
        assert!(error.to_string().contains(issuer), "{error}");
    }
    build("http://127.0.0.1:3001", Profile::Development).unwrap();
    build("https://id.example.com", Profile::Production).unwrap();
    assert!(build("http://10.0.0.1", Profile::Development).is_err());
}

#[test]
fn all_problems_are_told_at_once() {
    let error = Verifier::builder(Issuer::discover("id.example").metadata_url("ftp://x"))
        .audience(" ")
        .leeway(Duration::from_secs(3_600))
        .max_token_lifetime(Duration::ZERO)
        .max_token_bytes(1)
        .claims(ClaimNames::default().roles(""))
        .cache(CacheConfig::default().ttl(Duration::from_secs(86_400)))
        .keys(KeyPolicy::default().cooldown(Duration::from_secs(60)).max_waiting(0, 0))
        .transport(Arc::new(FakeIssuer::with(&[])))
        .build()
        .unwrap_err();
    let fields: Vec<&str> = error.problems().iter().map(|problem| &*problem.field).collect();
    for field in [
        "issuer",
        "issuer.metadata_url",
        "audience",
        "leeway",
        "max_token_lifetime",
        "max_token_bytes",
        "claims.roles",
        "cache.ttl",
        "keys.cooldown",
        "keys.max_waiting",
    ] {
        assert!(fields.contains(&field), "{field} not in {fields:?}");
    }
    assert!(error.problems().iter().all(|problem| !problem.cure.is_empty()));
}

#[test]
fn static_keys_have_to_be_a_key_set() {
    let house = House::with(&[]);
    for document in ["", "[]", "{}", "{\"keys\":5}"] {
        let issuer = Issuer::static_keys("https://id.example", document);
        let error = house.builder_of(Verifier::builder(issuer)).build().unwrap_err();
        assert_eq!(error.problems()[0].field, "issuer.static_keys", "{document}");
    }
}

#[cfg(feature = "client")]
#[tokio::test]
async fn the_houses_client_is_the_default_transport() {
    Verifier::builder(Issuer::discover("http://127.0.0.1:9"))
        .audience("api")
        .run_in(Profile::Development)
        .build()
        .unwrap();
}

#[cfg(feature = "client")]
#[test]
fn networks_that_are_none_are_told() {
    let issuer = Issuer::discover("https://id.example").allow_private(["10.0.0.0/8", "inside"]);
    let error = Verifier::builder(issuer).audience("api").build().unwrap_err();
    assert_eq!((error.problems().len(), &*error.problems()[0].value), (1, "inside"));
}

/// A public name whose addresses are inside: refused when it is connected to, unless the network is named.
#[cfg(feature = "client")]
#[tokio::test]
async fn an_issuer_within_the_network_is_found_only_where_that_is_allowed() {
    use gambeson_testing::DevIdp;

    let idp = DevIdp::builder().audience("api").start().await.unwrap();
    let port = idp.address().port();
    // The name is public by its looks; the document is where only a resolver leads.
    let ready = async |networks: &[&str]| {
        let client = gambeson_client::Client::builder()
            .resolve("inside.example", ["127.0.0.1".parse().unwrap()])
            .allow_private(networks.iter().copied())
            .build()
            .unwrap();
        let issuer = Issuer::discover(idp.issuer());
        let issuer =
            issuer.metadata_url(format!("https://inside.example:{port}/.well-known/openid-configuration"));
        let builder = Verifier::builder(issuer).audience("api").run_in(Profile::Development);
        builder.transport(Arc::new(client)).build().unwrap().ready().await.unwrap_err().to_string()
    };
    let refused = ready(&[]).await;
    assert!(refused.contains("special use"), "{refused}");
    let connected = ready(&["127.0.0.0/8"]).await;
    assert!(!connected.contains("special use"), "it is connected to, and has no TLS: {connected}");
}
