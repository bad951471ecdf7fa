//! Against an identity provider over real loopback HTTP, with the default transport.

use std::time::Duration;

use gambeson_core::Profile;
use gambeson_oidc_auth::{
    CacheConfig, Issuer, KeyPolicy, Reason, TokenErrorKind, TokenProfile, Verifier, VerifierBuilder,
};
use gambeson_testing::{DevIdp, Fault, Mint, SigningAlgorithm, eventually};

async fn idp() -> DevIdp {
    DevIdp::builder().audience("api").start().await.unwrap()
}

/// Asks often and gives up soon, so that the tests are quick.
fn builder(idp: &DevIdp) -> VerifierBuilder {
    let keys = KeyPolicy::default()
        .cooldown(Duration::from_millis(100))
        .fetch_deadline(Duration::from_millis(500))
        .max_wait(Duration::from_secs(1));
    let builder = Verifier::builder(Issuer::discover(idp.issuer())).audience("api");
    builder.run_in(Profile::Development).keys(keys).cache(CacheConfig::off())
}

#[tokio::test]
async fn alice_is_known_by_both_algorithms() {
    let idp = idp().await;
    let verifier = builder(&idp).build().unwrap();
    for algorithm in [SigningAlgorithm::Rs256, SigningAlgorithm::Es256] {
        let token = idp.mint().user("alice").algorithm(algorithm).scope("notes:read notes:write").token();
        let alice = verifier.verify_or_wait(&token, None).await.unwrap();
        assert_eq!((alice.subject(), alice.issuer(), alice.tenant()), ("alice", idp.issuer(), Some("acme")));
        assert_eq!(alice.roles().collect::<Vec<_>>(), ["editor"]);
        assert_eq!(alice.scopes().collect::<Vec<_>>(), ["notes:read", "notes:write"]);
        verifier.verify(&token).unwrap();
    }
    assert_eq!((idp.requests("/jwks"), verifier.status().keys), (1, 2));
    let service = verifier.verify(&idp.mint().service("service").token()).unwrap();
    assert_eq!(service.kind(), gambeson_core::PrincipalKind::Service);
}

#[tokio::test]
async fn the_dev_provider_is_refused_in_production() {
    let idp = idp().await;
    let error = builder(&idp).run_in(Profile::Production).build().unwrap_err();
    assert!(error.to_string().contains("issuer"), "{error}");
}

#[tokio::test]
async fn rotation_costs_no_401() {
    let idp = idp().await;
    let verifier = builder(&idp).build().unwrap();
    for keep_old in [true, false, false] {
        let before = idp.mint().user("bob").token();
        verifier.verify_or_wait(&before, None).await.unwrap();
        idp.rotate(keep_old).unwrap();
        verifier.verify_or_wait(&idp.mint().user("bob").token(), None).await.unwrap();
        assert_eq!(verifier.verify(&before).is_ok(), keep_old, "withdrawn keys end at the next fetch");
    }
}

#[tokio::test]
async fn no_fault_of_the_provider_is_a_401_or_stops_known_keys() {
    for fault in [
        Fault::Down,
        Fault::Slow,
        Fault::ServerError,
        Fault::Html,
        Fault::TruncatedJwks,
        Fault::EmptyJwks,
        Fault::Huge,
        Fault::Redirect,
        Fault::WrongIssuer,
    ] {
        let idp = idp().await;
        let known = builder(&idp).build().unwrap();
        let token = idp.mint().user("alice").token();
        known.verify_or_wait(&token, None).await.unwrap();
        idp.fault(fault);
        let fresh = builder(&idp).build().unwrap();
        let error = fresh.verify_or_wait(&token, None).await.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::KeysUnavailable, "{fault:?}: {error}");
        known.verify(&token).unwrap();
        idp.fault(Fault::None);
        let recovered = eventually(Duration::from_secs(10), || {
            let looking = fresh.verify_or_wait(&token, None);
            async { looking.await.ok() }
        });
        assert_eq!(recovered.await.unwrap().subject(), "alice", "{fault:?}");
    }
}

#[tokio::test]
async fn every_bad_token_is_refused_for_its_own_reason() {
    let idp = idp().await;
    let verifier = builder(&idp).build().unwrap();
    let good = || idp.mint().user("alice");
    verifier.verify_or_wait(&good().token(), None).await.unwrap();
    let expired = idp.mint().user("alice").expires_in(Duration::ZERO).claim("iat", 1);
    let bad: [(Mint, Reason); 19] = [
        (good().expired(), Reason::Expired),
        (expired.claim("exp", 2), Reason::Expired),
        (good().audience("other"), Reason::Audience),
        (good().without("aud"), Reason::Audience),
        (good().issuer("http://127.0.0.1:1"), Reason::Issuer),
        (good().issuer(&format!("{}/", idp.issuer())), Reason::Issuer),
        (good().alg_none(), Reason::Malformed),
        (good().hmac_with_public_key(), Reason::Algorithm),
        (good().foreign_key(), Reason::Signature),
        (good().tampered(), Reason::Signature),
        (good().algorithm(SigningAlgorithm::Es256).foreign_key(), Reason::Signature),
        (good().algorithm(SigningAlgorithm::Es256).tampered(), Reason::Signature),
        (good().kid("no-such-key"), Reason::UnknownKey),
        (good().typ("JWT"), Reason::TokenType),
        (good().without("exp"), Reason::Expired),
        (good().without("sub"), Reason::MissingClaim),
        (good().expires_in(Duration::from_secs(200_000)), Reason::Lifetime),
        (good().header("crit", "b64"), Reason::Critical),
        (good().claim("sub", "al\u{0}ice"), Reason::Malformed),
    ];
    for (mint, reason) in bad {
        let token = mint.token();
        let error = verifier.verify_or_wait(&token, None).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        assert_ne!(error.kind(), TokenErrorKind::KeysUnavailable);
    }
    idp.fault(Fault::WrongKid);
    let error = verifier.verify_or_wait(&good().token(), None).await.unwrap_err();
    assert_eq!(error.reason(), Reason::UnknownKey);
}

#[tokio::test]
async fn without_a_key_id_the_keys_of_the_algorithm_are_tried() {
    let idp = idp().await;
    let verifier = builder(&idp).profile(TokenProfile::JwtLenient).build().unwrap();
    let token = || idp.mint().user("alice").without("kid").token();
    verifier.verify_or_wait(&token(), None).await.unwrap();
    idp.rotate(true).unwrap();
    let named = idp.mint().user("alice").token();
    verifier.verify_or_wait(&named, None).await.unwrap();
    verifier.verify_or_wait(&token(), None).await.unwrap();
    let forged = idp.mint().user("alice").without("kid").foreign_key().token();
    let error = verifier.verify_or_wait(&forged, None).await.unwrap_err();
    assert_eq!(error.reason(), Reason::UnknownKey, "by none of them");
}
