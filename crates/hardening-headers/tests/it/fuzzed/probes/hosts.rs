//! A request's target and its `Host` fields: only what a second reader takes for one of ours gets in.

use std::sync::LazyLock;

use gambeson_core::{Profile, StatusOnly};
use gambeson_hardening_headers::{Edge, Hardening};
use http::uri::Authority;
use http::{HeaderValue, Request, Uri, header};

static EDGE: LazyLock<Edge> = LazyLock::new(|| {
    let edge =
        Hardening::web().public_origin("https://app.example.com").hosts(["localhost:3000", "[::1]:3000"]);
    edge.run_in(Profile::Development).build().unwrap()
});

pub(crate) fn probe(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let target = lines.next().and_then(|line| Uri::try_from(line).ok()).unwrap_or_default();
    let hosts: Vec<HeaderValue> =
        lines.take(8).filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    let authority = target.authority().cloned();
    let mut request = Request::get(target).body(()).unwrap();
    request.headers_mut().extend(hosts.iter().map(|host| (header::HOST, host.clone())));
    let app = super::told(|_: Request<()>| String::new());
    let answer = super::answer(&EDGE.layer().respond_with(StatusOnly), app, request);
    let status = answer.status().as_u16();
    assert!(matches!(status, 200 | 400 | 421), "{status}");
    assert!(answer.headers().contains_key("x-content-type-options"));
    if status != 200 {
        return false;
    }
    assert!(hosts.len() <= 1, "more than one host");
    let field = hosts.first().map(|host| host.to_str().unwrap().parse::<Authority>().unwrap());
    let named: Vec<&Authority> = authority.iter().chain(&field).collect();
    assert!(!named.is_empty() && named.iter().all(|named| is_ours(named)), "{named:?}");
    true
}

fn is_ours(authority: &Authority) -> bool {
    let host = authority.host().strip_suffix('.').unwrap_or(authority.host()).to_ascii_lowercase();
    let ours = matches!(
        (host.as_str(), authority.port_u16()),
        ("app.example.com", None | Some(80 | 443)) | ("localhost" | "[::1]", Some(3000))
    );
    ours && !authority.as_str().contains('@')
}
