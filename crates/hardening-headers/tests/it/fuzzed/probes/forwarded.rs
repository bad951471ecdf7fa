//! Forwarding fields through the whole layer: strangers choose nothing, and nothing hides what a declared proxy has added.

use std::net::IpAddr;
use std::sync::LazyLock;

use gambeson_core::{PeerInfo, RequestFacts, Scheme};
use gambeson_hardening_headers::{Connection, ForwardedHeader, PeerLayer, TrustedProxies};
use http::{HeaderName, HeaderValue, Request};

const PROXY: &str = "10.0.3.1";
const STRANGER: &str = "203.0.113.9";
const CLIENT: &str = "198.51.100.7";

struct Declared {
    proxies: TrustedProxies,
    /// What the nearest proxy writes, and into which field.
    adds: Option<(&'static str, &'static str)>,
}

static DECLARED: LazyLock<[Declared; 5]> = LazyLock::new(|| {
    let ranges = || TrustedProxies::ranges(["10.0.3.0/24"]).unwrap();
    let listed = ("x-forwarded-for", "198.51.100.7");
    let element = ("forwarded", "for=\"198.51.100.7:80\";proto=https");
    [
        Declared { proxies: ranges().forwarded_host(), adds: Some(listed) },
        Declared { proxies: ranges().header(ForwardedHeader::Forwarded), adds: Some(element) },
        Declared { proxies: TrustedProxies::hops(1), adds: Some(listed) },
        Declared { proxies: TrustedProxies::none(), adds: None },
        Declared { proxies: TrustedProxies::cloudflare(), adds: None },
    ]
});

pub(crate) fn probe(bytes: &[u8]) -> bool {
    let fields: Vec<(HeaderName, HeaderValue)> =
        bytes.split(|byte| *byte == b'\n').take(64).filter_map(field).collect();
    let mut believed = false;
    for declared in DECLARED.iter() {
        let stranger = peer(declared, STRANGER, &fields);
        if !stranger.neighbour_trusted {
            assert_eq!(stranger.address, Some(ip(STRANGER)));
            assert_eq!(
                (stranger.scheme, stranger.host.as_deref()),
                (Some(Scheme::Http), Some("app.example.com"))
            );
        }
        let through = peer(declared, PROXY, &fields);
        believed |= through.neighbour_trusted && through.address != Some(ip(PROXY));
        if let Some(host) = through.host.as_deref() {
            assert!(host.parse::<http::uri::Authority>().is_ok() && !host.contains('@'), "{host}");
        }
        let Some((name, value)) = declared.adds else {
            assert!(!through.neighbour_trusted && through.address == Some(ip(PROXY)));
            continue;
        };
        let mut added = fields.clone();
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
        added.push((name.clone(), value.clone()));
        assert_eq!(peer(declared, PROXY, &added).address, Some(ip(CLIENT)), "a line more");
        // Or at the end of the last line that is there.
        let last = fields.iter().rposition(|(field, _)| *field == name);
        if let Some((_, line)) = last.and_then(|at| added.get_mut(at)) {
            let joined = [line.as_bytes(), b", ", value.as_bytes()].concat();
            *line = HeaderValue::from_bytes(&joined).unwrap();
            added.pop();
            assert_eq!(peer(declared, PROXY, &added).address, Some(ip(CLIENT)), "the end of a line");
        }
    }
    believed
}

fn peer(declared: &Declared, neighbour: &str, fields: &[(HeaderName, HeaderValue)]) -> PeerInfo {
    let connection = Connection::new((ip(neighbour), 5).into());
    let mut request = Request::get("/").extension(connection).body(()).unwrap();
    request.headers_mut().extend(fields.iter().cloned());
    request.headers_mut().insert("host", HeaderValue::from_static("app.example.com"));
    let facts = super::told(|request: Request<()>| RequestFacts::of(request.extensions()).unwrap().clone());
    let facts = super::answer(&PeerLayer::new(declared.proxies.clone()), facts, request).into_body();
    facts.peer().unwrap().clone()
}

/// One line as a field: its first byte says which, `X-Forwarded-For` unless known.
fn field(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = match line {
        [b'f', value @ ..] => ("forwarded", value),
        [b'p', value @ ..] => ("x-forwarded-proto", value),
        [b'h', value @ ..] => ("x-forwarded-host", value),
        [b'c', value @ ..] => ("cf-connecting-ip", value),
        [b'i', value @ ..] => ("x-request-id", value),
        value => ("x-forwarded-for", value),
    };
    Some((HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
