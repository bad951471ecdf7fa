//! Address, scheme, host and request id.

use std::convert::Infallible;
use std::sync::Arc;

use gambeson_core::{FixedEntropy, PeerInfo, RequestFacts, RequestId, Scheme};
use gambeson_hardening_headers::{ForwardedHeader, PeerLayer, ProxiesConfig, TrustedProxies};
use gambeson_testing::contract::{self, Cases};
use http::{Request, Response, header::HeaderMap};
use tower::{Layer, ServiceExt, service_fn};

use crate::answers::connection;

fn proxies() -> TrustedProxies {
    TrustedProxies::ranges(["10.0.3.0/24", "2001:db8:1::/48"]).unwrap()
}

struct Learned {
    peer: PeerInfo,
    id: RequestId,
    seen: HeaderMap,
    answered: HeaderMap,
}

async fn learn(proxies: TrustedProxies, request: Request<()>) -> Learned {
    let layer = PeerLayer::new(proxies).entropy(Arc::new(FixedEntropy::default()));
    let app = layer.layer(service_fn(async |request: Request<()>| {
        let (parts, ()) = request.into_parts();
        Ok::<_, Infallible>(Response::new(parts))
    }));
    let (answer, parts) = app.oneshot(request).await.unwrap().into_parts();
    let facts = RequestFacts::of(&parts.extensions).unwrap();
    Learned {
        peer: facts.peer().unwrap().clone(),
        id: *facts.request_id().unwrap(),
        seen: parts.headers,
        answered: answer.headers,
    }
}

fn from(neighbour: &str, fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::get("/").extension(connection(neighbour)).header("host", "App.example.com");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

fn address(peer: &PeerInfo) -> String {
    peer.address.map(|address| address.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn a_stranger_is_who_it_is() {
    let forged = [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "for=127.0.0.1;proto=https"),
        ("x-request-id", "chosen"),
    ];
    for declared in [proxies(), TrustedProxies::none()] {
        let learned = learn(declared, from("203.0.113.9:5", &forged)).await;
        assert_eq!(address(&learned.peer), "203.0.113.9");
        assert_eq!(learned.peer.scheme, Some(Scheme::Http));
        assert_eq!(learned.peer.host.as_deref(), Some("app.example.com"));
        assert!(!learned.peer.neighbour_trusted);
        assert_ne!(learned.id.as_str(), "chosen");
        assert!(!learned.seen.contains_key("x-request-id"), "the app must not see it either");
        assert_eq!(learned.answered["x-request-id"], learned.id.as_str());
    }
}

#[tokio::test]
async fn a_declared_proxy_is_believed() {
    let fields = [
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-for", "198.51.100.7, 10.0.3.2"),
        ("x-forwarded-proto", "http, https, http"),
        ("x-forwarded-host", "evil.example"),
        ("x-request-id", "from-proxy_1.2"),
    ];
    let learned = learn(proxies(), from("10.0.3.1:5", &fields)).await;
    assert_eq!(address(&learned.peer), "198.51.100.7");
    assert_eq!(learned.peer.scheme, Some(Scheme::Https), "what stands where the address stood");
    assert_eq!(learned.peer.host.as_deref(), Some("app.example.com"), "the host is trusted separately");
    assert!(learned.peer.neighbour_trusted);
    assert_eq!(learned.id.as_str(), "from-proxy_1.2");
    assert_eq!(learned.answered["x-request-id"], "from-proxy_1.2");
}

#[tokio::test]
async fn rfc_7239_with_host() {
    let fields = [(
        "forwarded",
        r#"for=6.6.6.6;host=evil.example, for="[2001:db8::7]:80";proto=HTTPS;host="shop.example.com""#,
    )];
    let declared = proxies().header(ForwardedHeader::Forwarded).forwarded_host();
    let learned = learn(declared, from("[2001:db8:1::5]:5", &fields)).await;
    assert_eq!(address(&learned.peer), "2001:db8::7");
    assert_eq!(learned.peer.scheme, Some(Scheme::Https));
    assert_eq!(learned.peer.host.as_deref(), Some("shop.example.com"));
}

#[tokio::test]
async fn only_the_declared_field_is_read() {
    let learned = learn(proxies(), from("10.0.3.1:5", &[("forwarded", "for=127.0.0.1")])).await;
    assert_eq!(address(&learned.peer), "10.0.3.1");
}

#[tokio::test]
async fn an_odd_or_doubled_request_id_is_not_taken() {
    let long = "a".repeat(65);
    for fields in [
        vec![("x-request-id", "a b")],
        vec![("x-request-id", "a"), ("x-request-id", "a")],
        vec![("x-request-id", "")],
        vec![("x-request-id", long.as_str())],
    ] {
        let learned = learn(proxies(), from("10.0.3.1:5", &fields)).await;
        assert_eq!(learned.id.as_str().len(), 32);
    }
}

#[tokio::test]
async fn no_two_requests_share_an_id() {
    let mut seen = std::collections::HashSet::new();
    let layer = PeerLayer::new(TrustedProxies::none());
    let app = layer.layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(()))));
    for _ in 0..1000 {
        let answer = app.clone().oneshot(from("203.0.113.9:5", &[])).await.unwrap();
        assert!(seen.insert(answer.headers()["x-request-id"].clone()));
    }
}

