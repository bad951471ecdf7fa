use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use gambeson_core::{Mode, Principal, RequestFacts, RequestHead, Timestamp};
use gambeson_cost_guard::{
    Budget, Calendar, CostGuard, CostLayer, Estimate, Feature, Meter, RouteCosts, Scope, Tab, Usage,
};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{builder, clock, person, poll, request, usd};

fn guard() -> CostGuard {
    builder(&clock())
        .budget(Budget::money("user/{subject}", usd(50)).per(Calendar::day("UTC")))
        .build()
        .unwrap()
}

fn layer(guard: &CostGuard) -> CostLayer {
    guard.cost_layer(|head: &RequestHead<'_>| match head.uri.path() {
        "/free" => Estimate::free(),
        _ => Estimate::amount(usd(20)).feature(Feature::new("summaries")),
    })
}

fn standing(guard: &CostGuard, who: &Principal) -> (i64, i64) {
    let one = &guard.remaining(&Scope::principal(who))[0];
    (one.spent.nanos() / 1_000_000, one.held.nanos() / 1_000_000)
}

/// An app that uses up 15 thousandths of what was held for it.
async fn app(request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let tab = request.extensions().get::<Tab>().cloned();
    if let Some(tab) = tab {
        tab.record(usd(15)).unwrap();
    }
    Ok(Response::new(Full::new(Bytes::from("summary"))))
}

#[tokio::test]
async fn a_request_holds_settles_at_its_end_and_is_refused_when_the_money_is_spent() {
    let guard = guard();
    let alice = person("alice");
    for spent in [15, 30] {
        let answer =
            layer(&guard).layer(service_fn(app)).oneshot(request("/x", "/x", Some("alice"))).await.unwrap();
        assert_eq!(standing(&guard, &alice), (spent - 15, 20), "held until the body has ended");
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "summary");
        assert_eq!(standing(&guard, &alice), (spent, 0));
    }
    // Twenty fit, but fifteen were needed; the next twenty don't.
    layer(&guard).layer(service_fn(app)).oneshot(request("/x", "/x", Some("alice"))).await.unwrap();
    assert_eq!(standing(&guard, &alice), (45, 0), "an answer that is dropped was made all the same");
    let again = request("/x", "/x", Some("alice"));
    let facts = RequestFacts::of(again.extensions()).unwrap().clone();
    let refused = layer(&guard).layer(service_fn(app)).oneshot(again).await.unwrap();
    assert_eq!(refused.status(), 402);
    assert_eq!(refused.headers()["x-should-retry"], "false");
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    assert!(!refused.headers().contains_key("retry-after"));
    let body = refused.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["code"], "budget-exhausted");
    assert_eq!(body["budget"], "user/{subject}");
    assert_eq!(body["violated-policies"][0], "user/{subject}");
    assert_eq!((&body["limit"], &body["left"]), (&"0.05 USD".into(), &"0.005 USD".into()));
    assert_eq!(body["resets_at"], "2026-11-25T00:00:00.000Z");
    assert_eq!(facts.rejection().unwrap().slug(), "budget-exhausted");
    let compat = layer(&guard).compat_429().layer(service_fn(app));
    assert_eq!(compat.oneshot(request("/x", "/x", Some("alice"))).await.unwrap().status(), 429);
    let free = layer(&guard).layer(service_fn(app)).oneshot(request("/free", "/free", Some("alice"))).await;
    assert_eq!(free.unwrap().status(), 200);
}

#[tokio::test]
async fn a_cancelled_request_is_charged_what_it_used() {
    let guard = guard();
    let alice = person("alice");
    let mut asked = Box::pin(
        layer(&guard)
            .layer(service_fn(async |request: Request<Full<Bytes>>| {
                let tab: &Tab = request.extensions().get().unwrap();
                tab.record(usd(4)).unwrap();
                let _call = tab.begin(usd(10)).unwrap();
                pending::<Result<Response<Full<Bytes>>, Infallible>>().await
            }))
            .oneshot(request("/x", "/x", Some("alice"))),
    );
    assert!(poll(&mut asked).is_pending());
    assert_eq!(standing(&guard, &alice), (0, 20));
    drop(asked);
    assert_eq!(standing(&guard, &alice), (14, 0), "the call under way may be billed");
}

