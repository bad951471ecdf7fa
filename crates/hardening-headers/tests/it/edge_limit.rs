use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    Access, EndpointSpec, Exempt, FixedEntropy, ManualClock, Mode, PeerInfo, Rejection, RejectionClass,
    RequestFacts, Timestamp,
};
use gambeson_hardening_headers::edge_limit::{EdgeLimitLayer, EdgeRate};
use gambeson_testing::contract::{self, Cases};
use http::{Method, Request, Response, StatusCode};
use tower::{Layer, ServiceExt, service_fn};

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000))
}

fn limit(rate: EdgeRate, clock: &ManualClock) -> EdgeLimitLayer {
    EdgeLimitLayer::builder(rate)
        .clock(Arc::new(clock.clone()))
        .entropy(Arc::new(FixedEntropy::default()))
        .build()
        .unwrap()
}

fn to(path: &str, address: Option<&str>) -> Request<Bytes> {
    let mut request = Request::get(path).body(Bytes::new()).unwrap();
    let mut peer = PeerInfo::new();
    peer.address = address.map(|text| text.parse().unwrap());
    RequestFacts::ensure(&mut request).set_peer(peer);
    request
}

async fn ask(layer: &EdgeLimitLayer, request: Request<Bytes>) -> Response<Bytes> {
    let app = layer.layer(service_fn(async |request: Request<Bytes>| {
        if request.uri().path() == "/bad-token" {
            let status = StatusCode::UNAUTHORIZED;
            let facts = RequestFacts::of(request.extensions()).unwrap();
            facts.set_rejection(Rejection::new("test", RejectionClass::Credential, "invalid-token", status));
        }
        Ok::<_, Infallible>(Response::new(Bytes::new()))
    }));
    app.oneshot(request).await.unwrap()
}

async fn status(layer: &EdgeLimitLayer, path: &str, address: &str) -> u16 {
    ask(layer, to(path, Some(address))).await.status().as_u16()
}

