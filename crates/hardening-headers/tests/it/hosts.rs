//! The host check.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    Access, EndpointSpec, Exempt, ManualClock, Mode, PeerInfo, Profile, RequestFacts, Timestamp,
};
use gambeson_hardening_headers::{Hardening, HardeningLayer, PeerLayer, TrustedProxies};
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};

use crate::answers::{answer, connection, header, page};

fn layer() -> HardeningLayer {
    let livez = EndpointSpec::new(Method::GET, "/livez", Access::Public("probe".into()));
    let edge = Hardening::web()
        .public_origin("https://app.example.com")
        .hosts(["localhost:3000"])
        .exempt(&[livez.exempt(Exempt::probe())]);
    edge.build().unwrap().layer()
}

async fn status(request: Request<()>) -> StatusCode {
    answer(layer(), request, async |_| page("")).await.status()
}

fn to(host: &str) -> Request<()> {
    Request::get("/").header("host", host).body(()).unwrap()
}

#[tokio::test]
async fn own_hosts_pass() {
    for host in
        ["app.example.com", "APP.example.com", "app.example.com:443", "app.example.com.", "localhost:3000"]
    {
        assert_eq!(status(to(host)).await, StatusCode::OK, "{host}");
    }
}

#[tokio::test]
async fn other_hosts_are_misdirected() {
    for host in [
        "evil.example",
        "app.example.com.evil.example",
        "app.example.com:1337",
        "localhost",
        "127.0.0.1:3000",
        "xapp.example.com",
    ] {
        let mut request = to(host);
        let facts = RequestFacts::ensure(&mut request);
        let answer = answer(layer(), request, async |_| page("")).await;
        assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
        assert_eq!(header(&answer, "content-type"), "application/problem+json");
        assert_eq!(facts.rejection().unwrap().slug(), "misdirected-host");
    }
}

