//! The laws of a layer.

use std::pin::pin;
use std::task::Poll;

use gambeson_core::GrpcStatus;
use gambeson_oidc_auth::AuthLayer;
use gambeson_testing::contract::{self, Cases, Inner, TestBody};
use http::{Request, header};
use tower::{Layer, Service, ServiceExt};

use crate::fake_issuer::{House, claims, poll_once, static_verifier};
use crate::signer::Signer;

/// A layer of each kind that asks for tokens of one key, and a request with such a token.
fn layers() -> (AuthLayer, AuthLayer, impl Fn() -> Request<()> + Clone + Send + Sync + 'static) {
    let signer = Signer::es256("k");
    let verifier = static_verifier(&[&signer]).build().unwrap();
    let token = signer.token(&claims());
    (AuthLayer::optional(verifier.clone()), AuthLayer::required(verifier), move || with(&token))
}

fn with(token: &str) -> Request<()> {
    Request::get("/notes").header(header::AUTHORIZATION, format!("Bearer {token}")).body(()).unwrap()
}

fn without() -> Request<()> {
    Request::get("/notes").body(()).unwrap()
}

#[tokio::test]
async fn the_layer_keeps_the_laws() {
    let (optional, required, good) = layers();
    let layer = optional.clone();
    let cases = Cases::passing(good.clone()).refusing(|| with("e30.e30.c2ln"));
    contract::check(move || layer.clone(), cases).await;
    contract::check(move || optional.clone(), Cases::passing(without)).await;
    contract::check(move || required.clone(), Cases::passing(good).refusing(without)).await;
    contract::check(AuthLayer::off, Cases::passing(|| with("e30.e30.c2ln"))).await;
}

#[tokio::test]
async fn the_layer_keeps_the_laws_while_it_waits_for_a_key() {
    let signer = Signer::es256("k");
    let token = signer.token(&claims());
    // Each service has a verifier that has not fetched yet, so that its first request waits.
    let layer = move || AuthLayer::new(House::with(&[&signer]).builder().build().unwrap());
    contract::check(layer, Cases::passing(move || with(&token))).await;
}

#[tokio::test]
async fn the_layer_is_adoptable_by_axum_hyper_and_tonic() {
    let (optional, required, good) = layers();
    for (request, status) in [(good(), 200), (without(), 401), (with("e30.e30.c2ln"), 401)] {
        let again = request.clone();
        assert_eq!(contract::adopt::axum(required.clone(), request).await.status(), status);
        assert_eq!(contract::adopt::hyper(required.clone(), again).await.unwrap().status(), status);
    }
    assert_eq!(contract::adopt::axum(optional.clone(), without()).await.status(), 200);
    let grpc = required.respond_with(GrpcStatus);
    assert_eq!(contract::adopt::tonic(grpc.clone(), good()).await.unwrap().body(), "adopted");
    let refused = contract::adopt::tonic(grpc, without()).await.unwrap();
    assert_eq!(refused.headers()["grpc-status"], "16");
    assert_eq!(refused.headers()["grpc-message"], "credential-required");
}

#[tokio::test]
async fn a_waiting_request_holds_no_permit_and_asks_for_one_when_it_goes_on() {
    let (old, new) = (Signer::es256("old"), Signer::es256("new"));
    let house = House::with(&[&old]);
    let layer = AuthLayer::new(house.verifier().await);
    let inner = Inner::new().permits(1);
    let mut service = layer.layer(inner.clone());
    let request = || -> Request<TestBody> { with(&new.token(&claims())).map(Into::into) };

    ServiceExt::<Request<TestBody>>::ready(&mut service).await.unwrap();
    assert_eq!(inner.free_permits(), 0);
    house.issuer.mood(crate::fake_issuer::Mood::Hangs);
    let mut waiting = pin!(service.call(request()));
    assert!(poll_once(waiting.as_mut()).is_pending());
    assert_eq!(inner.free_permits(), 1, "others may use the permit while it waits");

    let mut busy = inner.clone();
    ServiceExt::<Request<TestBody>>::ready(&mut busy).await.unwrap();
    house.issuer.mood(crate::fake_issuer::Mood::Up);
    house.issuer.publish(&[&new]);
    house.pass_seconds(3).await;
    assert!(poll_once(waiting.as_mut()).is_pending(), "the key is there, the permit is not");
    assert_eq!(inner.calls(), 0);
    drop(busy);
    let Poll::Ready(Ok(answer)) = poll_once(waiting.as_mut()) else { panic!("still waiting") };
    assert_eq!((answer.status().as_u16(), inner.calls(), inner.unreadied_calls()), (200, 1, 0));
}
