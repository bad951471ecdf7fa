//! governor's keyed limiter, and tower_governor's layer around it, in front of an app with axum's bodies.

use std::convert::Infallible;
use std::hint::black_box;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use gambeson_core::RequestFacts;
use governor::middleware::NoOpMiddleware;
use governor::{Quota, RateLimiter};
use http::{Request, Response, StatusCode};
use tower::{Layer as _, service_fn};
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::PeerIpKeyExtractor;

use crate::Run;
use crate::cases::hardening_headers::{addresses, strangers};
use crate::drive::{NoBody, call, hello, requests};

pub(super) fn governor() -> Run {
    let limiter = RateLimiter::keyed(Quota::per_second(NonZeroU32::new(20).expect("not zero")));
    let mut addresses = addresses();
    Box::new(move || {
        let _ = black_box(limiter.check_key(&addresses()));
    })
}

/// Twenty a second for each address, as ours.
pub(super) fn tower_governor() -> Run {
    refuses_the_twenty_first();
    let mut strangers = strangers();
    requests(layer().layer(service_fn(app)), move || connected(strangers()), StatusCode::OK)
}

fn layer() -> GovernorLayer<PeerIpKeyExtractor, NoOpMiddleware, Body> {
    let limits = GovernorConfigBuilder::const_default();
    let limits = limits.const_period(Duration::from_millis(50)).const_burst_size(20).finish();
    GovernorLayer::new(limits.expect("neither is zero"))
}

async fn app(request: Request<NoBody>) -> Result<Response<Body>, Infallible> {
    black_box(&request);
    Ok(hello().map(Body::new))
}

/// The same request, with the address where this layer looks for it.
fn connected(mut request: Request<NoBody>) -> Request<NoBody> {
    let facts = RequestFacts::of(request.extensions()).expect("the peer layer looked at it");
    let address = facts.peer().and_then(|peer| peer.address).expect("it has one");
    request.extensions_mut().insert(ConnectInfo(SocketAddr::new(address, 49_152)));
    request
}

fn refuses_the_twenty_first() {
    let (mut service, mut strangers) = (layer().layer(service_fn(app)), strangers());
    let one = connected(strangers());
    let passed = (0..21).filter(|_| call(&mut service, one.clone()) == StatusCode::OK).count();
    assert_eq!(passed, 20, "what the rate says");
}
