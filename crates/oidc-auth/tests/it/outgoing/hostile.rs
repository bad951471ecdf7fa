//! Where a token never goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use gambeson_core::{BoxError, Profile, Refused};
use gambeson_oidc_auth::outgoing::{CallerToken, ClonedBody, TokenLayer, TokenSource};
use http::{Request, Response, header};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};

use super::api::{API, Api, request, to_api};
use super::provider::{Scene, by_secret, issuer};

#[tokio::test]
async fn other_origins_get_no_token_and_cost_none() {
    let (scene, api) = (Scene::new(), Api::default());
    let layer = to_api(&scene.source()).repeat_with(ClonedBody);
    let elsewhere = [
        "https://orders.example.com.evil.example/",
        "https://orders.example.com@evil.example/",
        "https://orders.example.com:443@evil.example/",
        "https://evil.example/?to=https://orders.example.com/",
        "https://evil.example/https://orders.example.com/",
        "https://orders.example.com:8443/",
        "http://orders.example.com/",
        "http://orders.example.com:443/",
        "https://xorders.example.com/",
        "https://example.com/",
        "https://orders.example.com./",
        "/v1",
    ];
    api.refuse("*");
    for url in elsewhere {
        let mut request = request(url);
        request.headers_mut().insert(header::HOST, "orders.example.com".parse().unwrap());
        assert_eq!(api.ask(&layer, request).await, Ok(200), "{url}");
        assert_eq!(api.seen().last().unwrap(), "", "{url}");
    }
    let before = scene.provider.count();
    let fresh = to_api(&scene.source());
    for url in elsewhere {
        api.ask(&fresh, request(url)).await.unwrap();
    }
    assert_eq!(scene.provider.count(), before, "no token is got for nobody");
}

#[tokio::test]
async fn every_declared_origin_gets_it_however_it_is_written() {
    let (scene, api) = (Scene::new(), Api::default());
    let builder = TokenLayer::builder(scene.source()).origin(API).origin("https://stock.example.com:8443");
    let layer = builder.build().unwrap();
    for url in [
        API,
        "HTTPS://ORDERS.example.com:443/v1?x",
        "https://stock.example.com:8443/",
        "https://u@orders.example.com/",
    ] {
        api.ask(&layer, request(url)).await.unwrap();
        assert_eq!(api.seen().last().unwrap(), "Bearer token-1", "{url}");
    }
}

#[tokio::test]
async fn a_credential_of_the_app_stays_and_its_401_is_its_own() {
    let (scene, api) = (Scene::new(), Api::default());
    let layer = to_api(&scene.source()).repeat_with(ClonedBody);
    let own = || Request::get(API).header(header::AUTHORIZATION, "Basic YTpi").body(Full::default()).unwrap();
    assert_eq!(api.ask(&layer, own()).await, Ok(200));
    assert_eq!((api.seen(), scene.provider.count()), (vec!["Basic YTpi".to_owned()], 0));
}

