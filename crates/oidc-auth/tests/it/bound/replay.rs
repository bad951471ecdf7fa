//! A proof is good once.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{Answer, SecretBytes};
use gambeson_oidc_auth::Dpop;
use gambeson_oidc_auth::dpop::{DpopNonces, MemoryReplay, ReplayError, ReplayStore, UsedProof};
use gambeson_testing::contract::{self, Cases};
use http::{Response, StatusCode};
use tokio::sync::Notify;

use super::sender::{Client, ORIGIN, challenges, changed, request, send, with_peer};
use crate::fake_issuer::{START, poll_once};
use serde_json::json;

#[tokio::test]
async fn a_proof_is_good_once_and_by_key_and_name() {
    let client = Client::new();
    let proof = client.good();
    assert_eq!(client.ask(&[&proof]).await.body(), "alice");
    let answer = client.ask(&[&proof]).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(challenges(&answer)[0].starts_with(r#"DPoP error="invalid_dpop_proof""#));
    // The same name with another signature is the same proof.
    let named = |iat: i64| {
        let claims = changed(changed(client.claims(), "jti", json!("one")), "iat", json!(iat));
        client.proof(&client.header(), &claims)
    };
    assert_eq!(client.ask(&[&named(START)]).await.status(), 200);
    assert_eq!(client.ask(&[&named(START + 1)]).await.status(), 401);
    // Another client's name never gets in the way (inji-certify: keyed by thumbprint and jti).
    let store: Arc<dyn ReplayStore> = Arc::new(MemoryReplay::new());
    let dpop = Dpop::at(ORIGIN).replay(store).build().unwrap();
    for _ in 0..2 {
        let other = Client::with("ES256", dpop.clone());
        assert_eq!(other.ask(&[&other.proof_with("jti", json!("one"))]).await.status(), 200);
    }
}

#[tokio::test]
async fn what_is_refused_is_never_remembered() {
    let seen = Arc::new(Counting::default());
    let client = Client::with("ES256", Dpop::at(ORIGIN).replay(seen.clone()).build().unwrap());
    let thief = Client::new();
    let _ = client.ask(&[&client.proof_with("htm", json!("POST"))]).await;
    let _ = client.ask(&[&thief.good()]).await;
    let _ = send(&client.layer, request(&format!("DPoP {}", thief.token), &[&thief.good()])).await;
    assert_eq!(seen.0.lock().unwrap().len(), 0, "strangers leave no trace in the store");
    let peer =
        with_peer(client.request(&[&client.good()]), |peer| peer.address = Some([192, 0, 2, 1].into()));
    assert_eq!(send(&client.layer, peer).await.status(), 200);
    let seen = seen.0.lock().unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].client, Some([192, 0, 2, 1].into()));
    assert_eq!(seen[0].until.since(seen[0].now).as_secs(), 120);
}

#[derive(Debug, Default)]
struct Counting(Mutex<Vec<UsedProof>>);

impl ReplayStore for Counting {
    fn remember(&self, proof: UsedProof) -> Answer<Result<bool, ReplayError>> {
        self.0.lock().unwrap().push(proof);
        Answer::Ready(Ok(true))
    }
}

/// A store elsewhere, which answers when it is told to.
#[derive(Debug)]
struct Remote(Arc<Notify>, Result<bool, ReplayError>);

impl ReplayStore for Remote {
    fn remember(&self, _: UsedProof) -> Answer<Result<bool, ReplayError>> {
        let (bell, answer) = (Arc::clone(&self.0), self.1);
        Answer::pending(async move {
            bell.notified().await;
            answer
        })
    }
}

#[tokio::test]
async fn a_store_elsewhere_is_waited_for() {
    for (answer, status) in [(Ok(true), 200), (Ok(false), 401), (Err(ReplayError::Unavailable), 503)] {
        let bell = Arc::new(Notify::new());
        let store = Arc::new(Remote(Arc::clone(&bell), answer));
        let client = Client::with("ES256", Dpop::at(ORIGIN).replay(store).build().unwrap());
        let proof = client.good();
        let proofs = [&*proof];
        let mut asked = pin!(client.ask(&proofs));
        assert!(poll_once(asked.as_mut()).is_pending());
        bell.notify_one();
        let Poll::Ready(told) = poll_once(asked.as_mut()) else { panic!("still waiting") };
        assert_eq!(told.status(), status);
        let told: Response<Bytes> = told;
        assert_eq!(told.headers().contains_key("retry-after"), status == 503);
    }
}

/// RFC 9449 §8.2, also where the store is waited for.
#[tokio::test]
async fn the_next_nonce_comes_after_a_wait_too() {
    let bell = Arc::new(Notify::new());
    let nonces = DpopNonces::new(&SecretBytes::new(vec![1; 32])).unwrap();
    let store = Arc::new(Remote(Arc::clone(&bell), Ok(true)));
    let dpop = Dpop::at(ORIGIN).nonces(nonces).replay(store).build().unwrap();
    let client = Client::with("ES256", dpop);
    let told = client.ask(&[&client.good()]).await.headers()["dpop-nonce"].to_str().unwrap().to_owned();
    client.clock.advance(Duration::from_secs(60));
    let claims = changed(changed(client.claims(), "nonce", json!(told)), "iat", json!(START + 60));
    let proof = client.proof(&client.header(), &claims);
    bell.notify_one();
    let answer = client.ask(&[&proof]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_ne!(answer.headers()["dpop-nonce"], *told);
}

#[tokio::test]
async fn a_full_store_is_closed() {
    let dpop = Dpop::at(ORIGIN).replay(Arc::new(MemoryReplay::with_capacity(16))).build().unwrap();
    let client = Client::with("ES256", dpop);
    let mut refused = None;
    for _ in 0..17 {
        let answer = client.ask(&[&client.good()]).await;
        if answer.status() != 200 {
            refused = Some(answer);
        }
    }
    let refused = refused.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(challenges(&refused).is_empty() && refused.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn the_layer_keeps_the_laws_with_proofs() {
    let seen = Arc::new(Counting::default());
    let client = Client::with("ES256", Dpop::at(ORIGIN).replay(seen).build().unwrap());
    let (good, layer) = (client.request(&[&client.good()]), client.layer.clone());
    let bad = client.request(&["x"]);
    let cases = Cases::passing(move || good.clone()).refusing(move || bad.clone());
    contract::check(move || layer.clone(), cases).await;
}
