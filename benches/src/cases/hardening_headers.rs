//! The HTTP edge: headers on every answer, the host check, the limiter.

use std::any::Any;
use std::convert::Infallible;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use gambeson_core::{PeerInfo, RequestFacts, Scheme};
use gambeson_hardening_headers::edge_limit::EdgeRate;
use gambeson_hardening_headers::{EdgeLimitLayer, Hardened, Hardening, Nonce};
use http::{Request, StatusCode};
use tower::{Layer, service_fn};

use super::Holder;
use crate::drive::{Answer, App, NoBody, hello, requests};
use crate::{Case, Kind};

const CRATE: &str = "hardening-headers";
const HOST: &str = "app.example.com";
pub(crate) const KEYS: u32 = 1_000_000;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(CRATE, "headers_web_no_nonce", Kind::Pass)
            .bare(|| requests(App, request, StatusCode::OK))
            .gambeson(|| requests(hardened(App), request, StatusCode::OK)),
        Case::new(CRATE, "headers_web_nonce", Kind::Pass)
            .bare(|| requests(App, request, StatusCode::OK))
            .gambeson(|| requests(hardened(service_fn(nonced)), request, StatusCode::OK)),
        Case::new(CRATE, "layer_reject", Kind::Reject)
            .bare(|| requests(App, request, StatusCode::OK))
            .gambeson(|| requests(hardened(App), || to("evil.example"), StatusCode::MISDIRECTED_REQUEST)),
        Case::new(CRATE, "limiter_miss", Kind::Miss)
            .bare(|| requests(App, strangers(), StatusCode::OK))
            .gambeson(|| requests(limit().layer(App), strangers(), StatusCode::OK)),
        Case::new(CRATE, "limiter_1m_keys", Kind::Part).gambeson(|| {
            let (limit, mut addresses) = (passing_limit(), addresses());
            Box::new(move || {
                let _ = black_box(limit.check(black_box(addresses())));
            })
        }),
    ]
}

pub(super) fn holders() -> Vec<Holder> {
    vec![Holder { case: "limiter_1m_keys", subject: "gambeson", metric: "memory_bytes", make: full_limiter }]
}

fn full_limiter() -> Box<dyn Any> {
    let (limit, mut addresses) = (passing_limit(), addresses());
    (0..KEYS).for_each(|_| drop(limit.check(addresses())));
    Box::new(limit)
}

fn limit() -> EdgeLimitLayer {
    EdgeLimitLayer::new(EdgeRate::per_second(20)).expect("a rate in range")
}

/// A rate at which nobody is refused: with 20 a second a million addresses fill the table faster than their debts are over, and what
/// is measured would be refusals.
fn passing_limit() -> EdgeLimitLayer {
    EdgeLimitLayer::new(EdgeRate::per_second(100_000).burst(60)).expect("a rate in range")
}

/// Another client's address at each call, a million of them by turns.
pub(crate) fn addresses() -> impl FnMut() -> IpAddr {
    let mut number = 0_u32;
    move || {
        number = (number + 1) % KEYS;
        Ipv4Addr::from_bits(0x0A00_0000 + number).into()
    }
}

/// Requests by somebody else each time.
pub(crate) fn strangers() -> impl FnMut() -> Request<NoBody> {
    let mut addresses = addresses();
    move || by(addresses(), HOST)
}

pub(crate) fn request() -> Request<NoBody> {
    to(HOST)
}

fn to(host: &'static str) -> Request<NoBody> {
    by(Ipv4Addr::new(192, 0, 2, 7).into(), host)
}

/// A request that the peer layer has looked at.
fn by(address: IpAddr, host: &'static str) -> Request<NoBody> {
    let mut request = Request::get("/notes").header("host", host).body(NoBody::new()).expect("a request");
    let mut peer = PeerInfo::new();
    peer.address = Some(address);
    peer.scheme = Some(Scheme::Https);
    peer.host = Some(host.into());
    RequestFacts::ensure(&mut request).set_peer(peer);
    request
}

fn hardened<S>(app: S) -> Hardened<S> {
    let edge = Hardening::web().public_origin("https://app.example.com").build().expect("valid settings");
    edge.layer().layer(app)
}

/// A page with a script, which asks for the nonce.
async fn nonced(request: Request<NoBody>) -> Result<Answer, Infallible> {
    let nonce = Nonce::of(request.extensions()).expect("the policy has a nonce");
    black_box(nonce.as_str());
    Ok(hello())
}
