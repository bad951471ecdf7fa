//! What graders would say about an app, in a unit test: MDN's HTTP Observatory, the OWASP Secure Headers Project, OWASP ASVS 5.
//!
//! For tests only. [`Edge::scan`](crate::Edge::scan) asks the app behind the edge as a grader would, over pretended https and http, without a
//! socket; the `assert_…` functions panic with a table of what was found. [`observatory`] and [`oshp`] grade plain header sets.
//!
//! ```
//! use bytes::Bytes;
//! use gambeson_hardening_headers::{Hardening, Hsts};
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use tower::service_fn;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let app = service_fn(async |_: Request<Full<Bytes>>| {
//!     let page = Response::builder().header("content-type", "text/html; charset=utf-8");
//!     Ok::<_, std::convert::Infallible>(page.body(Full::new(Bytes::from("<!doctype html>"))).unwrap())
//! });
//! let edge = Hardening::web().public_origin("https://app.example.com").hsts(Hsts::two_years()).build().unwrap();
//! let scan = edge.scan(app, ["/"]).await;
//! scan.assert_observatory(130);
//! scan.assert_asvs(gambeson_hardening_headers::check::Level::L2);
//! # }
//! ```
//!
//! A `Router` of axum is taken as it is. An app that wants another body than [`Full`](http_body_util::Full) gets it by tower's `map_request`.
//!
//! ```
//! use axum::{Router, response::Html, routing::get};
//! use gambeson_hardening_headers::{Hardening, Hsts};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let router = Router::new().route("/", get(async || Html("<!doctype html>")));
//! let edge = Hardening::web().public_origin("https://app.example.com").hsts(Hsts::two_years()).build().unwrap();
//! edge.scan(router, ["/"]).await.assert_observatory(130);
//! # }
//! ```
//!
//! # What it does not see
//!
//! Certificates, TLS versions, and what a proxy in front adds or takes away; whether a value is right for what the app does. Of ASVS it
//! looks at what answers show: 3.3.1 to 3.3.5, 3.4.1 to 3.4.8, 3.5.8, 4.1.1, 4.1.2 and 13.4.6. A page is looked at as it comes, without
//! running its scripts.

mod answer;
mod asked;
mod asvs;
mod cookie;
mod drive;
mod markup;
mod observatory;
mod oshp;
mod report;
mod reporting;

pub use answer::Answer;
pub use asked::Asked;
pub use observatory::{FOREIGN_ORIGIN, Grade, Observed, Outcome, Step, observatory};
pub use oshp::{Oshp, OshpTest, oshp};
pub use report::Scan;