#[tokio::test]
async fn the_caller_s_own_token_goes_to_nobody_however_the_request_was_made() {
    let scene = Scene::new();
    let source = scene.on(TokenSource::on_behalf_of(issuer(), by_secret())).build().unwrap();
    let layer = to_api(&source).repeat_with(ClonedBody);
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let inner = service_fn(move |request: Request<Full<Bytes>>| {
        count.fetch_add(1, Ordering::Relaxed);
        assert!(request.extensions().get::<CallerToken>().is_none());
        async { Ok::<_, BoxError>(Response::new(Full::<Bytes>::default())) }
    });
    let on_behalf = |url: &str| {
        let mut request = request(url);
        request.extensions_mut().insert(CallerToken::new("alice"));
        request
    };
    let elsewhere = "https://evil.example/";
    for mut copied in [on_behalf(API), on_behalf(elsewhere), request(API), request(elsewhere)] {
        let url = copied.uri().clone();
        copied.headers_mut().insert(header::AUTHORIZATION, "Bearer alice".parse().unwrap());
        let error = layer.layer(inner.clone()).oneshot(copied).await.expect_err(&url.to_string());
        let rejection = error.downcast::<Refused>().unwrap().0;
        assert_eq!((rejection.status().as_u16(), rejection.slug()), (500, "caller-authorization-copied"));
    }
    assert_eq!((seen.load(Ordering::Relaxed), scene.provider.count()), (0, 0));
    for url in [API, elsewhere] {
        layer.layer(inner.clone()).oneshot(on_behalf(url)).await.unwrap();
    }
    assert_eq!(seen.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_layer_on_behalf_of_callers_lets_pass_what_another_layer_has_equipped() {
    let (scene, api) = (Scene::new(), Api::default());
    let own = to_api(&scene.source());
    let source = scene.on(TokenSource::on_behalf_of(issuer(), by_secret())).build().unwrap();
    let for_callers = TokenLayer::builder(source).origin("https://stock.example.com").build().unwrap();
    let service = own.layer(for_callers.layer(api.service()));
    service.oneshot(request(API)).await.unwrap();
    assert_eq!(api.seen(), ["Bearer token-1"]);
    // To its own origins it puts tokens of callers, and nobody else does.
    let service = own.layer(to_api(&for_callers.source().unwrap().clone()).layer(api.service()));
    let error = service.oneshot(request(API)).await.unwrap_err().downcast::<Refused>().unwrap().0;
    assert_eq!(error.slug(), "caller-authorization-copied");
}

/// A middleware that copies the incoming field stands between two layers.
#[tokio::test]
async fn what_another_layer_has_put_there_must_be_there_still_and_alone() {
    let (scene, api) = (Scene::new(), Api::default());
    let own = to_api(&scene.source());
    let source = scene.on(TokenSource::on_behalf_of(issuer(), by_secret())).build().unwrap();
    let for_callers = TokenLayer::builder(source).origin("https://stock.example.com").build().unwrap();
    for adds in [false, true] {
        let inner = for_callers.layer(api.service());
        let between = service_fn(move |mut request: Request<Full<Bytes>>| {
            let copied: http::HeaderValue = "Bearer alice".parse().unwrap();
            match adds {
                true => drop(request.headers_mut().append(header::AUTHORIZATION, copied)),
                false => drop(request.headers_mut().insert(header::AUTHORIZATION, copied)),
            }
            inner.clone().oneshot(request)
        });
        let error = own.layer(between).oneshot(request(API)).await.expect_err("it goes on");
        let rejection = error.downcast::<Refused>().unwrap().0;
        assert_eq!(rejection.slug(), "caller-authorization-copied", "added: {adds}");
    }
    assert!(api.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_is_handed_on_and_not_followed() {
    let scene = Scene::new();
    let elsewhere = service_fn(async |_: Request<Full<Bytes>>| {
        let answer = Response::builder().status(307).header(header::LOCATION, "https://evil.example/");
        Ok::<_, BoxError>(answer.body(Full::<Bytes>::default()).unwrap())
    });
    let answer = to_api(&scene.source()).layer(elsewhere).oneshot(request(API)).await.unwrap();
    assert_eq!(answer.status(), 307);
}

#[tokio::test]
async fn a_refusal_is_in_the_facts_and_in_the_error() {
    let (scene, api) = (Scene::new(), Api::default());
    scene.provider.mood(super::provider::Mood::Down);
    let layer = to_api(&scene.source());
    let mut waiting = request(API);
    let facts = gambeson_core::RequestFacts::ensure(&mut waiting);
    let error = layer.layer(api.service()).oneshot(waiting).await.unwrap_err();
    assert_eq!(error.downcast::<Refused>().unwrap().0.slug(), "outgoing-token-unavailable");
    assert_eq!(facts.rejection().unwrap().slug(), "outgoing-token-unavailable");
    assert!(api.seen().is_empty());
}

#[test]
fn all_that_is_wrong_with_a_layer_is_told_at_once() {
    let build = |origins: &[&str]| {
        let builder = TokenLayer::builder(Scene::new().source()).run_in(Profile::Production);
        origins.iter().fold(builder, |builder, origin| builder.origin(*origin)).build()
    };
    assert!(build(&[]).unwrap_err().to_string().contains("outgoing.origins"));
    let error = build(&["http://orders.example.com", "orders", API, "https://a.example/path"]).unwrap_err();
    assert_eq!(error.problems().len(), 3, "{error}");
}
