//! Stops calling a third party that fails, and finds out by itself when it works again.
//!
//! # What it stops
//!
//! Calls to what is down or out of money: they fail at once, in place of piling up. It opens after failures in a row, at a rate
//! of failures among the last calls, at slow calls if asked to, on a 402 at once, and by hand ([`CircuitBreaker::trip`]). It
//! waits at least as long as `Retry-After` says. After its time it lets a few probes through and closes when they succeed.
//!
//! Failures are errors, 5xx (but 501 and 505) and 429; a call that a layer further inside refused
//! ([`Refused`](gambeson_core::Refused)) was not made, and counts nothing. It does **not** limit how much goes out while it is closed, repeat what
//! failed, look into bodies, or know other instances.
//!
//! # Place in the stack
//!
//! Outgoing, place 2: inside of the [spend layer](crate::spend), outside of what adds credentials.
//!
//! # Example
//!
//! ```
//! use gambeson_core::{BoxError, Refused};
//! use gambeson_cost_guard::{BreakerPolicy, CircuitBreakerLayer};
//! use http::{Request, Response, StatusCode};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let breaker = CircuitBreakerLayer::new("model", BreakerPolicy::new().failures_in_a_row(1)).unwrap();
//! let model = breaker.layer(service_fn(async |_: Request<()>| {
//!     Ok::<_, BoxError>(Response::builder().status(StatusCode::BAD_GATEWAY).body(()).unwrap())
//! }));
//! let call = || Request::post("/v1/summaries").body(()).unwrap();
//!
//! let allowed = model.clone().oneshot(call()).await.unwrap();
//! assert_eq!(allowed.status(), StatusCode::BAD_GATEWAY);
//!
//! let error = model.oneshot(call()).await.unwrap_err();
//! let Refused(rejection) = error.downcast_ref().unwrap();
//! assert_eq!((rejection.status(), rejection.slug()), (StatusCode::SERVICE_UNAVAILABLE, "circuit-open"));
//! # }
//! ```
//!
//! # Customised
//!
//! ```
//! use gambeson_cost_guard::{BreakerPolicy, BreakerState, CircuitBreakerLayer};
//! use std::time::Duration;
//!
//! let policy = BreakerPolicy::new()
//!     .failures_in_a_row(3)
//!     .failure_rate(30, 50)
//!     .slow_after(Duration::from_secs(20))
//!     .open_for(Duration::from_secs(5))
//!     .probes(2)
//!     .successes(2);
//! let layer = CircuitBreakerLayer::new("model", policy).unwrap();
//! assert_eq!(layer.breaker().unwrap().state(), BreakerState::Closed);
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | failures in a row | 5 | |
//! | failure rate | 50 % of 20 calls | at most 64 calls are looked at |
//! | open for | 10 s, twice as long after each failed probe, at most 5 min | |
//! | open after 402 | `Retry-After`, else 60 s | |
//! | slow calls | don't count | the clock would have to be read twice a call |
//! | probes at a time, successes to close | 1, 1 | |
//! | a probe's deadline | 30 s | a lost probe must not keep the breaker from trying again |
//! | mode | enforce | |
//!
//! # Rejections
//!
//! As errors: core's [`Refused`](gambeson_core::Refused), found by downcast.
//!
//! | slug | status | when |
//! |---|---|---|
//! | `circuit-open` | 503 with `Retry-After` | it is open, or half open with its probes under way |
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `circuit breaker: opened` (breaker, why, seconds) | warn | each time |
//! | `circuit breaker: half open`, `circuit breaker: closed` (breaker) | info | each time |
//! | `circuit breaker: a call let through that enforcing would refuse` | debug | while observing |
//! | [`CircuitBreaker::state`] | | on request |
//!
//! # Cancel safety
//!
//! A call that is dropped half-way counts nothing, unless it was slow by then. A probe that is dropped frees its place; one
//! that is forgotten gives it up at its deadline.
//!
//! # Errors
//!
//! [`CircuitBreakerLayer::new`] lists all values out of range at once. The service's error is core's `BoxError`: the inner
//! service's, or [`Refused`](gambeson_core::Refused).
//!
//! # Standards
//!
//! RFC 9110 §10.2.3 (Retry-After), §15.6.4 (503).

mod circuit;
mod layer;
mod policy;
mod telemetry;

pub use circuit::{BreakerState, CircuitBreaker};
pub use layer::{BreakerFuture, BreakerService, CircuitBreakerLayer};
pub use policy::BreakerPolicy;