#[tokio::test]
async fn no_two_or_malformed_hosts_are_bad() {
    let none = Request::get("/").body(()).unwrap();
    let mut two = to("app.example.com");
    two.headers_mut().append("host", "app.example.com".parse().unwrap());
    let mut differing =
        Request::get("https://app.example.com/").header("host", "evil.example").body(()).unwrap();
    *differing.version_mut() = Version::HTTP_2;
    for request in
        [none, two, differing, to("a b"), to("user@app.example.com"), to("app.example.com:x"), to("")]
    {
        assert_eq!(status(request).await, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn the_authority_of_http_2_is_the_host() {
    let mut request = Request::get("https://app.example.com/").body(()).unwrap();
    *request.version_mut() = Version::HTTP_2;
    assert_eq!(status(request).await, StatusCode::OK);
}

#[tokio::test]
async fn probes_call_by_address() {
    let probe = |method: Method, path: &str| {
        Request::builder().method(method).uri(path).header("host", "10.0.0.7:8080").body(()).unwrap()
    };
    assert_eq!(status(probe(Method::GET, "/livez")).await, StatusCode::OK);
    assert_eq!(status(probe(Method::HEAD, "/livez?full=1")).await, StatusCode::OK);
    assert_eq!(status(probe(Method::POST, "/livez")).await, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(status(probe(Method::GET, "/livez/")).await, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn without_hosts_every_host_passes_that_is_one() {
    let edge = Hardening::web().build().unwrap();
    let status = async |request| answer(edge.layer(), request, async |_| page("")).await.status();
    let none = || Request::get("/").body(()).unwrap();
    let mut two = to("a.example");
    two.headers_mut().append("host", "b.example".parse().unwrap());
    let differing = Request::get("https://a.example/").header("host", "b.example").body(()).unwrap();
    for request in
        [none(), to("any.example"), to("10.0.0.7:8080"), Request::get("http://a.example/").body(()).unwrap()]
    {
        assert_eq!(status(request).await, StatusCode::OK);
    }
    for mut request in [two, differing, to("a b"), to("user@a.example"), to("")] {
        let mut peer = PeerInfo::new();
        peer.address = Some([192, 0, 2, 7].into());
        RequestFacts::ensure(&mut request).set_peer(peer);
        assert_eq!(status(request).await, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn observing_ends_by_itself() {
    let start = Timestamp::from_unix_seconds(1_700_000_000);
    let clock = Arc::new(ManualClock::at(start));
    let until = start.plus(Duration::from_secs(60));
    let edge = Hardening::web()
        .hosts(["app.example.com"])
        .host_mode(Mode::Observe { until })
        .clock(clock.clone())
        .build()
        .unwrap();
    let status = async || answer(edge.layer(), to("evil.example"), async |_| page("")).await.status();
    assert_eq!(status().await, StatusCode::OK);
    assert_eq!(status().await, StatusCode::OK);
    assert_eq!(edge.layer().observed(), 2);
    clock.advance(Duration::from_secs(60));
    assert_eq!(status().await, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(edge.layer().observed(), 2, "a refusal is no observation");
    assert_eq!(HardeningLayer::<()>::off().observed(), 0);
}

#[tokio::test]
async fn an_absolute_target_and_the_field_agree() {
    let to = |host: &str| Request::get("http://app.example.com/").header("host", host).body(()).unwrap();
    assert_eq!(status(to("App.example.com")).await, StatusCode::OK);
    assert_eq!(status(to("evil.example")).await, StatusCode::BAD_REQUEST);
    let user = Request::get("http://user@app.example.com/").body(()).unwrap();
    assert_eq!(status(user).await, StatusCode::BAD_REQUEST);
}

#[test]
fn in_production_people_see_https() {
    let build = |origin, profile| Hardening::web().public_origin(origin).run_in(profile).build();
    let error = build("http://app.example.com", Profile::Production).unwrap_err().to_string();
    assert!(error.contains("public-origin") && error.contains("write https"), "{error}");
    assert!(build("http://app.example.com", Profile::Development).is_ok());
    assert!(build("http://127.0.0.1:3000", Profile::Production).is_ok(), "nobody is on that way");
}

#[test]
fn an_exempt_endpoint_is_one_path() {
    let files = EndpointSpec::new(Method::GET, "/files/{id}", Access::Management).exempt(Exempt::probe());
    let error = Hardening::web().exempt(&[files]).build().unwrap_err();
    assert_eq!(error.problems()[0].field, "hardening-headers.exempt");
}

/// What the app behind this layer answers a request that came by a neighbour which named a host.
async fn forwarded(
    layer: HardeningLayer,
    neighbour: &str,
    named: &str,
    method: Method,
) -> Response<Full<Bytes>> {
    let proxies = TrustedProxies::ranges(["10.0.3.0/24"]).unwrap().forwarded_host();
    let app = service_fn(async |_: Request<()>| Ok::<_, Infallible>(page("").map(Full::new)));
    let request = Request::builder()
        .method(method)
        .extension(connection(neighbour))
        .header("host", "10.0.0.7:8080")
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", named)
        .header("origin", "https://app.example.com");
    let app = PeerLayer::new(proxies).layer(layer.layer(app));
    app.oneshot(request.body(()).unwrap()).await.unwrap()
}

/// For the cross-site check where no origin is declared: then it is all that says whose a page is.
#[tokio::test]
async fn the_host_that_a_believed_proxy_names_says_which_pages_are_our_own() {
    for (neighbour, named, expected) in [
        ("10.0.3.7:4711", "app.example.com", StatusCode::OK),
        ("10.0.3.7:4711", "other.example.com", StatusCode::FORBIDDEN),
        ("192.0.2.9:4711", "app.example.com", StatusCode::FORBIDDEN),
    ] {
        let layer = Hardening::web().build().unwrap().layer();
        let answer = forwarded(layer, neighbour, named, Method::POST).await;
        assert_eq!(answer.status(), expected, "{neighbour} {named}");
    }
}

/// For the host check and strict transport alike.
#[tokio::test]
async fn the_host_that_a_believed_proxy_names_is_the_one_that_counts() {
    let ask = async |neighbour, named, method| forwarded(layer(), neighbour, named, method).await;
    let own = ask("10.0.3.7:4711", "app.example.com", Method::POST).await;
    assert_eq!(own.status(), StatusCode::OK);
    assert_eq!(own.headers()["strict-transport-security"], "max-age=86400");
    for (neighbour, named) in [("10.0.3.7:4711", "evil.example"), ("192.0.2.9:4711", "app.example.com")] {
        let refused = ask(neighbour, named, Method::GET).await;
        assert_eq!(refused.status(), StatusCode::MISDIRECTED_REQUEST, "{neighbour} {named}");
    }
}
