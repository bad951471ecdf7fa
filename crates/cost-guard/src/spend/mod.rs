//! Pays for calls to third parties: holds their price before, settles with the usage that the answer reports.
//!
//! # What it stops
//!
//! Calls that nobody pays for, or whose payer has no money left: they are not made. With the request's [`Tab`](crate::Tab) all
//! calls, retries and fallbacks of one request share its one hold, which grows when it has to.
//!
//! It does **not** read the usage of streams (`text/event-stream`): their estimate is charged and marked as one. Neither does
//! it limit what the third party bills: the estimate should be a bound.
//!
//! # Place in the stack
//!
//! Outgoing, place 2: inside the telemetry of the client, outside of the [circuit breaker](crate::breaker), so that what an
//! open breaker refuses costs nothing.
//!
//! # Example
//!
//! ```
//! use bytes::Bytes;
//! use gambeson_core::{Authentication, BoxError, Challenges, Currency, Money, Principal, Refused, RequestFacts, RequestHead};
//! use gambeson_cost_guard::{Budget, CostGuard, Estimate};
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Full};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let cents = |count: i64| Money::from_nanos(count * 10_000_000, Currency::USD);
//! let guard = CostGuard::builder().budget(Budget::money("user/{subject}", cents(5))).build().unwrap();
//! let spend = guard.spend_layer("demo", move |_: &RequestHead<'_>| Estimate::amount(cents(3)));
//! let model = spend.layer(service_fn(async |_: Request<()>| {
//!     Ok::<_, BoxError>(Response::new(Full::new(Bytes::from("short"))))
//! }));
//! let facts = RequestFacts::new();
//! let alice = Principal::user("https://id.example", "alice").build();
//! facts.authenticate(Authentication::Verified(alice, Challenges::none())).unwrap();
//! let call = || Request::post("/v1/summaries").extension(facts.clone()).body(()).unwrap();
//!
//! let answer = model.clone().oneshot(call()).await.unwrap();
//! answer.into_body().collect().await.unwrap();
//!
//! let error = model.oneshot(call()).await.unwrap_err();
//! assert_eq!(error.downcast_ref::<Refused>().unwrap().0.status(), 402);
//! # }
//! ```
//!
//! # Customised
//!
//! Priced by the price file, in front of a breaker that it opens when the account there is empty:
//!
//! ```
//! use gambeson_core::RequestHead;
//! use gambeson_cost_guard::{BreakerPolicy, CircuitBreakerLayer, CostGuard, Estimate, Meter, Usage};
//!
//! # fn client(guard: &CostGuard) {
//! let breaker = CircuitBreakerLayer::new("model", BreakerPolicy::new()).unwrap();
//! let usage = Usage::call().with(Meter::InputToken, 1_000).with(Meter::OutputToken, 200);
//! let estimate = Estimate::usage("demo/summarizer-1", usage).feature("summaries");
//! let spend = guard
//!     .spend_layer("demo", move |_: &RequestHead<'_>| estimate.clone())
//!     .breaker(breaker.breaker())
//!     .charge_errors();
//! let layers = (spend, breaker); // the first is the outermost
//! # let _ = layers;
//! # }
//! ```
//!
//! # Defaults
//!
//! | what happens | what is charged | why |
//! |---|---|---|
//! | 2xx with a usage in JSON of up to 1 MiB | the usage, by the prices of the day | |
//! | 2xx without | the estimate, marked as one | unknown is not free |
//! | another status | nothing | providers don't bill it |
//! | an error before the answer | nothing, unless [`SpendLayer::charge_errors`] | most were never sent |
//! | given up half-way | the estimate, marked as one | hanging up must not be a way around a budget |
//!
//! Usage is read as the common model APIs report it: `usage` with `prompt_tokens` and `completion_tokens`, `usage` with
//! `input_tokens` and `output_tokens`, and `usageMetadata`; with their details of caches and reasoning.
//!
//! # Rejections
//!
//! As errors: core's [`Refused`](gambeson_core::Refused), found by downcast, with the slugs of the [cost layer](crate::cost).
//! `layer-order` says that the call carries neither tab nor facts: give it those of its request with [`carry`](crate::carry).
//!
//! | slug | status | when |
//! |---|---|---|
//! | `budget-exhausted` and others | as in the [cost layer](crate::cost) | there is no money |
//! | `layer-order` | 500 | nobody is known who pays; also while observing |
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `spend layer: the answer says no usage, the estimate is charged` | warn | each |
//! | `spend layer: call let through that enforcing would refuse` | warn | while observing |
//! | [`CostRecord`](gambeson_core::CostRecord) with provider and model | | each bill above zero |
//!
//! # Cancel safety
//!
//! A call whose future or answer is dropped half-way is charged its estimate.
//!
//! # Errors
//!
//! The error is core's `BoxError`: the inner service's, or [`Refused`](gambeson_core::Refused).
//!
//! # Standards
//!
//! RFC 9110 §15.5.3 (402); CWE-770.

mod body;
mod future;
mod layer;
mod usage;

pub use body::SpendBody;
pub use future::SpendFuture;
pub use layer::{SpendLayer, SpendService};
