//! Holds what a request may cost before the app sees it, and settles with what it did cost.
//!
//! # What it stops
//!
//! Spending that no budget has room for, before a cent of it is spent: the request must fit every budget that it matches, and
//! one that does not fit is refused without a trace in any of them. Two requests at the same moment can't spend the same money.
//!
//! It does **not** know what the app really uses: the app records it on the request's [`Tab`](crate::Tab), or gives the tab to
//! a [`SpendLayer`](crate::SpendLayer). What is recorded beyond the estimate is charged too, so that a budget may be overspent by
//! as much as estimates of requests under way were too low. The ledger is in memory: a restart begins with unspent budgets.
//!
//! # Place in the stack
//!
//! Place 7: inside authorization, so that a refused request never holds money; outside the app.
//!
//! # Example
//!
//! ```
//! use bytes::Bytes;
//! use gambeson_core::{Authentication, Challenges, Currency, Money, Principal, RequestFacts, RequestHead};
//! use gambeson_cost_guard::{Budget, Calendar, CostGuard, Estimate, Tab};
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! fn cents(count: i64) -> Money {
//!     Money::from_nanos(count * 10_000_000, Currency::USD)
//! }
//! let guard = CostGuard::builder()
//!     .budget(Budget::money("user/{subject}", cents(5)).per(Calendar::day("UTC")))
//!     .build()
//!     .unwrap();
//! let layer = guard.cost_layer(|_: &RequestHead<'_>| Estimate::amount(cents(3)));
//! let app = layer.layer(service_fn(async |request: Request<()>| {
//!     request.extensions().get::<Tab>().unwrap().record(cents(3)).unwrap();
//!     Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from("a summary"))))
//! }));
//! let request = || {
//!     // What an authentication layer does.
//!     let mut request = Request::get("/").body(()).unwrap();
//!     let alice = Principal::user("https://id.example", "alice").build();
//!     let known = Authentication::Verified(alice, Challenges::none());
//!     RequestFacts::ensure(&mut request).authenticate(known).unwrap();
//!     request
//! };
//!
//! let allowed = app.clone().oneshot(request()).await.unwrap();
//! assert_eq!(allowed.status(), StatusCode::OK);
//! drop(allowed); // The bill is settled at the end of the answer's body.
//!
//! let refused = app.oneshot(request()).await.unwrap();
//! assert_eq!(refused.status(), StatusCode::PAYMENT_REQUIRED);
//! assert_eq!(refused.headers()["x-should-retry"], "false");
//! # }
//! ```
//!
//! # Customised
//!
//! Costs by route, from the price file, for a feature; watched for a while; 429 for clients that don't know 402:
//!
//! ```
//! use gambeson_core::{Mode, Timestamp};
//! use gambeson_cost_guard::{CostGuard, Estimate, Meter, RouteCosts, Usage};
//! use http::Method;
//!
//! # fn layers(guard: &CostGuard) {
//! let usage = Usage::call().with(Meter::InputToken, 1_000).with(Meter::OutputToken, 200);
//! let summary = Estimate::usage("demo/summarizer-1", usage).feature("summaries");
//! let layer = guard
//!     .cost_layer(RouteCosts::new().route(Method::POST, "/api/notes/{id}/summary", summary))
//!     .mode(Mode::Observe { until: Timestamp::from_unix_seconds(1_800_000_000) })
//!     .compat_429();
//! # let _ = layer;
//! # }
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | a request without a caller | refused | unless a budget says [`Budget::anonymous`](crate::Budget::anonymous) |
//! | a scope that no budget covers | refused | unbudgeted spending is a mistake |
//! | what has no price | refused | unknown is not free |
//! | spent money | 402 | client libraries try again at 429 |
//! | mode | enforce; observing holds and counts all the same | |
//! | answer | [`ProblemJson`](gambeson_core::ProblemJson) | |
//!
//! # Rejections
//!
//! Members of the problem document: `violated-policies` names all budgets that refused; `budget`, `limit`, `left` and
//! `resets_at` are told of one that is the caller's own (its pattern has `{subject}`), never of one that callers share.
//!
//! | slug | status | when |
//! |---|---|---|
//! | `budget-exhausted` | 402 with `x-should-retry: false` | a budget is spent |
//! | `over-request-cap` | 422 with `x-should-retry: false` | more than one request may cost |
//! | `budget-held` | 429 with `Retry-After: 1` | it would fit, but for requests under way |
//! | `no-budget` | 403 | no budget is for this caller |
//! | `spending-stopped` | 503 with `Retry-After` | the kill switch |
//! | `budget-table-full` | 503 with `Retry-After` | a new caller beyond the table's size |
//! | `unpriced` | 500 | what was estimated has no price |
//! | `misused` | 500 | an amount in another currency than the budgets |
//! | `layer-order` | 500 | no authentication layer ran outside; also while observing |
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `cost guard: reservation refused` (reason) | info; warn without a budget, error for a fault of the app | each |
//! | `cost guard: budget alert` (budget, percent, spent, limit) | warn | once a window and scope |
//! | `cost layer: request let through that enforcing would refuse` | warn | while observing |
//! | [`CostRecord`](gambeson_core::CostRecord) to the sink, and in `RequestFacts::cost` | | each bill above zero |
//! | [`AuditEvent`](gambeson_core::AuditEvent) `budget_refusal` | | each refusal |
//! | `RequestFacts::rejection` | | each refusal |
//!
//! # Cancel safety
//!
//! However a request ends (its answer's body, an error, a panic, a client that goes away), its bill is settled when the last
//! part of it is dropped: with what was recorded, and with the estimates of calls that were under way.
//!
//! # Errors
//!
//! [`CostGuardBuilder::build`](crate::CostGuardBuilder::build) lists all that is wrong at once. The service's error is the
//! inner service's.
//!
//! # Standards
//!
//! RFC 9110 §15.5.3 (402), RFC 9457 (problem details); CWE-770, CWE-362.

mod body;
mod future;
mod layer;

pub use body::ResponseBody;
pub use future::CostFuture;
pub use layer::{CostLayer, CostService};
