//! The verified-token cache, as callers can see it: by the principal's id, which a second verification would change.

use std::time::Duration;

use gambeson_core::Timestamp;
use gambeson_oidc_auth::{CacheConfig, TokenProfile};
use serde_json::json;

use crate::fake_issuer::{House, START, claims, claims_with};
use crate::signer::Signer;

#[tokio::test]
async fn one_token_is_one_principal_for_a_minute() {
    let signer = Signer::es256("k");
    let house = House::with(&[&signer]);
    let verifier = house.verifier().await;
    let token = signer.token(&claims());
    let first = verifier.verify(&token).unwrap().id();
    house.pass_seconds(59).await;
    assert_eq!(verifier.verify(&token).unwrap().id(), first);
    house.pass_seconds(1).await;
    assert_ne!(verifier.verify(&token).unwrap().id(), first);
    assert_eq!(verifier.status().cached, 1);
}

#[tokio::test]
async fn nothing_is_served_beyond_its_end() {
    let signer = Signer::es256("k");
    let house = House::with(&[&signer]);
    let verifier = house.verifier().await;
    let token = signer.token(&claims_with("exp", json!(START + 10)));
    let first = verifier.verify(&token).unwrap().id();
    house.pass_seconds(9).await;
    assert_eq!(verifier.verify(&token).unwrap().id(), first);
    house.pass_seconds(1).await;
    let second = verifier.verify(&token).unwrap().id();
    assert_ne!(second, first, "within the leeway it is verified again");
    assert_ne!(verifier.verify(&token).unwrap().id(), second, "and not kept");
    house.pass_seconds(30).await;
    assert!(verifier.verify(&token).is_err());
}

#[tokio::test]
async fn a_process_that_was_frozen_serves_nothing_old() {
    let signer = Signer::es256("k");
    let house = House::with(&[&signer]);
    let verifier = house.verifier().await;
    let token = signer.token(&claims());
    verifier.verify(&token).unwrap();
    house.clock.set(Timestamp::from_unix_seconds(START + 3_600));
    assert!(verifier.verify(&token).is_err(), "the wall clock decides, not the timers");
}

#[tokio::test]
async fn another_key_under_the_same_name_ends_what_the_first_signed() {
    let (first, second) = (Signer::es256("k"), Signer::es256("k"));
    let house = House::with(&[&first]);
    house.issuer.edit(|state| state.cache_control = Some("no-cache".into()));
    let verifier =
        house.builder().cache(CacheConfig::default().ttl(Duration::from_secs(600))).build().unwrap();
    crate::fake_issuer::settle().await;
    let token = first.token(&claims());
    verifier.verify(&token).unwrap();
    house.issuer.publish(&[&second]);
    house.pass_seconds(60).await;
    assert!(verifier.verify(&token).is_err());
    verifier.verify(&second.token(&claims())).unwrap();
}

#[tokio::test]
async fn what_one_policy_accepted_is_nothing_to_another() {
    let signer = Signer::es256("k");
    let house = House::with(&[&signer]);
    let lenient = house.builder().profile(TokenProfile::JwtLenient).build().unwrap();
    let strict = house.builder().build().unwrap();
    crate::fake_issuer::settle().await;
    let header = json!({"alg": "ES256", "kid": "k", "typ": "JWT"}).to_string();
    let token = signer.token_of(&header, &claims().to_string());
    lenient.verify(&token).unwrap();
    assert!(strict.verify(&token).is_err());
}

#[tokio::test]
async fn refusals_are_not_kept_and_off_is_off() {
    let signer = Signer::es256("k");
    let house = House::with(&[&signer]);
    let verifier = house.verifier().await;
    let early = signer.token(&claims_with("nbf", json!(START + 40)));
    assert!(verifier.verify(&early).is_err());
    assert_eq!(verifier.status().cached, 0);
    house.pass_seconds(10).await;
    verifier.verify(&early).unwrap();

    let off = house.builder().cache(CacheConfig::off()).build().unwrap();
    crate::fake_issuer::settle().await;
    let token = signer.token(&claims());
    assert_ne!(off.verify(&token).unwrap().id(), off.verify(&token).unwrap().id());
}

#[tokio::test]
async fn neither_status_nor_debug_shows_a_token() {
    let signer = Signer::es256("k");
    let house = House::with(&[&signer]);
    let verifier = house.verifier().await;
    let token = signer.token(&claims());
    verifier.verify(&token).unwrap();
    let shown = format!("{verifier:?} {:?}", verifier.status());
    assert!(!shown.contains(&token) && !shown.contains("alice"));
}
