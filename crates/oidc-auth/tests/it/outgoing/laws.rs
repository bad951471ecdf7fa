//! The laws of a layer.

use std::pin::pin;
use std::task::Poll;

use gambeson_core::Profile;
use gambeson_oidc_auth::outgoing::{ClonedBody, TokenLayer, TokenSource};
use gambeson_testing::contract::{self, Cases, Inner, TestBody};
use http::Request;
use tower::{Layer, Service, ServiceExt};

use super::api::API;
use super::provider::{Mood, Scene};
use crate::fake_issuer::{poll_once, settle};

fn to_api() -> Request<()> {
    Request::get(API).body(()).unwrap()
}

fn elsewhere() -> Request<()> {
    Request::get("https://elsewhere.example/").body(()).unwrap()
}

fn layer(source: TokenSource) -> TokenLayer {
    TokenLayer::builder(source).origin(API).run_in(Profile::Production).build().unwrap()
}

/// A layer of which nobody has asked for a token yet.
fn cold() -> TokenLayer {
    layer(Scene::new().source())
}

/// A layer that can't have a token.
fn refusing() -> TokenLayer {
    let scene = Scene::new();
    scene.provider.mood(Mood::Down);
    layer(scene.source())
}

async fn warm() -> TokenLayer {
    let source = Scene::new().source();
    gambeson_core::CredentialSource::credential(&source).wait().await.unwrap();
    layer(source)
}

#[tokio::test]
async fn the_layer_keeps_the_laws_with_a_token() {
    let warm = warm().await;
    let once = warm.clone();
    contract::check_outbound(move || once.clone(), Cases::passing(to_api)).await;
    contract::check_outbound(move || warm.clone(), Cases::passing(elsewhere)).await;
}

#[tokio::test]
async fn the_layer_keeps_the_laws_while_it_waits_for_a_token() {
    contract::check_outbound(cold, Cases::passing(to_api)).await;
}

#[tokio::test]
async fn the_layer_keeps_the_laws_when_it_refuses_and_when_it_is_off() {
    contract::check_outbound(refusing, Cases::passing(elsewhere).refusing(to_api)).await;
    contract::check_outbound(TokenLayer::off, Cases::passing(to_api)).await;
    assert!(TokenLayer::off().repeat_with(ClonedBody).is_off());
}

#[tokio::test]
async fn a_waiting_request_holds_no_permit_and_asks_for_one_when_it_goes_on() {
    let scene = Scene::new();
    scene.provider.mood(Mood::Hangs);
    let inner = Inner::new().permits(1);
    let mut service = layer(scene.source()).layer(inner.clone());
    let request = || -> Request<TestBody> { to_api().map(Into::into) };
    ServiceExt::<Request<TestBody>>::ready(&mut service).await.unwrap();
    assert_eq!(inner.free_permits(), 0);
    let mut waiting = pin!(service.call(request()));
    assert!(poll_once(waiting.as_mut()).is_pending());
    settle().await;
    assert_eq!(inner.free_permits(), 1, "others may use the permit while it waits");
    scene.pass_seconds(6).await;
    assert!(matches!(poll_once(waiting.as_mut()), Poll::Ready(Err(_))));

    scene.provider.mood(Mood::Up);
    scene.pass_seconds(2).await;
    ServiceExt::<Request<TestBody>>::ready(&mut service).await.unwrap();
    let mut waiting = pin!(service.call(request()));
    assert!(poll_once(waiting.as_mut()).is_pending());
    let mut busy = inner.clone();
    ServiceExt::<Request<TestBody>>::ready(&mut busy).await.unwrap();
    settle().await;
    assert!(poll_once(waiting.as_mut()).is_pending(), "the token is there, the permit is not");
    assert_eq!(inner.calls(), 0);
    drop(busy);
    let Poll::Ready(Ok(answer)) = poll_once(waiting.as_mut()) else { panic!("still waiting") };
    assert_eq!((answer.status().as_u16(), inner.calls(), inner.unreadied_calls()), (200, 1, 0));
}
