//! How much a request may send, and how long an answer may take.
//!
//! # What it stops
//!
//! A body larger than the limit, also one that does not say its length; a body that trickles in; a handler that never
//! answers. The size counts the bytes that arrive, before any decompression.
//!
//! It does **not** stop slow headers or idle connections (`serve` does, with the feature `serve`), a slow reader of the
//! answer, or many requests at once ([`edge_limit`](crate::edge_limit)). An answer's body is not limited: the deadline
//! ends at its head, so streams live on.
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
//! A request stream that is meant to stay open (gRPC from the client's side) has no size and no pace: leave both limits out for it,
//! and the body that is left is counted by its handler.
//!
//! ```
//! use gambeson_hardening_headers::limits::{Limits, LimitsLayer};
//!
//! let mut limits = Limits::new();
//! (limits.body, limits.body_deadline) = (None, None);
//! let layer = LimitsLayer::new(limits).unwrap();
//! # let _ = layer;
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | body | 1 MiB | forms and JSON fit; uploads are stated |
//! | body deadline | 30 s, and one second more for each KiB that came | a trickle ends, a phone on a train does not |
//! | handler deadline | 30 s to the head of the answer | most proxies in front give up after 60 s |
//! | answer | [`ProblemJson`](gambeson_core::ProblemJson) | |
//!
//! # Rejections
//!
//! | slug | status | when |
//! |---|---|---|
//! | `body-too-large` | 413 | `Content-Length` is over the limit: answered before the inner service is called |
//! | `body-too-large` | what the handler makes of it | the body grew over the limit while it was read: the body ends with [`LengthLimitError`](http_body_util::LengthLimitError), which axum's extractors answer with 413 |
//! | `body-too-slow` (408) | what the handler makes of it | the body ends with [`BodyTooSlow`] |
//! | `handler-deadline` | 504 | no head of an answer in time. To the client this layer is the gateway of the handler; 503 would say that the whole server is overloaded, and gRPC knows 504 as `DEADLINE_EXCEEDED` |
//!
//! An error of the body is recorded as the request's rejection, but the handler's answer is never rewritten: a handler that
//! wraps the error and answers 400 or 500 says so to the client.
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `no answer before the handler's deadline` (route, request_id, seconds) | warn | the handler's time is over |
//! | `RequestFacts::rejection` | | each refusal |
//!
//! # Cancel safety
//!
//! Dropping the response future drops the handler's. At the deadline the handler's future is dropped before the answer is
//! given, so that what it holds returns at once.
//!
//! # Errors
//!
//! [`LimitsLayer::new`] refuses deadlines and rates of zero. The service's error is the inner service's.
//!
//! # Standards
//!
//! RFC 9110 §15.5.14 (413), §15.5.9 (408), §15.6.5 (504); RFC 9457 for the answers; CWE-400.

mod body;
mod config;
mod future;
mod layer;
mod rejection;
mod telemetry;
mod time;

pub use body::{BodyTooSlow, RequestBody};
pub use config::Limits;
pub use future::LimitFuture;
pub use layer::{Limited, LimitsLayer};
