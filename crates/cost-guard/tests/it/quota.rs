use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{Access, EndpointSpec, Exempt, ManualClock, Mode, Principal, RequestFacts, Timestamp};
use gambeson_cost_guard::{Calendar, Quota, QuotaLayer, Rolling};
use http::{Method, Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{builder, clock, person, request};

fn layer(clock: &ManualClock, quotas: impl IntoIterator<Item = Quota>) -> QuotaLayer {
    quotas.into_iter().fold(builder(clock), |guard, quota| guard.quota(quota)).build().unwrap().quota_layer()
}

async fn ask(layer: &QuotaLayer, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let app = layer.layer(service_fn(async |_| Ok::<_, Infallible>(Response::new(Bytes::new()))));
    app.oneshot(request).await.unwrap()
}

async fn status(layer: &QuotaLayer, who: Option<&str>) -> u16 {
    ask(layer, request("/x", "/x", who)).await.status().as_u16()
}

#[tokio::test]
async fn a_caller_gets_the_count_and_then_the_rate() {
    let clock = clock();
    let layer = layer(&clock, [Quota::requests("api/{subject}", 3).per(Rolling::minutes(1))]);
    for _ in 0..3 {
        assert_eq!(status(&layer, Some("alice")).await, 200);
    }
    let refused = ask(&layer, request("/x", "/x", Some("alice"))).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "20");
    assert_eq!(refused.headers()["ratelimit-policy"], r#""api";q=3;w=60"#);
    assert_eq!(refused.headers()["ratelimit"], r#""api";r=0;t=20"#);
    assert!(std::str::from_utf8(refused.body()).unwrap().contains("quota-exceeded"));
    assert_eq!(status(&layer, Some("bob")).await, 200);
    assert_eq!(status(&layer, None).await, 200, "the edge counts the anonymous");
    clock.advance(Duration::from_secs(20));
    assert_eq!(status(&layer, Some("alice")).await, 200);
    assert_eq!(status(&layer, Some("alice")).await, 429);
}

#[tokio::test]
async fn a_refused_request_counts_nowhere() {
    let clock = clock();
    let day = Quota::requests("day/{tenant}", 5).per(Calendar::day("UTC"));
    let all = [day, Quota::requests("api/{subject}", 2), Quota::requests("anonymous", 1).anonymous()];
    let layer = layer(&clock, all).fields_on_pass();
    for expected in [200, 200, 429, 429, 429] {
        assert_eq!(status(&layer, Some("alice")).await, expected);
    }
    let last = ask(&layer, request("/x", "/x", Some("bob"))).await;
    assert_eq!(last.headers()["ratelimit"], r#""api";r=1;t=30"#, "the strictest");
    assert_eq!(status(&layer, Some("carol")).await, 200);
    assert_eq!(status(&layer, Some("carol")).await, 200);
    let refused = ask(&layer, request("/x", "/x", Some("dave"))).await;
    assert_eq!(refused.headers()["ratelimit"], r#""day";r=0;t=43200"#, "noon: half a day is left");
    clock.set(Timestamp::from_unix_seconds(1_795_521_600 - 86_400));
    assert_eq!(status(&layer, Some("dave")).await, 429, "a clock that goes back refills nothing");
    clock.set(Timestamp::from_unix_seconds(1_795_521_600 + 43_200));
    assert_eq!(status(&layer, Some("dave")).await, 200);
    assert_eq!(status(&layer, None).await, 200);
    assert_eq!(status(&layer, None).await, 429);
}

#[tokio::test]
async fn without_authentication_nothing_passes() {
    let bare = || Request::post("/x").body(Full::<Bytes>::default()).unwrap();
    let by_person = layer(&clock(), [Quota::requests("api/{subject}", 2)]);
    let refused = ask(&by_person, bare()).await;
    assert_eq!(refused.status(), 500);
    assert!(std::str::from_utf8(refused.body()).unwrap().contains("layer-order"));
    assert_eq!(ask(&layer(&clock(), [Quota::requests("app", 2)]), bare()).await.status(), 200);
    let livez = EndpointSpec::new(Method::POST, "/x", Access::Public("probe".into())).exempt(Exempt::probe());
    assert_eq!(ask(&by_person.exempt([&livez]), bare()).await.status(), 200);
    assert_eq!(ask(&QuotaLayer::off(), bare()).await.status(), 200);
}

#[tokio::test]
async fn observing_lets_pass_until_its_date() {
    let clock = clock();
    let until = Timestamp::from_unix_seconds(1_795_521_660);
    let layer = layer(&clock, [Quota::requests("api/{subject}", 1).per(Rolling::hours(1))])
        .mode(Mode::Observe { until });
    for _ in 0..3 {
        assert_eq!(status(&layer, Some("alice")).await, 200);
    }
    clock.set(until);
    assert_eq!(status(&layer, Some("alice")).await, 429);
}

#[tokio::test]
async fn a_million_forged_callers_share_one_strict_count() {
    let layer = layer(&clock(), [Quota::requests("api/{subject}", 2).per(Rolling::hours(1)).max_keys(1_600)]);
    for expected in [200, 200, 429] {
        assert_eq!(status(&layer, Some("alice")).await, expected);
    }
    let mut passed = 0;
    for number in 0..200_000_u32 {
        let mut forged = Request::post("/x").body(Full::<Bytes>::default()).unwrap();
        let who = Principal::user("i", number.to_string()).build();
        let known = gambeson_core::Authentication::Verified(who, gambeson_core::Challenges::none());
        RequestFacts::ensure(&mut forged).authenticate(known).unwrap();
        passed += u32::from(ask(&layer, forged).await.status() == 200);
    }
    assert_eq!(layer.keys(), 1_600);
    assert_eq!(passed, 1_599 + 2, "a place each, then one count for all others");
    assert_eq!(status(&layer, Some("alice")).await, 429, "nobody's debt is forgotten");
    assert_eq!(person("alice").subject(), "alice");
}
