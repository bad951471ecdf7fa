//! What a 401 of the other side does.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use gambeson_oidc_auth::outgoing::{ClonedBody, EmptyBody};
use http::{Request, Response, header};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt};

use super::api::{API, Api, to_api, together};
use super::provider::{Mood, Scene};
use crate::fake_issuer::{poll_once, settle};

fn post() -> Request<Full<Bytes>> {
    Request::post(format!("{API}/v1")).body(Full::from("{}")).unwrap()
}

#[tokio::test]
async fn a_rejected_token_is_replaced_and_the_request_sent_once_more() {
    let (scene, api) = (Scene::new(), Api::default());
    let layer = to_api(&scene.source()).repeat_with(ClonedBody);
    assert_eq!(api.ask(&layer, post()).await, Ok(200));
    api.refuse("token-1");
    assert_eq!(api.ask(&layer, post()).await, Ok(200));
    assert_eq!(api.seen(), ["Bearer token-1", "Bearer token-1", "Bearer token-2"]);
    assert_eq!(api.ask(&layer, post()).await, Ok(200));
    assert_eq!((scene.provider.count(), api.seen().len()), (2, 4));
}

#[tokio::test]
async fn many_rejected_requests_share_one_replacement() {
    let (scene, api) = (Scene::new(), Api::default());
    let layer = to_api(&scene.source()).repeat_with(ClonedBody);
    assert_eq!(api.get(&layer).await, Ok(200));
    api.refuse("token-1");
    let answers = together((0..64).map(|_| api.ask(&layer, post()))).await;
    assert!(answers.into_iter().all(|answer| answer == Ok(200)));
    assert_eq!(scene.provider.count(), 2);
}

#[tokio::test]
async fn without_a_copy_the_401_is_handed_on_and_the_token_is_replaced_behind_it() {
    let (scene, api) = (Scene::new(), Api::default());
    let layer = to_api(&scene.source());
    assert_eq!(api.get(&layer).await, Ok(200));
    api.refuse("token-1");
    assert_eq!(api.ask(&layer, post()).await, Ok(401));
    settle().await;
    assert_eq!(api.ask(&layer, post()).await, Ok(200));
    assert_eq!(api.seen(), ["Bearer token-1", "Bearer token-1", "Bearer token-2"]);
    // Where only empty bodies are copied, one with a body is sent once.
    let layer = layer.repeat_with(EmptyBody);
    scene.pass_seconds(11).await;
    api.refuse("token-2");
    assert_eq!(api.ask(&layer, post()).await, Ok(401));
    settle().await;
    api.refuse("token-3");
    scene.pass_seconds(11).await;
    assert_eq!(api.get(&layer).await, Ok(200));
    assert_eq!(api.seen().last().unwrap(), "Bearer token-4");
}

#[tokio::test]
async fn who_refuses_every_token_is_no_reason_for_a_storm() {
    let (scene, api) = (Scene::new(), Api::default());
    api.refuse("*");
    let layer = to_api(&scene.source()).repeat_with(ClonedBody);
    for _ in 0..60 {
        for _ in 0..10 {
            assert_eq!(api.get(&layer).await, Ok(401));
        }
        scene.pass_seconds(1).await;
    }
    assert!((6..=8).contains(&scene.provider.count()), "{}", scene.provider.count());
}

#[tokio::test]
async fn a_401_while_the_issuer_is_down_is_handed_on_and_takes_the_token_from_nobody() {
    for mood in [Mood::Down, Mood::Says(500, ""), Mood::Says(400, r#"{"error":"invalid_client"}"#)] {
        let (scene, api) = (Scene::new(), Api::default());
        let layer = to_api(&scene.source()).repeat_with(ClonedBody);
        assert_eq!(api.get(&layer).await, Ok(200));
        scene.provider.mood(mood);
        api.refuse("token-1");
        assert_eq!(api.get(&layer).await, Ok(401), "{mood:?}");
        assert_eq!(
            api.get(&layer).await,
            Ok(401),
            "{mood:?}: it was good when it was issued, and may be elsewhere"
        );
        assert!(api.seen().iter().all(|seen| seen == "Bearer token-1"));
    }
}

#[tokio::test]
async fn an_issuer_that_gives_the_same_token_again_gets_no_second_request() {
    let (scene, api) = (Scene::new(), Api::default());
    scene.provider.edit(|state| state.answer["access_token"] = "always".into());
    api.refuse("always");
    let layer = to_api(&scene.source()).repeat_with(ClonedBody);
    assert_eq!(api.get(&layer).await, Ok(401));
    assert_eq!((api.seen().len(), scene.provider.count()), (1, 2));
}

/// One call at a time, until its answer's body is dropped; takes `token-2` only.
#[derive(Clone, Default)]
struct OneAtATime(Arc<AtomicBool>);

struct Place(Arc<AtomicBool>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Service<Request<Full<Bytes>>> for OneAtATime {
    type Response = Response<Place>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Place>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.0.load(Ordering::Relaxed) { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        assert!(!self.0.swap(true, Ordering::Relaxed), "two at once");
        let good = request.headers()[header::AUTHORIZATION] == "Bearer token-2";
        let answer = Response::builder().status(if good { 200 } else { 401 });
        ready(Ok(answer.body(Place(Arc::clone(&self.0))).unwrap()))
    }
}

#[tokio::test]
async fn the_401_is_let_go_before_its_place_is_needed_again() {
    let scene = Scene::new();
    let layer = to_api(&scene.source()).repeat_with(ClonedBody);
    let mut call = Box::pin(layer.layer(OneAtATime::default()).oneshot(post()));
    let mut answer = poll_once(call.as_mut());
    for _ in 0..5 {
        if answer.is_pending() {
            settle().await;
            answer = poll_once(call.as_mut());
        }
    }
    let Poll::Ready(Ok(answer)) = answer else { panic!("it waits for itself") };
    assert_eq!(answer.status(), 200);
}