#[tokio::test]
async fn nothing_known_is_not_invented() {
    let learned = learn(TrustedProxies::hops(1), Request::get("/").body(()).unwrap()).await;
    assert_eq!((learned.peer.address, learned.peer.scheme, learned.peer.host), (None, None, None));
}

#[tokio::test]
async fn mapped_addresses_are_their_ipv4() {
    let learned =
        learn(proxies(), from("[::ffff:10.0.3.1]:5", &[("x-forwarded-for", "::ffff:198.51.100.7")])).await;
    assert_eq!(address(&learned.peer), "198.51.100.7");
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn axum_tells_the_neighbour() {
    let info = axum::extract::ConnectInfo(connection("203.0.113.9:5").remote);
    let request = Request::get("/").extension(info).body(()).unwrap();
    let learned = learn(TrustedProxies::none(), request).await;
    assert_eq!((address(&learned.peer), learned.peer.scheme), ("203.0.113.9".into(), None));
}

#[tokio::test]
async fn keeps_the_laws_of_a_layer() {
    let layer = PeerLayer::new(proxies());
    let cases = Cases::passing(|| from("10.0.3.1:5", &[("x-forwarded-for", "198.51.100.7")]));
    contract::check(move || layer.clone(), cases).await;
}

#[test]
fn all_bad_ranges_are_named() {
    let error =
        TrustedProxies::ranges(["10.0.0.0/8", "nginx", "0.0.0.0/0", "::/0", "10.0.0.0/40"]).unwrap_err();
    assert_eq!(error.problems().len(), 4, "{error}");
}

/// Parts of the internet add up to it.
#[test]
fn ranges_that_trust_strangers_are_refused() {
    for ranges in [
        &["0.0.0.0/1", "128.0.0.0/1"][..],
        &["0.0.0.0/1"],
        &["64.0.0.0/7", "66.0.0.0/8"],
        &["128.0.0.0/8", "129.0.0.0/8", "10.0.0.0/8"],
        &["::/1", "8000::/1"],
        &["2000::/3"],
        &["::ffff:0.0.0.0/97", "::ffff:128.0.0.0/97"],
    ] {
        let error = TrustedProxies::ranges(ranges).unwrap_err().to_string();
        assert!(error.contains("proxies.ranges") && error.contains("trusts strangers"), "{error}");
    }
    let widest = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];
    assert!(TrustedProxies::ranges(widest).is_ok());
    let error = TrustedProxies::ranges::<&str>([]).unwrap_err().to_string();
    assert!(error.contains("proxies.ranges") && error.contains("none()"), "{error}");
}

/// What proxies write of a WebSocket handshake.
#[tokio::test]
async fn the_schemes_of_websockets_are_those_of_the_handshake() {
    for (proto, scheme) in [
        ("wss", Some(Scheme::Https)),
        ("WSS", Some(Scheme::Https)),
        ("ws", Some(Scheme::Http)),
        ("wsss", Some(Scheme::Http)),
    ] {
        let fields = [("x-forwarded-for", "198.51.100.7"), ("x-forwarded-proto", proto)];
        assert_eq!(learn(proxies(), from("10.0.3.1:5", &fields)).await.peer.scheme, scheme, "{proto}");
    }
    let element = r#"for=198.51.100.7;proto=wss"#;
    let declared = proxies().header(ForwardedHeader::Forwarded);
    let learned = learn(declared, from("10.0.3.1:5", &[("forwarded", element)])).await;
    assert_eq!(learned.peer.scheme, Some(Scheme::Https));
}

#[test]
fn a_configuration_declares_proxies_once() {
    let none = ProxiesConfig::default();
    assert_eq!(TrustedProxies::from_config(&none).unwrap(), None);
    let direct = TrustedProxies::from_config(&none.clone().direct()).unwrap();
    assert_eq!(direct, Some(TrustedProxies::none()));
    let ranges = none.clone().ranges(["10.0.3.0/24", "2001:db8:1::/48"]);
    assert_eq!(TrustedProxies::from_config(&ranges).unwrap(), Some(proxies()));
    let both = none.ranges(["nginx"]).hops(1);
    assert_eq!(TrustedProxies::from_config(&both).unwrap_err().problems().len(), 2);
}

#[tokio::test]
async fn ranges_of_ipv4_inside_ipv6_are_ipv4() {
    let mapped = TrustedProxies::ranges(["::ffff:10.0.3.0/120"]).unwrap();
    assert_eq!(mapped, TrustedProxies::ranges(["10.0.3.0/24"]).unwrap());
    let learned = learn(mapped, from("10.0.3.1:5", &[("x-forwarded-for", "198.51.100.7")])).await;
    assert_eq!(address(&learned.peer), "198.51.100.7");
    assert!(TrustedProxies::ranges(["::ffff:0:0/96"]).is_err(), "all of IPv4");
}

#[test]
fn more_hops_than_are_looked_at_are_refused() {
    assert!(TrustedProxies::from_config(&ProxiesConfig::default().hops(32)).is_ok());
    assert!(TrustedProxies::from_config(&ProxiesConfig::default().hops(33)).is_err());
}

#[tokio::test]
async fn a_trusted_neighbour_without_the_field_is_itself() {
    let learned = learn(proxies(), from("10.0.3.1:5", &[("x-forwarded-proto", "https")])).await;
    assert_eq!((address(&learned.peer), learned.peer.scheme), ("10.0.3.1".into(), Some(Scheme::Https)));
}
