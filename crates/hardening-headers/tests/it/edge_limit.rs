use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    Access, EndpointSpec, Exempt, FixedEntropy, ManualClock, Mode, PeerInfo, RateLimitFields, Rejection,
    RejectionClass, RequestFacts, Timestamp,
};
use gambeson_hardening_headers::edge_limit::{EdgeLimitLayer, EdgeRate, RateFields};
use gambeson_hardening_headers::{Cors, Hardening};
use gambeson_testing::contract::{self, Cases};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use http_body_util::Full;
use proptest::prelude::*;
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
async fn an_ipv6_line_is_one_client_unless_said_otherwise() {
    let addresses = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"];
    for (rate, expected) in [
        (EdgeRate::per_minute(1).burst(1), [200, 429, 200]),
        (EdgeRate::per_minute(1).burst(1).v6_prefix(56), [200, 429, 429]),
    ] {
        let layer = limit(rate, &clock());
        let mut answered = Vec::new();
        for address in addresses {
            answered.push(status(&layer, "/", address).await);
        }
        assert_eq!(answered, expected);
    }
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
async fn what_comes_by_another_way_is_counted_with_requests() {
    let layer = limit(EdgeRate::per_minute(3), &clock());
    let check = |address: &str| layer.check(address.parse().unwrap());
    assert_eq!(status(&layer, "/", "192.0.2.1").await, 200);
    assert!(check("192.0.2.1").is_ok() && check("192.0.2.1").is_ok());
    let refusal = check("192.0.2.1").unwrap_err();
    assert_eq!((refusal.slug(), refusal.retry_after_seconds()), ("too-many-requests", Some(20)));
    assert_eq!(status(&layer, "/", "192.0.2.1").await, 429);
    assert!(check("192.0.2.2").is_ok());
    assert!(EdgeLimitLayer::off().check("192.0.2.1".parse().unwrap()).is_ok());
    assert_eq!(layer.report().refused, 2);
}

/// A list of strings with whole numbers as parameters (RFC 9651 §3.1), read strictly.
fn structured(headers: &HeaderMap, name: &str) -> Vec<(String, Vec<(String, u64)>)> {
    let lines: Vec<&str> = headers.get_all(name).iter().map(|line| line.to_str().unwrap()).collect();
    let list = lines.join(", ");
    list.split(", ")
        .map(|member| {
            let mut parts = member.split(';');
            let text = parts.next().unwrap().strip_prefix('"').unwrap().strip_suffix('"').unwrap();
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            let number = |part: &str| {
                let (key, digits) = part.split_once('=').unwrap();
                assert!(key.len() == 1 && (1..=15).contains(&digits.len()), "{part}");
                (key.to_owned(), digits.parse().unwrap())
            };
            (text.to_owned(), parts.map(number).collect())
        })
        .collect()
}

proptest! {
    #[test]
    fn the_fields_are_structured_and_agree_with_retry_after(
        count in 1_u32..100_000,
        period in 1_u32..3_600,
        burst in 1_u32..200,
        wait in 0_u64..10_000,
    ) {
        let clock = clock();
        let mut rate = EdgeRate::per_second(count).burst(burst);
        rate.period_seconds = period;
        prop_assume!(EdgeLimitLayer::new(rate).is_ok());
        let layer = limit(rate, &clock);
        layer.penalise("192.0.2.1".parse().unwrap(), burst);
        clock.advance(Duration::from_nanos(wait));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let refused = runtime.block_on(ask(&layer, to("/", Some("192.0.2.1"))));
        let headers = refused.headers();
        let after: u64 = match headers.get("retry-after") {
            Some(after) => after.to_str().unwrap().parse().unwrap(),
            None => return Ok(()),
        };
        let expected = vec![("edge".to_owned(), vec![("r".to_owned(), 0), ("t".to_owned(), after)])];
        prop_assert_eq!(structured(headers, "ratelimit"), expected);
        let policy = structured(headers, "ratelimit-policy");
        let (name, parameters) = &policy[0];
        prop_assert_eq!((name.as_str(), policy.len(), parameters.len()), ("edge", 1, 2));
        prop_assert_eq!(&parameters[0], &("q".to_owned(), u64::from(burst)));
        prop_assert!(parameters[1].0 == "w" && parameters[1].1 >= 1);
        let problem: serde_json::Value = serde_json::from_slice(refused.body()).unwrap();
        prop_assert_eq!(&problem["violated-policies"], &serde_json::json!(["edge"]));
    }
}

/// What an inner layer counts, such as a quota, has a member of its own in the same list.
#[tokio::test]
async fn two_limits_are_two_members_of_one_list() {
    let layer = limit(EdgeRate::default().fields_on_pass(), &clock());
    let quota = RateLimitFields::new("api", 600, Duration::from_secs(60)).unwrap();
    let app = layer.layer(service_fn(async |_: Request<Bytes>| {
        let mut answer = Response::new(Bytes::new());
        quota.write(answer.headers_mut(), 7, Duration::MAX);
        Ok::<_, Infallible>(answer)
    }));
    let answer = app.oneshot(to("/", Some("192.0.2.1"))).await.unwrap();
    for name in ["ratelimit", "ratelimit-policy"] {
        let names: Vec<String> =
            structured(answer.headers(), name).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["api", "edge"], "{name}");
    }
}

