//! How often one client network may call, decided before any cryptography and in constant memory.
//!
//! # What it stops
//!
//! One network that floods the app, guesses tokens or fills log-in forms: after a burst it gets its rate and no more, and
//! what fails for its credential costs extra. However many addresses call, the table keeps its size: an attacker with many
//! addresses can't fill the memory, nor push out a client that owes.
//!
//! It does **not** stop a flood from more networks than the table holds (65,536 by default; then new ones share one strict
//! bucket), count across instances, or know users: limits of principals are quotas, after authentication. It is
//! probabilistic: a network is taken for one of the four others in its set about once in 16,000, which only makes it
//! stricter; when several threads bring a network's very first requests at the same moment as other new ones, it may get an
//! entry more, never more than four.
//!
//! # Place in the stack
//!
//! Place 3: inside [`PeerLayer`](crate::PeerLayer), which finds the client's address, and the headers; outside
//! authentication, which costs more than this refusal. What the layers between those two answer by themselves never gets here; they
//! count it in this limiter's table where they know it ([`HardeningLayer::counted_by`](crate::HardeningLayer::counted_by),
//! [`LimitsLayer::counted_by`](crate::LimitsLayer::counted_by), which `Stack` and [`Config::layers`](crate::Config::layers) call), and
//! answer 429 in its name.
//!
//! # Example
//!
//! ```
//! use bytes::Bytes;
//! use gambeson_hardening_headers::{Connection, PeerLayer, TrustedProxies};
//! use gambeson_hardening_headers::edge_limit::{EdgeLimitLayer, EdgeRate};
//! use http::{Request, Response, StatusCode};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let limit = EdgeLimitLayer::new(EdgeRate::per_minute(1)).unwrap();
//! let app = PeerLayer::new(TrustedProxies::none()).layer(limit.layer(service_fn(async |_: Request<()>| {
//!     Ok::<_, std::convert::Infallible>(Response::new(Bytes::from("hello")))
//! })));
//! let request = || {
//!     Request::get("/").extension(Connection::new("192.0.2.7:5000".parse().unwrap())).body(()).unwrap()
//! };
//!
//! let allowed = app.clone().oneshot(request()).await.unwrap();
//! assert_eq!(allowed.status(), StatusCode::OK);
//!
//! let refused = app.oneshot(request()).await.unwrap();
//! assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
//! assert_eq!(refused.headers()["retry-after"], "60");
//! assert_eq!(refused.headers()["ratelimit-policy"], r#""edge";q=1;w=60"#);
//! # }
//! ```
//!
//! # Customised
//!
//! Health probes pass uncounted, an honest client sees its quota, and for the first days it only counts:
//!
//! ```
//! use gambeson_core::{Access, EndpointSpec, Exempt, Mode, Timestamp};
//! use gambeson_hardening_headers::edge_limit::{EdgeLimitLayer, EdgeRate};
//! use http::Method;
//!
//! let livez = EndpointSpec::new(Method::GET, "/livez", Access::Public("probe".into())).exempt(Exempt::probe());
//! let rate = EdgeRate::per_second(5)
//!     .burst(30)
//!     .v6_prefix(56)
//!     .fields_on_pass()
//!     .mode(Mode::Observe { until: Timestamp::from_unix_seconds(1_800_000_000) });
//! let limit = EdgeLimitLayer::builder(rate).exempt([&livez]).build().unwrap();
//!
//! // A clone in a log-in handler shares the table:
//! limit.penalise("192.0.2.7".parse().unwrap(), 10);
//! assert_eq!(limit.report().charged, 10);
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | rate | 20 a second, 60 at once | a page with its assets fits |
//! | IPv6 prefix | 64 | one line has at least that; 128 is warned about |
//! | table | 512 KiB: 65,536 networks | an entry is free again as soon as its debt is over, with the default 3 s after a full burst |
//! | failed credential | 1 unit extra | who only fails has half the rate; an app behind one address of an office still works |
//! | [fields](RateFields) | of the newest draft, on refusals only | they cost three allocations |
//! | mode | enforce | |
//! | answer | [`ProblemJson`](gambeson_core::ProblemJson) | |
//!
//! # Rejections
//!
//! | slug | status | when |
//! |---|---|---|
//! | `too-many-requests` | 429 with `Retry-After`, `RateLimit` and `RateLimit-Policy`, and `violated-policies` | the network is over its rate |
//! | `layer-order` | 500 | no peer is known: `PeerLayer` did not run outside of this layer; also while observing |
//!
//! A peer without an address is counted in one bucket with all others like it, and said once in the log.
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `edge limiter: requests refused` (count) | info | at the 1st, 2nd, 4th, 8th … |
//! | `edge limiter: requests let through that enforcing would refuse` (count) | info | the same, while observing |
//! | `edge limiter: the table is full of debts …` (count) | warn | the same |
//! | `edge limiter: requests carry no client address …` | warn | once |
//! | `edge limiter: no peer is known …` | error | once |
//! | [`EdgeLimitReport`] | | counts, on request |
//! | `RequestFacts::rejection` | | each refusal |
//!
//! # Cancel safety
//!
//! A request is counted when it comes, or is refused further out, and stays counted when it is dropped. A failed credential is charged when the answer
//! is there or the future is dropped.
//!
//! # Errors
//!
//! [`EdgeLimitBuilder::build`] lists all values out of range at once. The service's error is the inner service's.
//!
//! # Standards
//!
//! RFC 6585 §4 (429), RFC 9110 §10.2.3 (Retry-After), draft-ietf-httpapi-ratelimit-headers-11 §3 to §5 (fields, `violated-policies`), RFC 9457; ASVS 5
//! 2.4.1; CWE-307, CWE-770. The arithmetic is the generic cell rate algorithm, core's [`Gcra`](gambeson_core::Gcra).

mod builder;
mod early;
mod fields;
#[cfg(test)]
mod floods;
mod future;
mod layer;
mod limiter;
mod network;
mod rate;
mod rejection;
mod table;
mod telemetry;

pub use builder::EdgeLimitBuilder;
pub(crate) use early::Early;
pub use fields::RateFields;
pub use future::EdgeLimitFuture;
pub use layer::{EdgeLimit, EdgeLimitLayer};
pub use limiter::EdgeLimitReport;
pub use rate::EdgeRate;
