//! Against npm `oidc-provider`, a certified provider: every way in which a client can prove itself but by certificate.

use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gambeson_core::{CredentialSource, ManualClock, Profile, SecretBytes, SystemClock};
use gambeson_oidc_auth::outgoing::{ClonedBody, TokenSource};
use gambeson_oidc_auth::{AssertionAlgorithm, AssertionKey, ClientAuth, Issuer, Verifier};
use serde_json::json;

use super::api::{Api, REFUSED, UNAVAILABLE, to_api, together};
use crate::login::real_provider::{RealProvider, SECRET};

fn secret() -> SecretBytes {
    SecretBytes::new(SECRET.as_bytes())
}

fn source(provider: &RealProvider, client: ClientAuth) -> TokenSource {
    let issuer = Issuer::discover(provider.issuer.as_str());
    let builder = TokenSource::client_credentials(issuer, client).scope("notes");
    builder.run_in(Profile::Development).build().unwrap()
}

/// Who the provider says calls.
async fn caller(provider: &RealProvider, source: &TokenSource) -> String {
    let credential = source.credential().wait().await.unwrap();
    let token = credential.authorization().to_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned();
    let verifier = Verifier::builder(Issuer::discover(provider.issuer.as_str())).audience("hardened-notes");
    let verifier = verifier.run_in(Profile::Development).build().unwrap();
    let caller = verifier.verify_or_wait(&token, None).await.unwrap();
    assert_eq!(caller.scopes().collect::<Vec<_>>(), ["notes"]);
    caller.subject().to_owned()
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn it_knows_this_app_by_a_secret_in_the_header_or_in_the_form() {
    let provider = RealProvider::start();
    let by_basic = source(&provider, ClientAuth::secret_basic("service-basic", secret()));
    assert_eq!(caller(&provider, &by_basic).await, "service-basic");
    let by_post = source(&provider, ClientAuth::secret_post("alice", secret()));
    assert_eq!(caller(&provider, &by_post).await, "alice");
    let unsaid = source(&provider, ClientAuth::secret("service-basic", secret()));
    assert_eq!(caller(&provider, &unsaid).await, "service-basic");
    let wrong =
        source(&provider, ClientAuth::secret_basic("service-basic", SecretBytes::new(&b"another"[..])));
    assert_eq!(Api::default().get(&to_api(&wrong)).await, REFUSED);
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn it_knows_this_app_by_an_assertion_and_by_no_other() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref();
    let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
    let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "k1", "x": part(1..33), "y": part(33..65)});
    let provider = RealProvider::start_with(&[("SERVICE_JWK", &jwk.to_string())]);
    let key = |pair: &EcdsaKeyPair| {
        let der = SecretBytes::new(pair.to_pkcs8v1().unwrap().as_ref().to_vec());
        AssertionKey::new(AssertionAlgorithm::Es256, der)
    };
    for key in [key(&pair).key_id("k1"), key(&pair)] {
        let source = source(&provider, ClientAuth::private_key_jwt("service-key", key));
        assert_eq!(caller(&provider, &source).await, "service-key");
    }
    let stranger = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let elsewhere = key(&pair).key_id("k1").audience("https://id.example");
    for key in [key(&stranger).key_id("k1"), elsewhere] {
        let wrong = source(&provider, ClientAuth::private_key_jwt("service-key", key));
        assert_eq!(Api::default().get(&to_api(&wrong)).await, REFUSED);
    }
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn sixty_four_requests_are_one_exchange_and_the_next_token_comes_behind_them() {
    let (provider, api) = (RealProvider::start(), Api::default());
    let clock = ManualClock::at(gambeson_core::Clock::now(&SystemClock::new()));
    let issuer = Issuer::discover(provider.issuer.as_str());
    let builder =
        TokenSource::client_credentials(issuer, ClientAuth::secret_basic("service-basic", secret()));
    let source = builder.run_in(Profile::Development).clock(Arc::new(clock.clone())).build().unwrap();
    let layer = to_api(&source).repeat_with(ClonedBody);
    let all = |count: usize| together((0..count).map(|_| api.get(&layer)));
    assert!(all(64).await.into_iter().all(|answer| answer == Ok(200)));
    assert_eq!(provider.hits("/token").await, 1);
    // Near its end (300 s) the old one is used on while the next one comes.
    clock.advance(std::time::Duration::from_secs(260));
    assert!(all(64).await.into_iter().all(|answer| answer == Ok(200)));
    let renewed = gambeson_testing::eventually(std::time::Duration::from_secs(5), async || {
        api.get(&layer).await.unwrap();
        let seen = api.seen();
        (seen.first() != seen.last()).then_some(())
    });
    renewed.await.expect("the next token");
    assert_eq!(provider.hits("/token").await, 2);
    // It is rejected: one more, once for all.
    api.refuse(api.seen().last().unwrap().strip_prefix("Bearer ").unwrap());
    assert!(all(64).await.into_iter().all(|answer| answer == Ok(200)));
    assert_eq!(provider.hits("/token").await, 3);
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn while_it_is_away_the_token_is_used_on_until_it_ends() {
    let (provider, api) = (RealProvider::start(), Api::default());
    let clock = ManualClock::at(gambeson_core::Clock::now(&SystemClock::new()));
    let issuer = Issuer::discover(provider.issuer.as_str());
    let builder =
        TokenSource::client_credentials(issuer, ClientAuth::secret_basic("service-basic", secret()));
    let source = builder.run_in(Profile::Development).clock(Arc::new(clock.clone())).build().unwrap();
    let layer = to_api(&source);
    assert_eq!(api.get(&layer).await, Ok(200));
    drop(provider);
    clock.advance(std::time::Duration::from_secs(280));
    assert_eq!(api.get(&layer).await, Ok(200));
    clock.advance(std::time::Duration::from_secs(20));
    assert_eq!(api.get(&layer).await, UNAVAILABLE);
    assert_eq!(api.seen().len(), 2);
}
