//! How often a caller may ask, counted in memory that a stranger can't fill.
//!
//! # What it stops
//!
//! A verified caller, or all of an organisation together, that asks more often than agreed. A refused request counts nowhere:
//! not in this quota, nor in the others that it matched. However many callers there are, the table keeps its size, and nobody's
//! debt is forgotten to make room.
//!
//! It does **not** count requests without a caller, unless a quota says [`Quota::anonymous`] (the edge limiter counts those by
//! address), nor across instances, nor money. A rolling quota is a rate: just after an idle time up to twice its count fits
//! into one window. Callers without a tenant are counted together in a quota by `{tenant}`, as are, in one by `{route}`,
//! requests whose route no outer layer has noted.
//!
//! # Place in the stack
//!
//! Place 5: inside authentication, which establishes the caller; outside authorization, which costs more than this refusal.
//!
//! # Example
//!
//! ```
//! use bytes::Bytes;
//! use gambeson_core::{Authentication, Challenges, Principal, RequestFacts};
//! use gambeson_cost_guard::{CostGuard, Quota, Rolling};
//! use http::{Request, Response, StatusCode};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let guard = CostGuard::builder()
//!     .quota(Quota::requests("api/{subject}", 1).per(Rolling::minutes(1)))
//!     .build()
//!     .unwrap();
//! let app = guard.quota_layer().layer(service_fn(async |_: Request<()>| {
//!     Ok::<_, std::convert::Infallible>(Response::new(Bytes::from("hello")))
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
//!
//! let refused = app.oneshot(request()).await.unwrap();
//! assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
//! assert_eq!(refused.headers()["ratelimit-policy"], r#""api";q=1;w=60"#);
//! # }
//! ```
//!
//! # Customised
//!
//! A rate a person, a day's count an organisation, and for the first days it only counts:
//!
//! ```
//! use gambeson_core::{Mode, Timestamp};
//! use gambeson_cost_guard::{Calendar, CostGuard, Quota, Rolling};
//!
//! let guard = CostGuard::builder()
//!     .quota(Quota::requests("api/{subject}", 600).per(Rolling::minutes(1)))
//!     .quota(Quota::requests("day/{tenant}", 50_000).per(Calendar::day("Europe/Berlin")))
//!     .quota(Quota::requests("anonymous", 6_000).anonymous())
//!     .build()
//!     .unwrap();
//! let layer = guard
//!     .quota_layer()
//!     .fields_on_pass()
//!     .mode(Mode::Observe { until: Timestamp::from_unix_seconds(1_800_000_000) });
//! # let _ = layer;
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | window | one minute, rolling | |
//! | scopes kept | 100,000 a quota, at 32 to 64 bytes | further ones share one count, as strict as one scope's |
//! | fields | on refusals only | they cost three allocations |
//! | mode | enforce | |
//! | answer | [`ProblemJson`](gambeson_core::ProblemJson) | |
//!
//! # Rejections
//!
//! | slug | status | when |
//! |---|---|---|
//! | `quota-exceeded` | 429 with `Retry-After`, `RateLimit` and `RateLimit-Policy` | a quota is used up |
//! | `layer-order` | 500 | a quota counts by caller, and no authentication layer ran outside; also while observing |
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `quota: requests refused` (quota, count) | info | at the 1st, 2nd, 4th, 8th … |
//! | `quota: requests let through that enforcing would refuse` (quota, count) | info | the same, while observing |
//! | `quota: the table is full of debts …` (count) | warn | the same |
//! | `quota: no authentication layer ran …` | error | once |
//! | `RequestFacts::rejection` | | each refusal |
//!
//! # Cancel safety
//!
//! A request is counted when it comes, and stays counted when it is dropped.
//!
//! # Errors
//!
//! [`CostGuardBuilder::build`](crate::CostGuardBuilder::build) lists all that is wrong at once. The service's error is the
//! inner service's.
//!
//! # Standards
//!
//! RFC 6585 §4 (429), RFC 9110 §10.2.3 (Retry-After), draft-ietf-httpapi-ratelimit-headers-10 (fields), RFC 9457; CWE-770.
//! Rolling quotas are the generic cell rate algorithm, core's [`Gcra`](gambeson_core::Gcra).

mod future;
mod layer;
mod quotas;
mod spec;
mod table;
mod telemetry;

pub use future::QuotaFuture;
pub(crate) use layer::layer_order;
pub use layer::{QuotaLayer, QuotaService};
pub(crate) use quotas::Quotas;
pub use spec::Quota;
