//! A proof is good once, at whichever instance.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Health, HealthCheck};
use gambeson_oidc_auth::redis::RedisStores;
use gambeson_oidc_auth::{AuthLayer, Dpop};
use gambeson_testing::eventually;

use super::server::Server;
use crate::bound::sender::{Client, ORIGIN, challenges, send};
use crate::fake_issuer::{poll_once, settle, static_verifier};

/// A client, and the app at this instance.
fn client(shared: &RedisStores) -> Client {
    Client::with("ES256", dpop(shared))
}

fn dpop(shared: &RedisStores) -> Dpop {
    Dpop::at(ORIGIN).replay(Arc::new(shared.replay())).build().unwrap()
}

/// The app at another instance, which knows the same issuer.
fn app(client: &Client, shared: &RedisStores) -> AuthLayer {
    let verifier = static_verifier(&[&client.issuer]).clock(Arc::new(client.clock.clone())).build().unwrap();
    AuthLayer::required(verifier).dpop(dpop(shared))
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn a_proof_works_once_of_all_instances_and_is_forgotten_when_it_is_too_old() {
    let server = Server::start().await;
    let client = client(&server.instance());
    let there = app(&client, &server.instance());
    let proof = client.good();
    assert_eq!(client.ask(&[&proof]).await.status(), 200);
    let answer = send(&there, client.request(&[&proof])).await;
    assert_eq!(answer.status(), 401);
    assert!(challenges(&answer)[0].contains("invalid_dpop_proof"));
    assert_eq!(send(&there, client.request(&[&client.good()])).await.status(), 200);
    let keys: Vec<String> = server.say(&["KEYS", "*"]).await;
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert!(key.starts_with("{gambeson}:proof:"), "{key}");
        let left: i64 = server.say(&["PTTL", &key]).await;
        assert!((100_000..=120_001).contains(&left), "{left}");
    }
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn without_the_server_nobody_is_let_in_and_with_it_everybody_is_again() {
    let mut server = Server::start().await;
    let shared = server.instance();
    let client = client(&shared);
    assert_eq!(client.ask(&[&client.good()]).await.status(), 200);
    server.kill();
    for _ in 0..3 {
        let answer = client.ask(&[&client.good()]).await;
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
    }
    assert!(matches!(shared.check().wait().await, Health::Unhealthy(_)));
    server.start_again().await;
    let again = || async { (client.ask(&[&client.good()]).await.status() == 200).then_some(()) };
    eventually(Duration::from_secs(10), again).await.expect("the same stores recover");
    assert_eq!(shared.check().wait().await, Health::Healthy);
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn a_server_that_hangs_is_not_waited_for() {
    let server = Server::start().await;
    let shared = server.builder().deadline(Duration::from_millis(100)).build().unwrap();
    let client = client(&shared);
    assert_eq!(client.ask(&[&client.good()]).await.status(), 200);
    server.freeze(true);
    // More than it takes to give the connection up: a new one is not answered either.
    for _ in 0..5 {
        assert_eq!(client.ask(&[&client.good()]).await.status(), 503);
    }
    server.freeze(false);
    let again = || async { (client.ask(&[&client.good()]).await.status() == 200).then_some(()) };
    eventually(Duration::from_secs(10), again).await.expect("the same stores recover");
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn who_gives_up_gets_in_nobodys_way() {
    let server = Server::start().await;
    let shared = server.instance();
    let client = client(&shared);
    for _ in 0..20 {
        let proof = client.good();
        let proofs = [&*proof];
        // The first is dropped while it connects, others while they wait for an answer.
        let mut asked = pin!(client.ask(&proofs));
        assert!(poll_once(asked.as_mut()).is_pending());
        settle().await;
        let _ = poll_once(asked.as_mut());
    }
    let proofs: Vec<String> = (0..20).map(|_| client.good()).collect();
    for proof in &proofs {
        assert_eq!(client.ask(&[proof]).await.status(), 200, "each gets its own answer");
        assert_eq!(client.ask(&[proof]).await.status(), 401);
    }
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn more_than_may_be_under_way_is_refused_at_once() {
    let server = Server::start().await;
    let shared = server.builder().in_flight(1).build().unwrap();
    let client = client(&shared);
    let (first, second) = (client.good(), client.good());
    let (first, second) = ([&*first], [&*second]);
    let mut first = pin!(client.ask(&first));
    assert!(poll_once(first.as_mut()).is_pending());
    assert_eq!(client.ask(&second).await.status(), 503);
    assert_eq!(first.await.status(), 200);
    assert_eq!(client.ask(&second).await.status(), 200, "its place was given back");
}

/// Also while it connects: else each who asks would begin again, and the last of a queue would have no time left.
#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn a_connection_is_made_though_nobody_waits_for_it_any_more() {
    let server = Server::start().await;
    let shared = server.instance();
    let connections = || async {
        let clients: String = server.say(&["CLIENT", "LIST"]).await;
        // Not the one that asks.
        clients.lines().filter(|client| !client.contains("cmd=client|list")).count()
    };
    for _ in 0..20 {
        assert!(poll_once(pin!(shared.ready()).as_mut()).is_pending());
    }
    let connected = || async { (connections().await > 0).then_some(()) };
    eventually(Duration::from_secs(10), connected).await.expect("the first who asked has it made");
    shared.ready().await.unwrap();
    assert_eq!(connections().await, 1);
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn a_server_that_refuses_what_it_is_asked_is_not_healthy() {
    let server = Server::start().await;
    let shared = server.as_user().await;
    let client = client(&shared);
    assert_eq!(client.ask(&[&client.good()]).await.status(), 200);
    let _: String = server.say(&["ACL", "SETUSER", "app", "-set"]).await;
    assert_eq!(client.ask(&[&client.good()]).await.status(), 503);
    let Health::Unhealthy(why) = shared.check().wait().await else { panic!("it is healthy") };
    assert!(why.contains("no permissions"), "{why}");
    let _: String = server.say(&["ACL", "SETUSER", "app", "+set"]).await;
    assert_eq!(client.ask(&[&client.good()]).await.status(), 200);
    assert_eq!(shared.check().wait().await, Health::Healthy);
}
