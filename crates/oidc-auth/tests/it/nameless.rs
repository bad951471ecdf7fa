//! Tokens that name no key, while keys rotate and while somebody forges them.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use gambeson_oidc_auth::{Reason, TokenErrorKind};
use serde_json::{Value, json};

use crate::fake_issuer::{House, START, claims, claims_with, poll_once};
use crate::rotation::address;
use crate::signer::Signer;

/// Many issuers with one key at a time put no name into their tokens.
fn nameless(signer: &Signer, claims: &Value) -> String {
    signer.token_of(&json!({"alg": "ES256", "typ": "at+jwt"}).to_string(), &claims.to_string())
}

#[tokio::test]
async fn a_token_that_names_no_key_waits_for_a_new_one_and_is_never_refused() {
    let (old, new) = (Signer::es256("old"), Signer::es256("new"));
    let house = House::with(&[&old]);
    let verifier = house.verifier().await;
    verifier.verify(&nameless(&old, &claims())).unwrap();
    house.issuer.publish(&[&new]);
    let error = verifier.verify(&nameless(&new, &claims())).unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::UnknownKey);
    let alice = verifier.verify_or_wait(&nameless(&new, &claims()), address(1)).await.unwrap();
    assert_eq!((alice.subject(), house.issuer.fetches()), ("alice", 2));
    for hopeless in [claims_with("aud", json!("other")), claims_with("exp", json!(START - 60))] {
        let token = nameless(&old, &hopeless);
        let mut waiting = pin!(verifier.verify_or_wait(&token, None));
        let Poll::Ready(Err(error)) = poll_once(waiting.as_mut()) else { panic!("it waits") };
        assert_eq!(error.reason(), Reason::Signature, "what is no good anyway waits for nothing");
    }
    house.pass_seconds(2).await;
    assert_eq!(house.issuer.fetches(), 2);
}

#[tokio::test]
async fn forged_tokens_that_name_no_key_cost_one_fetch_in_two_seconds_and_no_honest_user() {
    let (old, new, forger) = (Signer::es256("old"), Signer::es256("new"), Signer::es256("forger"));
    let house = House::with(&[&old]);
    let verifier = house.verifier().await;
    let (before, mut forged) = (house.issuer.fetches(), 0);
    let known = nameless(&old, &claims());
    // Each is another token, from fifty networks.
    let mut forge = || {
        forged += 1;
        nameless(&forger, &claims_with("jti", json!(forged.to_string())))
    };
    for _ in 0..100 {
        for n in 0..50 {
            let token = forge();
            let mut waiting = pin!(verifier.verify_or_wait(&token, address(n)));
            assert!(!matches!(poll_once(waiting.as_mut()), Poll::Ready(Ok(_))));
        }
        let mut honest = pin!(verifier.verify_or_wait(&known, address(1)));
        assert!(matches!(poll_once(honest.as_mut()), Poll::Ready(Ok(_))), "known keys wait for nobody");
        house.pass(Duration::from_millis(100)).await;
    }
    let fetches = house.issuer.fetches() - before;
    assert!((4..=6).contains(&fetches), "{fetches} fetches in 10 s");
    // They fill the room while the keys are replaced.
    house.issuer.publish(&[&new]);
    let tokens: Vec<String> = (0..1_200).map(|_| forge()).collect();
    let mut forged: Vec<_> = (0..)
        .zip(&tokens)
        .map(|(n, token)| Box::pin(verifier.verify_or_wait(token, address(n % 50))))
        .collect();
    let waiting = forged.iter_mut().map(|forged| poll_once(forged.as_mut()).is_pending());
    assert_eq!(waiting.filter(|is_waiting| *is_waiting).count(), 1_024);
    assert_eq!(verifier.status().waiting, 1_024);
    let token = nameless(&new, &claims());
    let mut honest = pin!(verifier.verify_or_wait(&token, address(99_999)));
    assert!(poll_once(honest.as_mut()).is_pending());
    house.pass_seconds(2).await;
    assert!(matches!(poll_once(honest.as_mut()), Poll::Ready(Ok(_))));
}

#[tokio::test]
async fn a_forged_token_that_names_no_key_waits_once_and_spoils_no_other() {
    let (known, forger) = (Signer::es256("known"), Signer::es256("forger"));
    let house = House::with(&[&known]);
    let verifier = house.verifier().await;
    let forged = nameless(&forger, &claims());
    let error = verifier.verify_or_wait(&forged, address(1)).await.unwrap_err();
    assert_eq!((error.reason(), error.kind()), (Reason::UnknownKey, TokenErrorKind::UnknownKey));
    let mut again = pin!(verifier.verify_or_wait(&forged, address(1)));
    assert!(matches!(poll_once(again.as_mut()), Poll::Ready(Err(_))), "its key is known to be absent");
    let other = nameless(&forger, &claims_with("jti", json!("2")));
    let mut other = pin!(verifier.verify_or_wait(&other, address(1)));
    assert!(poll_once(other.as_mut()).is_pending(), "it may be by another key");
}
