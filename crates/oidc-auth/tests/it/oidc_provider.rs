//! npm `oidc-provider` as the issuer of an API's tokens: every algorithm that it signs with, and its rotations under load.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use gambeson_core::{Clock, Profile, SystemClock, Timer};
use gambeson_oidc_auth::{AuthLayer, CacheConfig, Issuer, Verifier};

use crate::bound::sender::{request, send};
use crate::login::real_provider::RealProvider;

fn layer(provider: &RealProvider) -> AuthLayer {
    let verifier = Verifier::builder(Issuer::discover(provider.issuer.as_str())).audience("hardened-notes");
    let verifier = verifier.cache(CacheConfig::off()).run_in(Profile::Development);
    AuthLayer::required(verifier.build().unwrap())
}

async fn ask(layer: &AuthLayer, token: &str) -> (u16, String) {
    let answer = send(layer, request(&format!("Bearer {token}"), &[])).await;
    (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned())
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn tokens_of_every_algorithm_are_verified() {
    let provider = RealProvider::start();
    let layer = layer(&provider);
    for alg in ["RS256", "ES256", "EdDSA"] {
        let token = provider.token("alice", &[("signing_alg", alg)]).await;
        assert_eq!(jsonwebtoken::decode_header(&token).unwrap().typ.as_deref(), Some("at+jwt"), "{alg}");
        assert_eq!(ask(&layer, &token).await, (200, "alice".to_owned()), "{alg}");
        let (signed, _) = token.rsplit_once('.').unwrap();
        let other = provider.token("bob", &[("signing_alg", alg)]).await;
        let forged = format!("{signed}.{}", other.rsplit_once('.').unwrap().1);
        assert_eq!(ask(&layer, &forged).await.0, 401, "{alg}");
        let elsewhere = provider.token("alice", &[("signing_alg", alg), ("resource", "urn:other")]).await;
        assert_eq!(ask(&layer, &elsewhere).await.0, 401, "{alg}");
    }
}

/// All of them at the same time, to the last one's end.
async fn all(futures: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut running: Vec<_> = futures.map(Box::pin).collect();
    poll_fn(|context| {
        running.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if running.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// So many clients ask each so often: more than two hundred requests a second.
const CLIENTS: usize = 16;
const PAUSE: Duration = Duration::from_millis(50);

/// Requests between two rotations.
const BETWEEN: usize = 400;

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn it_rotates_under_load_and_no_good_token_is_refused() {
    let provider = RealProvider::start();
    let (layer, clock) = (layer(&provider), SystemClock::new());
    let token = RefCell::new(provider.token("alice", &[]).await);
    let (rotations, answered, over) = (Cell::new(0), Cell::new(0), Cell::new(false));
    // Who has a token uses the newest; each answer is looked at.
    let client = async || {
        while !over.get() {
            let newest = token.borrow().clone();
            assert_eq!(
                ask(&layer, &newest).await,
                (200, "alice".to_owned()),
                "{} rotations",
                rotations.get()
            );
            answered.set(answered.get() + 1);
            clock.until(clock.monotonic().plus(PAUSE)).await;
        }
    };
    let rotate = async || {
        while rotations.get() < 4 {
            let old = token.borrow().clone();
            provider.rotate().await;
            *token.borrow_mut() = provider.token("alice", &[]).await;
            rotations.set(rotations.get() + 1);
            let until = answered.get() + BETWEEN;
            while answered.get() < until {
                clock.until(clock.monotonic().plus(PAUSE)).await;
            }
            assert_eq!(ask(&layer, &old).await.0, 401, "withdrawn with the set that it was in");
        }
        over.set(true);
    };
    tokio::join!(all((0..CLIENTS).map(|_| client())), rotate());
    // One for each set, whoever asks; and one for each old token, whose key might be one of a newer set. Who comes while one is under way
    // wants another behind it: a set that was asked for before may be older than its key. How many come then is the machine's affair.
    let (fetched, needed) = (provider.hits("/jwks").await, 1 + 2 * rotations.get());
    assert!((needed..=2 * needed).contains(&fetched), "{fetched} fetches for {} requests", answered.get());
}
