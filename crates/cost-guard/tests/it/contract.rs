//! The laws of a layer, for each of them; and inside axum, hyper and tonic.

use std::sync::Arc;

use bytes::Bytes;
use gambeson_core::{GrpcStatus, RequestHead, StatusOnly};
use gambeson_cost_guard::{
    BreakerPolicy, Budget, CircuitBreakerLayer, CostLayer, Estimate, Quota, QuotaLayer, SpendLayer,
};
use gambeson_testing::contract::{self, Cases, adopt};
use http::Request;
use http_body_util::Full;

use crate::support::{builder, clock, request, usd};

fn cases() -> Cases {
    let known = |name: &'static str| move || plain(request("/x", "/x", Some(name)));
    Cases::passing(known("alice")).refusing(|| plain(Request::post("/x").body(Full::default()).unwrap()))
}

fn plain(request: Request<Full<Bytes>>) -> Request<Bytes> {
    request.map(|_| Bytes::new())
}

fn get() -> Request<Bytes> {
    Request::get("/").body(Bytes::new()).unwrap()
}

fn quotas() -> QuotaLayer {
    builder(&clock()).quota(Quota::requests("api/{subject}", 1_000)).build().unwrap().quota_layer()
}

fn costs() -> CostLayer {
    let guard = builder(&clock()).budget(Budget::money("user/{subject}", usd(1_000))).build().unwrap();
    guard.cost_layer(|_: &RequestHead<'_>| Estimate::amount(usd(1)))
}

fn spends() -> SpendLayer {
    let guard = builder(&clock()).budget(Budget::money("user/{subject}", usd(1_000))).build().unwrap();
    guard.spend_layer("demo", |_: &RequestHead<'_>| Estimate::amount(usd(1)))
}

#[tokio::test]
async fn the_layers_keep_the_laws() {
    contract::check(quotas, cases()).await;
    contract::check(|| quotas().fields_on_pass(), cases()).await;
    contract::check(costs, cases()).await;
    contract::check_outbound(spends, cases()).await;
    let breaker = || CircuitBreakerLayer::new("demo", BreakerPolicy::new()).unwrap().clock(Arc::new(clock()));
    contract::check_outbound(breaker, Cases::passing(get)).await;
    let open = || {
        let layer = CircuitBreakerLayer::new("demo", BreakerPolicy::new()).unwrap().clock(Arc::new(clock()));
        layer.breaker().unwrap().trip(std::time::Duration::from_secs(5));
        layer
    };
    let report = contract::examine_outbound(open, Cases::passing(get).refusing(get)).await;
    drop(report);
}

#[tokio::test]
async fn layers_that_are_off_keep_the_laws() {
    contract::check(QuotaLayer::off, Cases::passing(get)).await;
    contract::check(CostLayer::off, Cases::passing(get)).await;
    contract::check_outbound(SpendLayer::off, Cases::passing(get)).await;
    contract::check_outbound(CircuitBreakerLayer::off, Cases::passing(get)).await;
}

#[tokio::test]
async fn the_quota_layer_is_adoptable() {
    let layer = || builder(&clock()).quota(Quota::requests("app", 1)).build().unwrap().quota_layer();
    let axum = layer();
    assert_eq!(adopt::axum(axum.clone(), get()).await.body(), "adopted");
    assert_eq!(adopt::axum(axum, get()).await.status(), 429);
    let hyper = layer();
    assert_eq!(adopt::hyper(hyper.clone(), get()).await.unwrap().body(), "adopted");
    assert_eq!(adopt::hyper(hyper, get()).await.unwrap().status(), 429);
    let tonic = layer().respond_with(GrpcStatus);
    assert_eq!(adopt::tonic(tonic.clone(), get()).await.unwrap().body(), "adopted");
    assert_eq!(adopt::tonic(tonic, get()).await.unwrap().headers()["grpc-status"], "8");
}

#[tokio::test]
async fn the_cost_layer_is_adoptable() {
    let known = || plain(request("/", "/", Some("alice")));
    let spent = || {
        let guard = builder(&clock()).budget(Budget::money("user/{subject}", usd(1))).build().unwrap();
        guard.cost_layer(|_: &RequestHead<'_>| Estimate::amount(usd(2)))
    };
    assert_eq!(adopt::axum(costs(), known()).await.body(), "adopted");
    assert_eq!(adopt::axum(spent(), known()).await.status(), 422);
    assert_eq!(adopt::hyper(costs(), known()).await.unwrap().body(), "adopted");
    assert_eq!(adopt::hyper(spent(), known()).await.unwrap().status(), 422);
    // Extensions don't travel to tonic: nobody is known there, which is refused; what is free passes.
    let closed = costs().respond_with(GrpcStatus);
    assert_eq!(adopt::tonic(closed, get()).await.unwrap().headers()["grpc-message"], "layer-order");
    let guard = builder(&clock()).build().unwrap();
    let free = guard.cost_layer(|_: &RequestHead<'_>| Estimate::free()).respond_with(StatusOnly);
    assert_eq!(adopt::tonic(free, get()).await.unwrap().body(), "adopted");
}
