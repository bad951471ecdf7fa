//! One token is kept fresh for all who want it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    BoxFuture, CredentialErrorKind, CredentialSource, Health, HealthCheck, HttpTransport, TransportError,
    TransportLimits,
};
use gambeson_oidc_auth::outgoing::{CallerToken, TokenSource, TokenSourceStatus};
use serde_json::json;
use tower::{Layer, Service};

use super::api::{API, Api, REFUSED, UNAVAILABLE, request, to_api, together};
use super::provider::{Mood, Scene, by_secret, issuer};
use crate::fake_issuer::{poll_once, settle};

/// A transport with a fault of its own.
#[derive(Debug)]
struct Panicking;

impl HttpTransport for Panicking {
    fn send(
        &self,
        _: http::Request<Bytes>,
        _: TransportLimits,
    ) -> BoxFuture<Result<http::Response<Bytes>, TransportError>> {
        let nothing = std::hint::black_box(None);
        Box::pin(async move { nothing.unwrap() })
    }
}

#[tokio::test]
async fn a_panic_on_the_way_is_not_called_a_missing_runtime() {
    let scene = Scene::new();
    let source = scene.credentials().transport(Arc::new(Panicking)).build().unwrap();
    let error = source.credential().wait().await.unwrap_err();
    assert_eq!(error.kind(), CredentialErrorKind::Unavailable);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("half-way"), "{cause}");
}

#[tokio::test]
async fn sixty_four_requests_at_once_are_one_exchange() {
    let (scene, api) = (Scene::new(), Api::default());
    let layer = to_api(&scene.source());
    scene.provider.mood(Mood::Hangs);
    let mut calls: Vec<_> = (0..64).map(|_| Box::pin(api.get(&layer))).collect();
    for call in &mut calls {
        assert!(poll_once(call.as_mut()).is_pending());
    }
    settle().await;
    assert_eq!(scene.provider.count(), 1);
    // The one that hangs ends at its deadline; those who wait are told, and who comes then begins anew.
    scene.pass_seconds(6).await;
    for call in calls {
        assert_eq!(call.await, UNAVAILABLE);
    }
    scene.provider.mood(Mood::Up);
    scene.pass_seconds(2).await;
    assert_eq!(together((0..64).map(|_| api.get(&layer))).await, vec![Ok(200); 64]);
    assert_eq!((scene.provider.count(), api.seen()), (2, vec!["Bearer token-2".to_owned(); 64]));
}

#[tokio::test]
async fn a_token_is_renewed_behind_requests_before_it_ends() {
    let (scene, api) = (Scene::new(), Api::default());
    let layer = to_api(&scene.source());
    assert_eq!(api.get(&layer).await, Ok(200));
    scene.pass_seconds(209).await;
    assert_eq!(api.get(&layer).await, Ok(200));
    settle().await;
    assert_eq!(scene.provider.count(), 1, "seven tenths of 300 s have not passed");
    scene.pass_seconds(47).await;
    assert_eq!(api.get(&layer).await, Ok(200), "nobody waits: the old one is still good");
    assert_eq!(api.seen(), vec!["Bearer token-1"; 3]);
    settle().await;
    assert_eq!(scene.provider.count(), 2);
    assert_eq!(api.get(&layer).await, Ok(200));
    assert_eq!(api.seen().last().unwrap(), "Bearer token-2");
}

#[tokio::test]
async fn instances_do_not_renew_at_the_same_moment() {
    let mut moments = Vec::new();
    for start in 1..20 {
        let scene = Scene::new();
        let entropy = Arc::new(gambeson_core::FixedEntropy::starting_at(start * 1_000));
        let layer = to_api(&scene.credentials().entropy(entropy).build().unwrap());
        Api::default().get(&layer).await.unwrap();
        let mut second = 205;
        scene.pass_seconds(205).await;
        while scene.provider.count() == 1 {
            scene.pass_seconds(1).await;
            second += 1;
            Api::default().get(&layer).await.unwrap();
            settle().await;
        }
        moments.push(second);
    }
    assert!(moments.iter().all(|second| (210..=256).contains(second)), "{moments:?}");
    moments.sort_unstable();
    moments.dedup();
    assert!(moments.len() > 8, "{moments:?}");
}