#[tokio::test]
async fn older_fields_and_none() {
    let exhausted = async |fields| {
        let layer = limit(EdgeRate::per_minute(1).fields(fields).fields_on_pass(), &clock());
        let passed = ask(&layer, to("/", Some("192.0.2.1"))).await;
        (passed, ask(&layer, to("/", Some("192.0.2.1"))).await)
    };
    let (passed, refused) = exhausted(RateFields::XRateLimit).await;
    for answer in [&passed, &refused] {
        assert_eq!(answer.headers()["x-ratelimit-limit"], "1");
        assert_eq!(answer.headers()["x-ratelimit-remaining"], "0");
        assert_eq!(answer.headers()["x-ratelimit-reset"], "60");
    }
    assert!(!refused.headers().contains_key("ratelimit"));
    assert_eq!(refused.headers()["retry-after"], "60");
    let (passed, refused) = exhausted(RateFields::Off).await;
    assert!(passed.headers().is_empty());
    assert!(refused.headers().keys().all(|name| !name.as_str().contains("ratelimit")));
    assert_eq!(refused.headers()["retry-after"], "60");
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

/// What the layers outside of the limiter answer never gets to it. A flood of that must cost its network as much as any other.
#[tokio::test]
async fn what_the_hardening_layer_answers_itself_is_counted() {
    let clock = clock();
    let probe =
        EndpointSpec::new(Method::GET, "/livez", Access::Public("probe".into())).exempt(Exempt::probe());
    let edge = Hardening::web()
        .public_origin("https://app.example.com")
        .hosts(["www.example.com"])
        .redirect_to_canonical()
        .cors(Cors::credentials(["https://admin.example.com"]))
        .build()
        .unwrap();
    let foreign = &[("host", "evil.example")][..];
    let two = &[("host", "app.example.com"), ("host", "app.example.com")];
    let cross = &[("host", "app.example.com"), ("sec-fetch-site", "cross-site")];
    let alias = &[("host", "www.example.com")];
    let preflight = &[
        ("host", "app.example.com"),
        ("origin", "https://admin.example.com"),
        ("access-control-request-method", "POST"),
    ];
    for (method, fields, status) in [
        ("GET", foreign, 421),
        ("GET", two, 400),
        ("POST", cross, 403),
        ("GET", alias, 307),
        ("OPTIONS", preflight, 204),
    ] {
        let limiter = EdgeLimitLayer::builder(EdgeRate::per_minute(3)).exempt([&probe]);
        let limiter = limiter.clock(Arc::new(clock.clone())).build().unwrap();
        let app = service_fn(async |_: Request<Bytes>| {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        });
        let app = edge.layer().counted_by(&limiter).layer(limiter.layer(app));
        let send = async |method: &str, path: &str, address: &str, fields: &[(&str, &str)]| {
            let mut request = to(path, Some(address));
            *request.method_mut() = method.parse().unwrap();
            for (name, value) in fields {
                request
                    .headers_mut()
                    .append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
            }
            app.clone().oneshot(request).await.unwrap()
        };
        for _ in 0..3 {
            assert_eq!(send(method, "/", "192.0.2.1", fields).await.status(), status);
        }
        for _ in 0..100 {
            let refused = send(method, "/", "192.0.2.1", fields).await;
            assert_eq!(refused.status(), 429, "{fields:?}");
            assert_eq!(refused.headers()["retry-after"], "20");
            assert_eq!(refused.headers()["x-content-type-options"], "nosniff", "hardened as every answer is");
        }
        let good = [("host", "app.example.com")];
        assert_eq!(send("GET", "/", "192.0.2.1", &good).await.status(), 429, "it is one budget");
        assert_eq!(send("GET", "/", "192.0.2.2", &good).await.status(), 200, "of one network");
        assert_eq!(send("POST", "/livez", "192.0.2.1", foreign).await.status(), 429);
        assert_eq!(send("GET", "/livez", "192.0.2.1", foreign).await.status(), 421, "exempt there too");
        assert_eq!(limiter.report().refused, 102);
    }
}

/// Without a peer the limiter answers 500; what is answered before it gets there stays what it is.
#[tokio::test]
async fn an_answer_before_the_limiter_needs_no_peer() {
    let limiter = EdgeLimitLayer::new(EdgeRate::per_minute(1)).unwrap();
    let edge = Hardening::web().hosts(["app.example.com"]).build().unwrap();
    let app =
        service_fn(async |_: Request<Bytes>| Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())));
    let app = edge.layer().counted_by(&limiter).layer(app);
    for _ in 0..3 {
        let foreign = Request::get("/").header("host", "evil.example").body(Bytes::new()).unwrap();
        assert_eq!(app.clone().oneshot(foreign).await.unwrap().status(), 421);
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
