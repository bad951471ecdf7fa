//! How much a request may send, and how long an answer may take.
//!
//! # What it stops
//!
//! A body larger than the limit, also one that does not say its length; a body that trickles in, or stops between two parts; a handler
//! that never answers; an answer that has begun and does not go on. The size counts the bytes that arrive, before any decompression.
//!
//! It does **not** stop slow headers or idle connections (`serve` does, with the feature `serve`), a slow reader of the
//! answer, or many requests at once ([`edge_limit`](crate::edge_limit)). An answer's body may be of any length and take any time while
//! it goes on: the handler's deadline ends at the head. What a connection carries after an upgrade (WebSocket) is no body.
//!
//! # Place in the stack
//!
//! Place 2, inside the headers and the panic catcher, outside of everything that reads the body.
//!
//! # Example
//!
//! ```
//! use bytes::Bytes;
//! use gambeson_hardening_headers::limits::{Limits, LimitsLayer, RequestBody};
//! use http::{Request, Response, StatusCode};
//! use http_body_util::{BodyExt, Full};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let app = LimitsLayer::new(Limits::new().body(16)).unwrap().layer(service_fn(
//!     async |request: Request<RequestBody<Full<Bytes>>>| {
//!         let bytes = request.into_body().collect().await.map_err(|_| ()).unwrap().to_bytes();
//!         Ok::<_, std::convert::Infallible>(Response::new(Full::new(bytes)))
//!     },
//! ));
//! let post = |body: &'static str| {
//!     Request::post("/").header("content-length", body.len()).body(Full::new(Bytes::from(body))).unwrap()
//! };
//!
//! let allowed = app.clone().oneshot(post("short")).await.unwrap();
//! assert_eq!(allowed.status(), StatusCode::OK);
//!
//! let refused = app.oneshot(post("much more than sixteen bytes")).await.unwrap();
//! assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
//! # }
//! ```
//!
//! # Customised
//!
//! Large uploads at 64 KiB a second or more, with time for the handler to take them in, and gRPC answers:
//!
//! ```
//! use gambeson_core::GrpcStatus;
//! use gambeson_hardening_headers::limits::{Limits, LimitsLayer};
//! use std::time::Duration;
//!
//! let limits = Limits::new().body(1 << 30).body_rate(64 << 10).handler(Duration::from_secs(3600));
//! let layer = LimitsLayer::new(limits).unwrap().respond_with(GrpcStatus);
//! # let _ = layer;
//! ```
//!
//! One route takes large uploads, all others don't. A request stream that is meant to stay open (gRPC from the client's side) has no
//! size and no deadline, only a time between two parts; its handler counts what it takes:
//!
//! ```
//! use gambeson_hardening_headers::limits::{Limits, LimitsLayer, RouteLimits};
//! use std::time::Duration;
//!
//! let upload = RouteLimits::new("POST /files/{name}").body(1 << 30).handler(Duration::from_secs(3600));
//! let live = RouteLimits::new("POST /notes.v1.Notes/Live").no_body_limit().no_body_deadline().no_handler_deadline();
//! let live = live.body_idle(Duration::from_secs(90));
//! let layer = LimitsLayer::with_routes(Limits::new(), &[upload, live]).unwrap();
//! # let _ = layer;
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | body | 1 MiB | forms and JSON fit; uploads are stated |
//! | body deadline | 30 s, and one second more for each KiB that came | a trickle ends, a phone on a train does not |
//! | time between two parts of a body | 30 s | who sent fast at first has no right to stop |
//! | handler deadline | 30 s to the head of the answer | most proxies in front give up after 60 s |
//! | time between two parts of an answer | 5 min | most proxies cut after one; streams send a sign of life |
//! | routes | all alike | |
//! | mode | enforce | |
//! | answer | [`ProblemJson`](gambeson_core::ProblemJson) | |
//!
//! # Rejections
//!
//! | slug | status | when |
//! |---|---|---|
//! | `body-too-large` | 413 | `Content-Length` is over the limit: answered before the inner service is called |
//! | `body-too-large` | what the handler makes of it | the body grew over the limit while it was read: the body ends with [`LengthLimitError`](http_body_util::LengthLimitError), which axum's extractors answer with 413 |
//! | `body-too-slow` (408) | what the handler makes of it | the body ends with [`BodyTooSlow`], which axum's extractors answer with 400: a handler that wants 408 reads the body itself |
//! | `handler-deadline` | 504 | no head of an answer in time. To the client this layer is the gateway of the handler; 503 would say that the whole server is overloaded, and gRPC knows 504 as `DEADLINE_EXCEEDED` |
//! | `too-many-requests` | 429 | in place of a 413, for a network that is over the rate of the limiter ([`counted_by`](LimitsLayer::counted_by)) |
//!
//! An answer that does not go on breaks off with [`StreamIdle`]: its head was sent, so that nothing can be said any more.
//!
//! An error of the body is recorded as the request's rejection, but the handler's answer is never rewritten: a handler that
//! wraps the error and answers 400 or 500 says so to the client.
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `no answer before the handler's deadline` (route, request_id, seconds) | warn | the handler's time is over |
//! | `the answer was cut off …` (route, request_id, seconds) | warn | nothing more came of an answer |
//! | `would be refused when the limits enforce` (slug, route, request_id) | warn | while observing; an answer that would be cut off is `stream-idle` |
//! | [`LimitsLayer::observed`] | | counts those |
//! | `RequestFacts::rejection` | | each refusal |
//!
//! `route` is what a layer around has learned from the router: `TelemetryLayer` of gambeson-otel-setup with its `AxumRoute`, or the authorization of
//! gambeson-rbac. Where neither stands there, as with [`Config::layers`](crate::Config::layers) alone, it is empty, and `request_id` finds the request.
//!
//! # Cancel safety
//!
//! Dropping the response future drops the handler's. At the deadline the handler's future is dropped before the answer is
//! given, so that what it holds returns at once. A request whose size was only observed when it came is not cut off later.
//!
//! # Errors
//!
//! [`LimitsLayer::new`] refuses times and rates of zero, routes that are none or never match, and entries for a route that change nothing. The service's error is the inner service's.
//!
//! # Standards
//!
//! RFC 9110 §15.5.14 (413), §15.5.9 (408), §15.6.5 (504); RFC 9457 for the answers; CWE-400.

mod config;
mod future;
mod layer;
mod rejection;
mod request_body;
mod response_body;
mod route_problems;
mod routes;
mod rules;
mod telemetry;

pub use config::Limits;
pub use future::LimitFuture;
pub use layer::{Limited, LimitsLayer};
pub use request_body::{BodyTooSlow, RequestBody};
pub use response_body::{ResponseBody, StreamIdle};
pub use routes::RouteLimits;