#[tokio::test]
async fn while_the_issuer_is_down_a_good_token_is_used_and_an_ended_one_is_not() {
    for mood in [
        Mood::Down,
        Mood::Hangs,
        Mood::Says(500, "oops"),
        Mood::Says(200, "<!doctype html><title>Sign in</title>"),
        Mood::Says(200, "{}"),
        Mood::Says(200, ""),
        Mood::Says(302, ""),
        Mood::Long(50 << 20),
        Mood::Long(200 << 10),
        Mood::Says(429, ""),
        Mood::Says(200, r#"{"access_token":"a b","expires_in":300}"#),
        Mood::Says(200, r#"{"access_token":"","expires_in":300}"#),
        Mood::Says(200, r#"{"access_token":"x\r\nevil: 1","expires_in":300}"#),
        Mood::Says(200, r#"{"access_token":"x","expires_in":0}"#),
    ] {
        let (scene, api) = (Scene::new(), Api::default());
        let layer = to_api(&scene.source());
        assert_eq!(api.get(&layer).await, Ok(200));
        scene.provider.mood(mood);
        scene.pass_seconds(257).await;
        for _ in 0..32 {
            assert_eq!(api.get(&layer).await, Ok(200), "{mood:?}: it is still good");
            scene.pass_seconds(1).await;
        }
        let tries = scene.provider.count() - 1;
        assert!((2..10).contains(&tries), "{mood:?}: {tries} tries in 32 s");
        scene.pass_seconds(10).await;
        let mut call = Box::pin(api.get(&layer));
        let refused = match poll_once(call.as_mut()) {
            std::task::Poll::Ready(refused) => refused,
            std::task::Poll::Pending => {
                scene.pass_seconds(6).await;
                call.await
            }
        };
        assert_eq!(refused, UNAVAILABLE, "{mood:?}");
        assert_eq!(api.seen().len(), 33, "{mood:?}: nothing is sent without a token");
        scene.provider.mood(Mood::Up);
        scene.pass_seconds(61).await;
        assert_eq!(api.get(&layer).await, Ok(200), "{mood:?}: it came back");
    }
}

#[tokio::test]
async fn an_issuer_that_is_down_is_asked_ever_less_often() {
    let (scene, api) = (Scene::new(), Api::default());
    let layer = to_api(&scene.source());
    scene.provider.mood(Mood::Down);
    for _ in 0..600 {
        for _ in 0..10 {
            assert_eq!(api.get(&layer).await, UNAVAILABLE);
        }
        scene.pass_seconds(1).await;
    }
    let tries = scene.provider.count();
    assert!((12..30).contains(&tries), "{tries} tries in ten minutes");
}

#[tokio::test]
async fn the_refusal_says_when_to_try_again_and_whose_fault_it_is() {
    let (scene, api) = (Scene::new(), Api::default());
    let layer = to_api(&scene.source());
    scene.provider.mood(Mood::Says(401, r#"{"error":"invalid_client"}"#));
    assert_eq!(api.get(&layer).await, REFUSED);
    scene.provider.mood(Mood::Says(400, r#"{"error":"invalid_scope"}"#));
    scene.pass_seconds(2).await;
    assert_eq!(api.get(&layer).await, REFUSED);
    scene.provider.mood(Mood::Down);
    scene.pass_seconds(5).await;
    assert_eq!(api.get(&layer).await, UNAVAILABLE);
    let mut service = layer.layer(api.service());
    let error = service.call(request(API)).await.unwrap_err().downcast::<gambeson_core::Refused>().unwrap();
    assert!((2..=4).contains(&error.0.retry_after_seconds().unwrap()), "{:?}", error.0.retry_after_seconds());
    let cause = error.0.private_cause().unwrap().to_string();
    assert!(cause.contains("https://id.example/token") && cause.contains("no connection"), "{cause}");
}

#[tokio::test]
async fn who_goes_away_takes_the_token_from_nobody() {
    let (scene, api) = (Scene::new(), Api::default());
    let source = scene.credentials().max_waiting(1).build().unwrap();
    let layer = to_api(&source);
    {
        let mut gone = pin!(api.get(&layer));
        assert!(poll_once(gone.as_mut()).is_pending());
        assert_eq!(api.get(&layer).await, UNAVAILABLE, "one place to wait, and it is taken");
    }
    settle().await;
    assert_eq!(api.get(&layer).await, Ok(200));
    assert_eq!(scene.provider.count(), 1);
    assert_eq!(api.seen(), ["Bearer token-1"]);
}

#[tokio::test]
async fn a_lifetime_that_nobody_says_is_five_minutes_and_an_endless_one_a_day() {
    for (answer, before, after) in [
        (json!({}), 200, 260),
        (json!({"expires_in": u64::MAX}), 60_000, 74_000),
        (json!({"expires_in": "60"}), 41, 52),
    ] {
        let (scene, api) = (Scene::new(), Api::default());
        scene.provider.edit(|state| state.answer = answer.clone());
        let layer = to_api(&scene.source());
        for (wait, exchanges) in [(0, 1), (before, 1), (after - before, 1), (0, 2)] {
            scene.pass_seconds(wait).await;
            assert_eq!(api.get(&layer).await, Ok(200));
            assert_eq!(scene.provider.count(), exchanges, "{answer} after {wait}");
            settle().await;
        }
    }
}

#[tokio::test]
async fn only_bearer_tokens_are_taken() {
    let (scene, api) = (Scene::new(), Api::default());
    let layer = to_api(&scene.source());
    for answer in [
        json!({"token_type": "DPoP", "expires_in": 300}),
        json!({"token_type": "mac", "expires_in": 300}),
        json!({"token_type": "Bearer", "issued_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}),
    ] {
        scene.provider.edit(|state| state.answer = answer.clone());
        assert_eq!(api.get(&layer).await, REFUSED, "{answer}");
        scene.pass_seconds(61).await;
    }
    scene.provider.edit(|state| state.answer = json!({"token_type": "bearer", "expires_in": 300}));
    assert_eq!(api.get(&layer).await, Ok(200));
}

#[tokio::test]
async fn without_a_runtime_there_is_an_error_and_no_panic() {
    let scene = Scene::new();
    let source = scene.source();
    let answer = std::thread::spawn(move || {
        let mut answer = Box::pin(async move { source.credential().wait().await });
        match poll_once(answer.as_mut()) {
            std::task::Poll::Ready(outcome) => outcome.unwrap_err().kind(),
            std::task::Poll::Pending => panic!("it waits for nobody"),
        }
    });
    assert_eq!(answer.join().unwrap(), CredentialErrorKind::Unavailable);
}

#[tokio::test]
async fn a_thawed_function_uses_no_ended_token() {
    let (scene, api) = (Scene::new(), Api::default());
    let layer = to_api(&scene.source());
    assert_eq!(api.get(&layer).await, Ok(200));
    // Frozen for an hour: the monotonic clock stood still, the wall clock did not.
    let now = gambeson_core::Clock::now(&scene.clock);
    scene.clock.set(now.plus(Duration::from_secs(3_600)));
    assert_eq!(api.get(&layer).await, Ok(200));
    assert_eq!(api.seen(), ["Bearer token-1", "Bearer token-2"]);
}

#[tokio::test]
async fn nothing_that_can_be_printed_shows_a_token_or_a_secret() {
    let scene = Scene::new();
    let source = scene.source();
    let layer = to_api(&source);
    let credential = source.credential().wait().await.unwrap();
    let service = layer.layer(Api::default().service());
    scene.provider.mood(Mood::Says(200, r#""token-9""#));
    scene.pass_seconds(400).await;
    let error = source.credential().wait().await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    for text in [
        format!("{source:?}"),
        format!("{layer:?}"),
        format!("{:?}", service.clone()),
        format!("{credential:?}"),
        format!("{error} {error:?} {cause}"),
        format!("{:?}", scene.credentials()),
    ] {
        assert!(!text.contains("token-") && !text.contains("s3cr3t"), "{text}");
    }
}

#[cfg(feature = "client")]
#[tokio::test]
async fn the_log_says_what_went_wrong_and_shows_no_token_or_secret() {
    crate::log::listen();
    let (scene, api) = (Scene::new(), Api::default());
    let _ = crate::log::lines();
    let layer = to_api(&scene.source());
    assert_eq!(api.get(&layer).await, Ok(200));
    api.refuse("token-1");
    assert_eq!(api.get(&layer).await, Ok(401));
    settle().await;
    scene.provider.mood(Mood::Says(401, r#"{"error":"invalid_client"}"#));
    scene.pass_seconds(400).await;
    assert_eq!(api.get(&layer).await, REFUSED);
    scene.provider.mood(Mood::Says(200, r#""token-9""#));
    scene.pass_seconds(61).await;
    assert_eq!(api.get(&layer).await, UNAVAILABLE);
    api.ask(&layer, request("https://elsewhere.example/")).await.unwrap();
    let lines = crate::log::lines();
    for said in [
        "outgoing token renewed",
        "the other side rejected the outgoing token",
        "https://id.example/token answered 401 invalid_client",
        "gave no tokens that can be read",
        "they go to other origins",
    ] {
        assert!(lines.contains(said), "{said}: {lines}");
    }
    assert!(!lines.contains("token-1") && !lines.contains("token-9") && !lines.contains("s3cr3t"), "{lines}");
}

#[tokio::test]
async fn a_source_says_how_it_is_doing() {
    let (scene, api) = (Scene::new(), Api::default());
    let source = scene.source();
    let layer = to_api(&source);
    assert_eq!(source.status(), TokenSourceStatus::default());
    assert_eq!(source.check().ready().ok(), Some(Health::Healthy), "nobody has asked yet");
    assert_eq!(api.get(&layer).await, Ok(200));
    let good = source.status();
    assert_eq!((good.tokens, good.good_for, good.last_error), (1, Some(Duration::from_secs(290)), None));
    scene.provider.mood(Mood::Down);
    scene.pass_seconds(257).await;
    assert_eq!(api.get(&layer).await, Ok(200));
    settle().await;
    let renewing = source.status();
    assert_eq!((renewing.tokens, renewing.good_for), (1, Some(Duration::from_secs(33))));
    let Some(Health::Degraded(why)) = source.check().ready().ok() else { panic!("not degraded") };
    assert!(why.starts_with("1 good tokens") && why.contains("https://id.example/token"), "{why}");
    scene.provider.mood(Mood::Hangs);
    scene.pass_seconds(40).await;
    let mut call = Box::pin(api.get(&layer));
    assert!(poll_once(call.as_mut()).is_pending());
    assert_eq!((source.status().tokens, source.status().waiting), (0, 1));
    drop(call);
    scene.pass_seconds(6).await;
    scene.provider.mood(Mood::Up);
    scene.pass_seconds(61).await;
    assert_eq!(api.get(&layer).await, Ok(200));
    assert_eq!((source.status().last_error, source.status().waiting), (None, 0));
    assert_eq!(layer.source().unwrap().check().ready().ok(), Some(Health::Healthy));
}

#[tokio::test]
async fn a_source_of_callers_counts_them_and_does_not_ail_of_their_tokens() {
    let (scene, api) = (Scene::new(), Api::default());
    let source = scene.on(TokenSource::on_behalf_of(issuer(), by_secret())).build().unwrap();
    let layer = to_api(&source);
    let of = |caller: &'static str| {
        let mut asks = request(API);
        asks.extensions_mut().insert(CallerToken::new(caller));
        asks
    };
    for caller in ["alice", "bob"] {
        assert_eq!(api.ask(&layer, of(caller)).await, Ok(200));
    }
    assert_eq!((source.status().tokens, source.status().last_error), (2, None));
    scene.provider.mood(Mood::Says(400, r#"{"error":"invalid_request"}"#));
    assert_eq!(api.ask(&layer, of("mallory")).await, Err((401, "caller-token-refused")));
    assert_eq!(source.check().ready().ok(), Some(Health::Healthy), "it is the caller's trouble");
    scene.provider.mood(Mood::Down);
    assert_eq!(api.ask(&layer, of("carol")).await, UNAVAILABLE);
    assert!(source.status().last_error.unwrap().contains("no connection"));
    // Carol does not come again.
    scene.provider.mood(Mood::Up);
    assert_eq!(api.ask(&layer, of("dave")).await, Ok(200));
    assert_eq!(source.check().ready().ok(), Some(Health::Healthy), "the last attempt of all of them counts");
}
