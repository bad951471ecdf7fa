//! The collector of browsers' reports, and what it would have a policy say.
//!
//! # What it stops
//!
//! A policy that blocks what pages need without anybody noticing, and one that is loosened by guesswork: browsers tell what they
//! blocked, the collector keeps it small, and [`Reports::suggest`] puts it as a difference for review. Reports are what strangers
//! send: bodies, reports a body, texts, table and reports a minute are bounded, so that memory is the same however many come.
//!
//! It does **not** tell true reports from made-up ones: whoever reaches it can say anything about pages of the host they send it to.
//! So it changes no policy, and a suggestion is to be read by somebody who knows from where the app loads. Nor does it keep paths
//! secret: a path that holds a secret is kept as it is; queries and fragments are not.
//!
//! # Place in the stack
//!
//! It is the app's: mounted as a route, behind the same layers as all others. The edge limiter counts its requests, and
//! [`LimitsLayer`](crate::LimitsLayer) ends bodies that don't come.
//!
//! # Example
//!
//! ```
//! use gambeson_hardening_headers::reports::Reports;
//! use gambeson_hardening_headers::Csp;
//! use http::{Request, StatusCode};
//! use http_body_util::{Empty, Full};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let reports = Reports::builder("/.well-known/reports").build().unwrap();
//! let service = reports.service::<Empty<bytes::Bytes>>();
//! let post = |kind: &str| {
//!     let body = r#"{"csp-report": {"document-uri": "https://app.example.com/notes", "effective-directive": "img-src",
//!                    "blocked-uri": "https://cdn.example.com/cat.png"}}"#;
//!     let post = Request::post("/.well-known/reports").header("host", "app.example.com").header("content-type", kind);
//!     post.body(Full::new(bytes::Bytes::from(body))).unwrap()
//! };
//!
//! let taken = service.clone().oneshot(post("application/csp-report")).await.unwrap();
//! assert_eq!(taken.status(), StatusCode::NO_CONTENT);
//! let suggestion = reports.suggest(&Csp::web());
//! assert!(suggestion.to_string().starts_with("add to img-src: https://cdn.example.com (1 report, "));
//!
//! let refused = service.oneshot(post("application/json")).await.unwrap();
//! assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
//! # }
//! ```
//!
//! # Customised
//!
//! ```
//! use gambeson_core::Profile;
//! use gambeson_hardening_headers::reports::Reports;
//! use gambeson_hardening_headers::{Hardening, ReportsConfig};
//!
//! let config = ReportsConfig::new("/.well-known/reports").entries(64).per_minute(60).samples(true);
//! let reports = Reports::builder(config)
//!     .public_origin("https://app.example.com")
//!     .run_in(Profile::Development)
//!     .build()?;
//! let edge = Hardening::web().reports(reports.endpoint().template).build()?;
//! # let _ = edge;
//! # Ok::<(), gambeson_core::ConfigError>(())
//! ```
//!
//! With axum: `router.route(&reports.endpoint().template, reports.method_router())`, before the stack is put around it.
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | body | 64 KiB | browsers send some reports at once |
//! | reports of a body | 100 | the others are counted |
//! | entries | 256, each about 600 bytes at most | deduplicated by directive, what was blocked, path, and whether it was enforced |
//! | a full table | what was reported least often goes, of that the oldest | what many browsers report stays |
//! | reports a minute | 600, from all together | the others are counted, unread |
//! | addresses | origin and path | queries and fragments hold secrets |
//! | samples of code | not kept | they may hold secrets too |
//! | browser extensions, browsers' own pages | counted apart | no policy is about them |
//! | pages of another host than the report was sent to | counted apart | no page of the app |
//! | other kinds of reports | counted by kind | see [`ReportKind`] |
//!
//! # Rejections
//!
//! It answers with a status alone and records no rejection: 204 whatever it read, 400 for a body that broke off, 405 with `Allow`, 413, 415.
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `content security policy: … blocks …; if it is meant, add …` (`path`, `sample`) | warn | development: a violation that is not in the table |
//! | `content security policy: violation reported` (`directive`, `blocked`, `path`, `report_only`, `sample`) | debug | the same in production |
//! | `reports: more came than reports.per-minute takes …` (`count`) | info | the 1st, 2nd, 4th, 8th … that is dropped |
//! | `reports: they are about pages of another host …` (`count`) | info | the 1st, 2nd, 4th, 8th … of those |
//!
//! All else is in [`Reports::counts`].
//!
//! # Cancel safety
//!
//! A request that is dropped before its body ended is not counted, and keeps nothing.
//!
//! # Errors
//!
//! [`ReportsBuilder::build`] lists all problems at once. The service has none.
//!
//! # Standards
//!
//! Content Security Policy 3 §5 (reports), Reporting API §3.4 (delivery), RFC 9110 §15.5.6, §15.5.14, §15.5.16; OWASP ASVS 5 3.4.7.

mod address;
mod builder;
mod collector;
mod counts;
mod covers;
mod proposal;
mod service;
mod suggest;
mod table;
mod telemetry;
mod violation;
mod wire;

pub use builder::ReportsBuilder;
pub use collector::Reports;
pub use counts::{ReportCounts, ReportKind};
pub use service::{Collect, CollectFuture};
pub use suggest::{Addition, Advice, Evidence, Suggestion};
pub use violation::{Blocked, Violation};

/// The longest start of a text that has at most so many bytes.
fn clip(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}