#[tokio::test]
async fn a_network_gets_its_burst_and_then_its_rate() {
    let clock = clock();
    let layer = limit(EdgeRate::per_second(2).burst(3), &clock);
    for _ in 0..3 {
        assert_eq!(status(&layer, "/", "192.0.2.1").await, 200);
    }
    let request = to("/", Some("192.0.2.1"));
    let facts = RequestFacts::of(request.extensions()).unwrap().clone();
    let refused = ask(&layer, request).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(facts.rejection().unwrap().slug(), "too-many-requests");
    let headers = refused.headers();
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(headers["retry-after"], "1");
    assert_eq!(headers["ratelimit-policy"], r#""edge";q=3;w=2"#);
    assert_eq!(headers["ratelimit"], r#""edge";r=0;t=1"#);
    assert_eq!(status(&layer, "/", "192.0.2.2").await, 200, "another network is not concerned");
    clock.advance(Duration::from_millis(501));
    assert_eq!(status(&layer, "/", "192.0.2.1").await, 200);
    assert_eq!(status(&layer, "/", "192.0.2.1").await, 429);
    assert_eq!(layer.report().refused, 2);
}

#[tokio::test]
async fn passing_answers_carry_fields_only_when_asked_for() {
    let clock = clock();
    let answer = ask(&limit(EdgeRate::default(), &clock), to("/", Some("192.0.2.1"))).await;
    assert!(answer.headers().is_empty());
    let telling = limit(EdgeRate::default().fields_on_pass(), &clock);
    let answer = ask(&telling, to("/", Some("192.0.2.1"))).await;
    assert_eq!(answer.headers()["ratelimit"], r#""edge";r=59;t=1"#);
}

#[tokio::test]
async fn failed_credentials_and_penalties_cost_more() {
    let layer = limit(EdgeRate::per_second(1).burst(4).credential_charge(1), &clock());
    assert_eq!(status(&layer, "/bad-token", "192.0.2.1").await, 200);
    assert_eq!(status(&layer, "/bad-token", "192.0.2.1").await, 200);
    assert_eq!(status(&layer, "/bad-token", "192.0.2.1").await, 429, "two failures used up four units");
    assert_eq!(layer.report().charged, 2);

    layer.penalise("192.0.2.9".parse().unwrap(), 4);
    assert_eq!(status(&layer, "/", "192.0.2.9").await, 429);
    EdgeLimitLayer::off().penalise("192.0.2.9".parse().unwrap(), 4);
}

#[tokio::test]
async fn a_cancelled_request_with_a_failed_credential_is_charged_too() {
    let layer = limit(EdgeRate::per_second(1).burst(4), &clock());
    let app = layer
        .layer(service_fn(|_: Request<Bytes>| std::future::pending::<Result<Response<Bytes>, Infallible>>()));
    let request = to("/", Some("192.0.2.1"));
    let facts = RequestFacts::of(request.extensions()).unwrap().clone();
    let asked = app.oneshot(request);
    tokio::select! {
        biased;
        _ = asked => unreachable!(),
        () = async {} => {}
    }
    assert_eq!(layer.report().charged, 0);
    let status = StatusCode::UNAUTHORIZED;
    let request = to("/", Some("192.0.2.1"));
    let late = RequestFacts::of(request.extensions()).unwrap().clone();
    late.set_rejection(Rejection::new("test", RejectionClass::Credential, "invalid-token", status));
    let app = layer
        .layer(service_fn(|_: Request<Bytes>| std::future::pending::<Result<Response<Bytes>, Infallible>>()));
    tokio::select! {
        biased;
        _ = app.oneshot(request) => unreachable!(),
        () = async {} => {}
    }
    assert_eq!(layer.report().charged, 1);
    assert!(facts.rejection().is_none());
}

#[tokio::test]
async fn without_the_peer_layer_nothing_passes() {
    let observing =
        EdgeRate::default().mode(Mode::Observe { until: Timestamp::from_unix_seconds(2_000_000_000) });
    for rate in [EdgeRate::default(), observing] {
        let answer = ask(&limit(rate, &clock()), Request::get("/").body(Bytes::new()).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(std::str::from_utf8(answer.body()).unwrap().contains("layer-order"));
    }
    let passed = ask(&EdgeLimitLayer::off(), Request::get("/").body(Bytes::new()).unwrap()).await;
    assert_eq!(passed.status(), StatusCode::OK);
}

#[tokio::test]
async fn clients_without_an_address_share_one_bucket() {
    let layer = limit(EdgeRate::per_second(1).burst(2), &clock());
    for expected in [200, 200, 429] {
        assert_eq!(ask(&layer, to("/", None)).await.status().as_u16(), expected);
    }
    assert_eq!(status(&layer, "/", "192.0.2.1").await, 200);
    assert_eq!(layer.report().nameless, 3);
}

#[tokio::test]
async fn observing_lets_pass_and_counts_until_its_end() {
    let clock = clock();
    let until = Timestamp::from_unix_seconds(1_800_000_000).plus(Duration::from_millis(10));
    let layer = limit(EdgeRate::per_minute(1).mode(Mode::Observe { until }), &clock);
    for _ in 0..3 {
        assert_eq!(status(&layer, "/", "192.0.2.1").await, 200);
    }
    assert_eq!((layer.report().observed, layer.report().refused), (2, 0));
    clock.advance(Duration::from_millis(10));
    assert_eq!(status(&layer, "/", "192.0.2.1").await, 429);
}

#[tokio::test]
async fn exempt_endpoints_pass_uncounted() {
    let public = || Access::Public("probe".into());
    let livez = EndpointSpec::new(Method::GET, "/livez", public()).exempt(Exempt::probe());
    let other = EndpointSpec::new(Method::GET, "/other", public());
    let layer = EdgeLimitLayer::builder(EdgeRate::per_minute(1)).exempt([&livez, &other]).build().unwrap();
    for _ in 0..3 {
        assert_eq!(status(&layer, "/livez", "192.0.2.1").await, 200);
    }
    assert_eq!(status(&layer, "/other", "192.0.2.1").await, 200);
    for path in ["/other", "/livez/", "/livez/more"] {
        assert_eq!(status(&layer, path, "192.0.2.1").await, 429);
    }
}

#[test]
fn all_that_is_wrong_is_named_at_once() {
    let files = EndpointSpec::new(Method::GET, "/files/{id}", Access::Management).exempt(Exempt::probe());
    let rate = EdgeRate::per_second(0).v6_prefix(16).table_bytes(1);
    let error = EdgeLimitLayer::builder(rate).exempt([&files]).build().unwrap_err();
    let fields: Vec<_> = error.problems().iter().map(|problem| problem.field.as_str()).collect();
    let rest =
        ["count", "burst", "v6-prefix", "table"].map(|field| format!("hardening-headers.rate.{field}"));
    assert_eq!(fields[0], "hardening-headers.rate.exempt");
    assert_eq!(fields[1..], rest);
}

/// What a table can't remember it would forgive: from some burst on, nobody would be limited any more.
#[test]
fn a_burst_comes_back_within_a_day() {
    let rate = |count, period, burst| {
        let mut rate = EdgeRate::per_second(count).burst(burst);
        rate.period_seconds = period;
        EdgeLimitLayer::new(rate).map(|_| ()).map_err(|error| error.to_string())
    };
    for (count, period, burst) in [(1, 86_400, 4_000), (1, 86_400, 1_000_000), (1, 86_400, 2), (1, 60, 1_441)]
    {
        let error = rate(count, period, burst).unwrap_err();
        assert!(error.contains("rate.burst") && error.contains("within a day"), "{error}");
    }
    for (count, period, burst) in [(1, 86_400, 1), (1, 60, 1_440), (1_000_000, 86_400, 1_000_000)] {
        assert_eq!(rate(count, period, burst), Ok(()));
    }
    assert!(rate(200_001, 2, 1).unwrap_err().contains("100,000 a second"));
    assert_eq!(rate(200_000, 2, 1), Ok(()));
}

#[tokio::test]
async fn keeps_the_laws_of_a_layer() {
    let make = || EdgeLimitLayer::new(EdgeRate::per_minute(1_000)).unwrap();
    let pass = || to("/", Some("192.0.2.1"));
    let refuse = || Request::get("/").body(Bytes::new()).unwrap();
    contract::check(make, Cases::passing(pass).refusing(refuse)).await;
    contract::check(EdgeLimitLayer::off, Cases::passing(pass)).await;
}