#[tokio::test]
async fn calls_may_need_more_than_was_held() {
    let guard = guard();
    let alice = person("alice");
    let app = layer(&guard).layer(service_fn(async |request: Request<Full<Bytes>>| {
        let tab: Tab = request.extensions().get::<Tab>().unwrap().clone();
        let first = tab.begin(usd(20)).unwrap();
        let second = tab.begin(usd(25)).unwrap();
        tab.begin(usd(10)).unwrap_err();
        first.settle(usd(11)).unwrap();
        second.cancel();
        let usage = Usage::call().with(Meter::OutputToken, 200);
        tab.record_usage("demo/summarizer-1", &usage).unwrap();
        tab.record_usage("demo/other", &usage).unwrap_err();
        assert_eq!(tab.incurred(), usd(21));
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    }));
    app.oneshot(request("/x", "/x", Some("alice"))).await.unwrap();
    assert_eq!(standing(&guard, &alice), (21, 0));
}

#[tokio::test]
async fn without_authentication_nothing_is_spent() {
    let guard = guard();
    let bare = Request::post("/x").body(Full::default()).unwrap();
    assert_eq!(layer(&guard).layer(service_fn(app)).oneshot(bare).await.unwrap().status(), 500);
    let nobody = layer(&guard).layer(service_fn(app)).oneshot(request("/x", "/x", None)).await.unwrap();
    assert_eq!(nobody.status(), 403);
    assert_eq!(
        CostLayer::off().layer(service_fn(app)).oneshot(request("/x", "/x", None)).await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn observing_counts_what_it_lets_pass() {
    let guard = guard();
    let until = Timestamp::from_unix_seconds(1_900_000_000);
    let observing = layer(&guard).mode(Mode::Observe { until });
    for _ in 0..5 {
        let answer =
            observing.layer(service_fn(app)).oneshot(request("/x", "/x", Some("alice"))).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(standing(&guard, &person("alice")), (75, 0));
    assert_eq!(
        observing.layer(service_fn(app)).oneshot(request("/x", "/x", None)).await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn observing_ends_by_itself() {
    let clock = clock();
    let until = Timestamp::from_unix_seconds(1_795_521_660);
    let budget = Budget::money("user/{subject}", usd(50)).per(Calendar::day("UTC"));
    let observing = layer(&builder(&clock).budget(budget).build().unwrap()).mode(Mode::Observe { until });
    let ask = async || observing.layer(service_fn(app)).oneshot(request("/x", "/x", Some("alice"))).await;
    for _ in 0..5 {
        assert_eq!(ask().await.unwrap().status(), 200);
    }
    clock.set(until);
    assert_eq!(ask().await.unwrap().status(), 402);
}

#[tokio::test]
async fn routes_have_their_costs() {
    let guard = Arc::new(guard());
    let usage = Usage::call().with(Meter::InputToken, 1_000).with(Meter::OutputToken, 200);
    let costs = RouteCosts::new().route(
        Method::POST,
        "/api/notes/{id}/summary",
        Estimate::usage("demo/summarizer-1", usage).feature("summaries"),
    );
    let layer = guard.cost_layer(costs);
    let alice = person("alice");
    let template = "/api/notes/{id}/summary";
    let answer =
        layer.layer(service_fn(app)).oneshot(request("/api/notes/1/summary", template, Some("alice"))).await;
    assert_eq!(standing(&guard, &alice), (0, 15));
    drop(answer);
    let other =
        layer.layer(service_fn(app)).oneshot(request("/api/notes/1", "/api/notes/{id}", Some("alice"))).await;
    assert_eq!(standing(&guard, &alice), (15, 0));
    drop(other);
}
