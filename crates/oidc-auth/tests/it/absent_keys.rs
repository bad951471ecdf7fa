//! A key that a set lacks: what that proves, and for how long.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use gambeson_core::{BoxFuture, HttpTransport, TransportError, TransportLimits};
use gambeson_oidc_auth::TokenErrorKind;
use http::{Request, Response};
use tokio::sync::Notify;

use crate::fake_issuer::{FakeIssuer, House, Mood, claims, poll_once, settle};
use crate::signer::Signer;

fn address(n: u8) -> Option<IpAddr> {
    Some([10, 0, 0, n].into())
}

#[tokio::test]
async fn a_name_that_was_absent_is_looked_for_behind_its_401_and_forgotten_with_the_next_set() {
    let (known, late) = (Signer::es256("known"), Signer::es256("late"));
    let house = House::with(&[&known]);
    let verifier = house.verifier().await;
    let token = late.token(&claims());
    verifier.verify_or_wait(&token, address(1)).await.unwrap_err();
    house.issuer.publish(&[&known, &late]);
    let mut again = pin!(verifier.verify_or_wait(&token, address(1)));
    assert!(matches!(poll_once(again.as_mut()), Poll::Ready(Err(_))), "known to be absent");
    house.pass_seconds(2).await;
    assert_eq!(house.issuer.fetches(), 3, "but asked for");
    verifier.verify(&token).unwrap();
    let (other, third) = (Signer::es256("other"), Signer::es256("third"));
    let token = other.token(&claims());
    let (answer, ()) = tokio::join!(verifier.verify_or_wait(&token, address(1)), house.pass_seconds(2));
    assert_eq!(answer.unwrap_err().kind(), TokenErrorKind::UnknownKey);
    let unknown = third.token(&claims());
    let (answer, ()) = tokio::join!(verifier.verify_or_wait(&unknown, address(2)), house.pass_seconds(2));
    assert_eq!(answer.unwrap_err().kind(), TokenErrorKind::UnknownKey, "a set that came later");
    let mut again = pin!(verifier.verify_or_wait(&token, address(1)));
    assert!(poll_once(again.as_mut()).is_pending(), "which may have it");
}

/// An issuer whose answers are made at once and come when the bell rings.
#[derive(Debug)]
struct Late(FakeIssuer, Arc<Notify>);

impl HttpTransport for Late {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        let (sent, bell) = (self.0.send(request, limits), Arc::clone(&self.1));
        Box::pin(async move {
            bell.notified().await;
            sent.await
        })
    }
}

#[tokio::test]
async fn a_fetch_that_began_before_the_request_says_nothing_of_its_key() {
    let (old, new) = (Signer::es256("old"), Signer::es256("new"));
    let house = House::with(&[&old]);
    let bell = Arc::new(Notify::new());
    let ring = async || {
        bell.notify_one();
        settle().await;
    };
    let late = Arc::new(Late(house.issuer.clone(), Arc::clone(&bell)));
    let verifier = house.builder().transport(late).build().unwrap();
    settle().await;
    ring().await;
    assert_eq!(house.issuer.fetches(), 1, "the old set is on its way");
    house.issuer.publish(&[&new]);
    let token = new.token(&claims());
    let mut waiting = pin!(verifier.verify_or_wait(&token, address(1)));
    assert!(poll_once(waiting.as_mut()).is_pending());
    ring().await;
    assert_eq!(verifier.status().keys, 1);
    assert!(poll_once(waiting.as_mut()).is_pending(), "the set is older than the question");
    ring().await;
    assert!(matches!(poll_once(waiting.as_mut()), Poll::Ready(Ok(_))));
}

#[tokio::test]
async fn what_comes_with_an_error_is_no_key_set() {
    let (known, new) = (Signer::es256("known"), Signer::es256("new"));
    let house = House::with(&[&known]);
    let verifier = house.verifier().await;
    house.issuer.mood(Mood::Error);
    let token = new.token(&claims());
    let (answer, ()) = tokio::join!(verifier.verify_or_wait(&token, address(1)), house.pass_seconds(2));
    assert_eq!(answer.unwrap_err().kind(), TokenErrorKind::KeysUnavailable, "no proof against any token");
    verifier.verify(&known.token(&claims())).unwrap();
}
