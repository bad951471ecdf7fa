//! Clocks, callers and requests that the tests use.

use std::sync::Arc;

use bytes::Bytes;
use gambeson_core::{
    Authentication, Challenges, Currency, FixedEntropy, ManualClock, MatchedRoute, Money, Principal,
    RequestFacts, Timestamp,
};
use gambeson_cost_guard::{CostGuard, CostGuardBuilder, PriceTable};
use http::Request;
use http_body_util::Full;

pub(crate) const PRICES: &str = r#"
format = 1
currency = "USD"
[[versions]]
valid-from = "2026-01-01"
[versions.prices."demo/summarizer-1"]
call = "0.005"
input-token = "5.00/1M"
output-token = "25.00/1M"
"#;

/// Noon of a Tuesday in November 2026, UTC.
pub(crate) fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_unix_seconds(1_795_521_600))
}

pub(crate) fn usd(millis: i64) -> Money {
    Money::from_nanos(millis * 1_000_000, Currency::USD)
}

pub(crate) fn builder(clock: &ManualClock) -> CostGuardBuilder {
    CostGuard::builder()
        .prices(PriceTable::from_toml(PRICES).unwrap())
        .clock(Arc::new(clock.clone()))
        .entropy(Arc::new(FixedEntropy::default()))
}

pub(crate) fn person(name: &str) -> Principal {
    Principal::user("https://id.example", name).tenant("acme").build()
}

/// A request as authentication and authorization pass it on; `None`: nobody is logged in.
pub(crate) fn request(path: &str, route: &str, who: Option<&str>) -> Request<Full<Bytes>> {
    let mut request = Request::post(path).body(Full::default()).unwrap();
    let facts = RequestFacts::ensure(&mut request);
    facts
        .authenticate(match who {
            Some(name) => Authentication::Verified(person(name), Challenges::none()),
            None => Authentication::Anonymous(Challenges::none()),
        })
        .unwrap();
    facts.set_route(MatchedRoute::new(route));
    request
}

/// Polls once.
pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}
