//! What a request may cost.
//!
//! Requests and money are counted by verified caller, organisation, feature or environment, in memory, exactly:
//!
//! | word | what it is for |
//! |---|---|
//! | [`CostGuard`] | budgets, quotas and prices behind one handle: [`CostGuard::reserve`], [`CostGuard::remaining`], [`CostGuard::stop`] |
//! | [`Budget`], [`Quota`] | how much money, how many requests, by [`Calendar`], [`Rolling`] or for good |
//! | [`PriceTable`] | what things cost, from a TOML file, in versions with a date |
//! | [`Hold`], [`Tab`], [`Charge`] | money held, the bill of a request, a call under way |
//! | [`QuotaLayer`], [`CostLayer`] | refuse (429, 402) before the app is called |
//! | [`SpendLayer`], [`CircuitBreakerLayer`] | around the client of a third party: pay for calls, stop calling what fails |
//! | [`Config`] | all of it as plain data |
//!
//! # An app that pays for summaries
//!
//! Five cents a person a day, a cent and a half a summary: the fourth is refused before the model is called. A summary of
//! what is not there costs nothing. [`carry`] gives the request's bill on to the call; its answer's `usage` settles it.
//!
//! ```
//! use axum::{Router, body::Body, extract::{Path, State}, response::Response, routing::post};
//! use bytes::Bytes;
//! use gambeson_core::{BoxError, ProblemJson, Refused, RequestFacts, RequestHead, Respond};
//! use gambeson_cost_guard::{
//!     BreakerPolicy, Budget, Calendar, CircuitBreakerLayer, CostGuard, Estimate, Meter, PriceTable, RouteCosts, Usage,
//!     carry,
//! };
//! use http::{Extensions, Method, Request};
//! use http_body_util::{BodyExt, Full};
//! use tower::{Layer, ServiceExt, service_fn, util::BoxCloneSyncService};
//! # use gambeson_core::{Authentication, Challenges, Currency, MatchedRoute, Money, Principal};
//!
//! type Client = BoxCloneSyncService<Request<Full<Bytes>>, Response, BoxError>;
//!
//! async fn summary(State(model): State<Client>, Path(id): Path<u32>, extensions: Extensions) -> Response {
//!     if id != 1 {
//!         return Response::builder().status(404).body(Body::empty()).unwrap();
//!     }
//!     let mut call = Request::post("/v1/summaries").body(Full::default()).unwrap();
//!     carry(&extensions, call.extensions_mut());
//!     match model.oneshot(call).await {
//!         Ok(answer) => Response::new(Body::from(answer.into_body().collect().await.unwrap().to_bytes())),
//!         Err(error) => match (error.downcast_ref::<Refused>(), RequestFacts::of(&extensions)) {
//!             (Some(Refused(rejection)), Some(facts)) => ProblemJson.respond(rejection, facts),
//!             _ => Response::builder().status(502).body(Body::empty()).unwrap(),
//!         },
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let prices = PriceTable::from_toml(r#"
//!     format = 1
//!     currency = "USD"
//!     [[versions]]
//!     valid-from = "2026-01-01"
//!     [versions.prices."demo/summarizer-1"]
//!     call = "0.005"
//!     input-token = "5.00/1M"
//!     output-token = "25.00/1M"
//! "#).unwrap();
//! let five_cents = Money::from_nanos(50_000_000, Currency::USD);
//! let guard = CostGuard::builder()
//!     .prices(prices)
//!     .budget(Budget::money("user/{subject}", five_cents).per(Calendar::day("UTC")).alert_at([80]))
//!     .build()
//!     .unwrap();
//! let usage = Usage::call().with(Meter::InputToken, 1_000).with(Meter::OutputToken, 200);
//! let estimate = Estimate::usage("demo/summarizer-1", usage).feature("summaries");
//!
//! // The client: money first, then the breaker, then the network (here a stub).
//! let breaker = CircuitBreakerLayer::new("model", BreakerPolicy::new()).unwrap();
//! let per_call = estimate.clone();
//! let spend = guard.spend_layer("demo", move |_: &RequestHead<'_>| per_call.clone()).breaker(breaker.breaker());
//! let model = (spend, breaker).layer(service_fn(async |_: Request<Full<Bytes>>| {
//!     let bill = r#"{"text":"short","usage":{"prompt_tokens":1000,"completion_tokens":200}}"#;
//!     Ok::<_, BoxError>(http::Response::builder().header("content-type", "application/json").body(Full::from(bill)).unwrap())
//! }));
//! let client: Client = BoxCloneSyncService::new(model.map_response(|answer| answer.map(Body::new)));
//!
//! let template = "/api/notes/{id}/summary";
//! let app = Router::new()
//!     .route(template, post(summary))
//!     .with_state(client)
//!     .layer(guard.cost_layer(RouteCosts::new().route(Method::POST, template, estimate)));
//! # let ask = async |id: u32| {
//! #     let mut request = Request::post(format!("/api/notes/{id}/summary")).body(Body::empty()).unwrap();
//! #     let facts = RequestFacts::ensure(&mut request);
//! #     let alice = Principal::user("https://id.example", "alice").build();
//! #     facts.authenticate(Authentication::Verified(alice, Challenges::none())).unwrap();
//! #     facts.set_route(MatchedRoute::new("/api/notes/{id}/summary"));
//! #     app.clone().oneshot(request).await.unwrap().status()
//! # };
//!
//! // Outer layers, left out here, say who asks and note the route.
//! assert_eq!(ask(2).await, 404);
//! for _ in 0..3 {
//!     assert_eq!(ask(1).await, 200);
//! }
//! assert_eq!(ask(1).await, 402);
//! # }
//! ```
//!
//! # What is promised
//!
//! - A reservation fits **every** budget that it matches, or holds nothing: one step under one lock.
//! - With estimates that are bounds, no budget is ever overspent, whatever threads, cancels and late bills do. With estimates
//!   that are too low it is overspent by at most their differences, for the requests under way.
//! - What is spent belongs to the window of the reservation, however late it settles. A wall clock that goes back refills nothing.
//! - Amounts are whole nano-units, prices whole pico-units, rounded up once a line. There is no floating point near money.
//! - Keys of all tables are keyed hashes of names: they have one size, can't be made to collide, and hold no personal data.
//! - A scope takes one cache line, and its place in an index. The keys of the callers seen last are remembered by the principal's
//!   number, in a table that grows with the scopes from 64 KB to 8 MB at most.
//!
//! The ledger is this process's memory: after a restart budgets are unspent, and several instances have a budget each.
//!
//! # Slugs
//!
//! What a client sees, with the page that explains it:
//! <span id="quota-exceeded">`quota-exceeded`</span> ([quota]),
//! <span id="budget-exhausted">`budget-exhausted`</span>, <span id="over-request-cap">`over-request-cap`</span>,
//! <span id="budget-held">`budget-held`</span>, <span id="no-budget">`no-budget`</span>,
//! <span id="spending-stopped">`spending-stopped`</span>, <span id="budget-table-full">`budget-table-full`</span>,
//! <span id="unpriced">`unpriced`</span>, <span id="misused">`misused`</span>, <span id="layer-order">`layer-order`</span> ([cost]) and
//! <span id="circuit-open">`circuit-open`</span> ([breaker]).
#![forbid(unsafe_code)]

pub mod breaker;
mod budget;
mod config;
pub mod cost;
mod denied;
mod estimate;
mod exempt;
mod guard;
mod hold;
mod keys;
mod ledger;
mod memo;
mod money;
mod pattern;
mod prices;
pub mod quota;
mod scope;
pub mod spend;
mod tab;
mod window;

pub use breaker::{BreakerPolicy, BreakerState, CircuitBreaker, CircuitBreakerLayer};
pub use budget::Budget;
pub use config::{BreakerConfig, BudgetConfig, Config, QuotaConfig};
pub use cost::CostLayer;
pub use denied::{Denied, DeniedKind, Violation};
pub use estimate::{Estimate, Estimator, RouteCosts};
pub use guard::{Alert, CostGuard, CostGuardBuilder, Remaining, Stop};
pub use hold::Hold;
pub use prices::{Meter, PriceError, PriceErrorKind, PriceTable, Quote, Usage};
pub use quota::{Quota, QuotaLayer};
pub use scope::{Feature, Scope};
pub use spend::SpendLayer;
pub use tab::{Charge, Tab, carry};
pub use window::{Calendar, Rolling, WeekStart, Window};
