//! Address, scheme, host and request id.

use std::convert::Infallible;
use std::sync::Arc;

use gambeson_core::{FixedEntropy, PeerInfo, RequestFacts, RequestId, Scheme, Timestamp};
use gambeson_hardening_headers::{ForwardedHeader, PeerLayer, ProxiesConfig, ProxyPreset, TrustedProxies};
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

/// An id names a request and guards nothing, so requests go on without randomness; each is still one of its own.
#[tokio::test]
async fn without_randomness_requests_are_told_apart_all_the_same() {
    let entropy = Arc::new(FixedEntropy::default());
    entropy.fail(true);
    let layer = PeerLayer::new(TrustedProxies::none()).entropy(entropy);
    let app = layer.layer(service_fn(async |request: Request<()>| {
        let id = RequestFacts::of(request.extensions()).unwrap().request_id().unwrap().to_string();
        Ok::<_, Infallible>(Response::new(id))
    }));
    let mut seen = std::collections::HashSet::new();
    for _ in 0..100 {
        assert!(seen.insert(app.clone().oneshot(from("203.0.113.9:1", &[])).await.unwrap().into_body()));
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

fn address_of(learned: &Learned) -> (String, bool) {
    (address(&learned.peer), learned.peer.neighbour_trusted)
}

#[tokio::test]
async fn nginx_and_the_load_balancer_of_aws_add_to_the_right() {
    assert!(TrustedProxies::nginx::<&str>([]).is_err() && TrustedProxies::aws_alb::<&str>([]).is_err());
    let fields = [
        ("x-forwarded-for", "127.0.0.1, 198.51.100.7"),
        ("x-forwarded-proto", "https"),
        ("x-real-ip", "127.0.0.1"),
    ];
    for preset in [TrustedProxies::nginx(["10.0.3.0/24"]), TrustedProxies::aws_alb(["10.0.3.0/24"])] {
        let preset = preset.unwrap();
        let learned = learn(preset.clone(), from("10.0.3.1:5", &fields)).await;
        assert_eq!(address_of(&learned), ("198.51.100.7".into(), true));
        assert_eq!(learned.peer.scheme, Some(Scheme::Https));
        let learned = learn(preset, from("10.0.4.1:5", &fields)).await;
        assert_eq!(address_of(&learned), ("10.0.4.1".into(), false));
    }
}

#[tokio::test]
async fn cloudflare_is_believed_from_its_networks_and_by_its_own_field_only() {
    let from_cloudflare = async |fields: &[(&str, &str)]| {
        address_of(&learn(TrustedProxies::cloudflare(), from("173.245.48.9:5", fields)).await)
    };
    let own = ("cf-connecting-ip", "198.51.100.7");
    let forged = [
        ("x-forwarded-for", "127.0.0.1"),
        ("true-client-ip", "127.0.0.1"),
        ("fly-client-ip", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1"),
    ];
    let both = [&[own][..], &forged].concat();
    assert_eq!(from_cloudflare(&both).await, ("198.51.100.7".into(), true));
    let nothing_of_ours = ("173.245.48.9".to_owned(), true);
    assert_eq!(from_cloudflare(&forged).await, nothing_of_ours);
    for odd in ["127.0.0.1, 198.51.100.7", "", "unknown", "\"127.0.0.1\""] {
        assert_eq!(from_cloudflare(&[("cf-connecting-ip", odd)]).await, nothing_of_ours, "{odd}");
    }
    assert_eq!(from_cloudflare(&[own, own]).await, nothing_of_ours, "twice");
    let v6 =
        learn(TrustedProxies::cloudflare(), from("[2a06:98c0::9]:5", &[("cf-connecting-ip", "2001:db8::7")]))
            .await;
    assert_eq!(address_of(&v6), ("2001:db8::7".into(), true));
    let fields = [own, ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.example")];
    let learned = learn(TrustedProxies::cloudflare(), from("104.16.0.1:5", &fields)).await;
    assert_eq!(learned.peer.scheme, Some(Scheme::Https));
    assert_eq!(learned.peer.host.as_deref(), Some("app.example.com"));

    for stranger in
        ["203.0.113.9", "104.15.255.255", "104.28.0.0", "173.245.64.1", "10.0.3.1", "[2a06:98c8::1]"]
    {
        let learned = learn(TrustedProxies::cloudflare(), from(&format!("{stranger}:5"), &fields)).await;
        assert_eq!(address_of(&learned), (stranger.trim_matches(['[', ']']).into(), false), "{stranger}");
        assert_eq!(learned.peer.scheme, Some(Scheme::Http));
    }
    for declared in [proxies(), TrustedProxies::hops(1), TrustedProxies::none(), TrustedProxies::fly()] {
        for neighbour in ["10.0.3.1:5", "172.16.0.1:5", "173.245.48.9:5"] {
            let learned = learn(declared.clone(), from(neighbour, &[own])).await;
            assert_eq!(format!("{}:5", address(&learned.peer)), neighbour, "nobody else's field");
        }
    }
}

#[test]
fn a_list_of_networks_over_a_year_old_is_weak() {
    let day = |days: i64| Timestamp::from_unix_seconds(days * 86_400);
    let weak = |days| TrustedProxies::cloudflare().weaknesses(day(days));
    let last = (0..30_000).find(|days| !weak(*days).is_empty()).unwrap();
    assert!(weak(last - 1).is_empty());
    assert!(weak(last)[0].contains(&day(last - 366).to_string()[..10]), "{:?}", weak(last));
    assert!(TrustedProxies::fly().weaknesses(day(30_000)).is_empty());
}

#[tokio::test]
async fn fly_is_believed_from_its_own_network_only() {
    let fields = [
        ("fly-client-ip", "198.51.100.7"),
        ("x-forwarded-for", "127.0.0.1, 198.51.100.7, 66.241.124.230"),
        ("x-forwarded-proto", "https"),
    ];
    let learned = learn(TrustedProxies::fly(), from("172.19.2.1:5", &fields)).await;
    assert_eq!(address_of(&learned), ("198.51.100.7".into(), true));
    assert_eq!(learned.peer.scheme, Some(Scheme::Https));
    for other_machine in ["[fdaa:0:1::3]:5", "203.0.113.9:5", "172.32.0.1:5"] {
        let learned = learn(TrustedProxies::fly(), from(other_machine, &fields)).await;
        assert!(!learned.peer.neighbour_trusted, "{other_machine}");
    }
}

#[tokio::test]
async fn cloud_run_is_one_hop_of_which_the_right_most_counts() {
    let fields = [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", "127.0.0.2, 198.51.100.7")];
    let learned = learn(TrustedProxies::cloud_run(), from("169.254.1.1:5", &fields)).await;
    assert_eq!(address_of(&learned), ("198.51.100.7".into(), true));
}

#[test]
fn a_configuration_names_a_preset() {
    let none = ProxiesConfig::default;
    let made = |config: ProxiesConfig| TrustedProxies::from_config(&config);
    for (preset, expected) in [
        (ProxyPreset::Cloudflare, TrustedProxies::cloudflare()),
        (ProxyPreset::Fly, TrustedProxies::fly()),
        (ProxyPreset::CloudRun, TrustedProxies::cloud_run()),
    ] {
        assert_eq!(made(none().preset(preset)).unwrap(), Some(expected));
        for config in [none().ranges(["10.0.3.0/24"]), none().hops(1), none().direct()] {
            assert!(made(config.preset(preset)).is_err(), "{preset:?}");
        }
        let mut other_field = none().preset(preset);
        other_field.header = Some(ForwardedHeader::Forwarded);
        assert!(made(other_field).unwrap_err().to_string().contains("proxies.header"));
    }
    for preset in [ProxyPreset::Nginx, ProxyPreset::AwsAlb] {
        let error = made(none().preset(preset)).unwrap_err().to_string();
        assert!(error.contains("proxies.ranges"), "{error}");
        let networks = ["10.0.3.0/24", "2001:db8:1::/48"];
        let expected = match preset {
            ProxyPreset::Nginx => proxies(),
            _ => TrustedProxies::aws_alb(networks).unwrap(),
        };
        assert_eq!(made(none().preset(preset).ranges(networks)).unwrap(), Some(expected));
    }
}

/// Fields of the problems of an error.
fn fields(error: &gambeson_core::ConfigError) -> Vec<&str> {
    error.problems().iter().map(|problem| &*problem.field).collect()
}

/// Products that pass on what their clients sent, each with where it connects from.
fn products() -> [(ProxyPreset, &'static str, TrustedProxies); 4] {
    [
        (ProxyPreset::AwsAlb, "10.0.3.1:5", TrustedProxies::aws_alb(["10.0.3.0/24"]).unwrap()),
        (ProxyPreset::Cloudflare, "173.245.48.9:5", TrustedProxies::cloudflare()),
        (ProxyPreset::Fly, "172.19.2.1:5", TrustedProxies::fly()),
        (ProxyPreset::CloudRun, "169.254.1.1:5", TrustedProxies::cloud_run()),
    ]
}

#[test]
fn trust_that_a_product_can_not_give_is_refused() {
    const SAID: [&str; 3] = [
        "hardening-headers.proxies.header",
        "hardening-headers.proxies.forwarded-host",
        "hardening-headers.proxies.client-certificate",
    ];
    for (preset, _, trusted) in products() {
        let mut config = ProxiesConfig::default().preset(preset);
        if preset == ProxyPreset::AwsAlb {
            config = config.ranges(["10.0.3.0/24"]);
        }
        assert!(TrustedProxies::from_config(&config).is_ok() && trusted.check().is_ok());
        (config.forwarded_host, config.client_certificate) = (true, true);
        config.header = Some(ForwardedHeader::Forwarded);
        let error = TrustedProxies::from_config(&config).unwrap_err();
        assert_eq!(fields(&error), SAID, "{preset:?}");
        let all = trusted.forwarded_host().client_certificate_names().header(ForwardedHeader::Forwarded);
        let error = all.check().unwrap_err();
        assert_eq!(fields(&error), SAID, "{preset:?}");
        assert!(error.problems().iter().all(|problem| problem.cure.starts_with("HH086")), "{error}");
    }
    let nginx = TrustedProxies::nginx(["10.0.3.0/24"]).unwrap();
    let nginx = nginx.forwarded_host().client_certificate().header(ForwardedHeader::Forwarded);
    assert!(nginx.check().is_ok());
    for uncounted in [TrustedProxies::hops(1), TrustedProxies::none()] {
        let error = uncounted.client_certificate().check().unwrap_err();
        assert!(error.to_string().contains("HH085"), "{error}");
    }
}

/// Where nobody asks what is refused, it is not believed either.
#[tokio::test]
async fn a_product_is_not_believed_what_it_passes_on() {
    let forged = [
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "for=127.0.0.1;host=evil.example;proto=http"),
        ("x-forwarded-client-cert", "URI=spiffe://shop.example/admin"),
        ("x-forwarded-for", "198.51.100.7"),
        ("cf-connecting-ip", "198.51.100.7"),
        ("fly-client-ip", "198.51.100.7"),
    ];
    for (preset, neighbour, trusted) in products() {
        let learned =
            learn(trusted.clone().header(ForwardedHeader::Forwarded), from(neighbour, &forged)).await;
        assert_eq!(address_of(&learned), ("198.51.100.7".into(), true), "{preset:?}");
        let trusted = trusted.forwarded_host().client_certificate_names();
        let learned = learn(trusted, from(neighbour, &forged)).await;
        assert_eq!(learned.peer.host.as_deref(), Some("app.example.com"), "{preset:?}");
        assert!(learned.peer.certificate.is_none(), "{preset:?}");
    }
}
