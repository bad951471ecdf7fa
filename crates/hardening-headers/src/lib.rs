//! What the HTTP edge lets in and out: who is calling, security headers on every answer, limits before anything costs much.
//!
//! | layer | place | what it does |
//! |---|---|---|
//! | [`PeerLayer`] | 0 | address, scheme, host and request id, from declared proxies only |
//! | [`HardeningLayer`] | 2 | headers and nonces, host check, CORS, cross-site check, panics and server errors without detail |
//! | [`LimitsLayer`] | 2 | size and pace of request bodies, a deadline for handlers, an end of answers that stand still |
//! | [`EdgeLimitLayer`] | 3 | how often one client network may call, in constant memory |
//!
//! Each is usable alone, with anything that is a `tower` service of `http` requests.
//!
//! # On a router
//!
//! All four from one [`Config`], applied once and last, the outermost first:
//!
//! ```
//! # #[cfg(feature = "axum")]
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use gambeson_core::Profile;
//! use gambeson_hardening_headers::{Config, Connection, ProxiesConfig};
//! # use tower::ServiceExt;
//!
//! let config = Config::default().public_origin("https://app.example.com").proxies(ProxiesConfig::default().direct());
//! let edge = config.layers(Profile::Production, &[])?;
//! let app: Router = Router::new()
//!     .route("/", get(async || "hello"))
//!     .layer((edge.peer, edge.hardening, edge.limits, edge.edge_limit));
//!
//! let ask = |host: &str| {
//!     let from = Connection::new("192.0.2.7:5000".parse().unwrap()); // `serve` says so elsewhere
//!     Request::get("/").header("host", host).extension(from).body(Body::empty()).unwrap()
//! };
//! let answer = app.clone().oneshot(ask("app.example.com")).await?;
//! assert_eq!(answer.status(), 200);
//! assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
//! assert_eq!(app.oneshot(ask("evil.example")).await?.status(), 421);
//! # Ok(()) }
//! # #[cfg(not(feature = "axum"))] fn main() {}
//! ```
//!
//! A route that is added after `layer` is not covered. Authentication goes inside of these, telemetry between the first two.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `axum` | the extractor of [`Nonce`], axum's `ConnectInfo` as the source of the address, templates of axum's routes in [`RouteLimits`] |
//! | `reports` | `reports`: the collector of what browsers report |
//! | `serde` | [`Config`] from a file |
//! | `serve` | `serve`: the server in front |
//! | `tls` | TLS in it, and certificates of clients |
//!
//! None is on by itself.
//!
//! # Problem types
//!
//! The `type` of this crate's problem details points to these headings.
//!
//! ## body-too-large
//!
//! Status 413: the request body is larger than this server takes: `limits.body`. Send less, or in parts.
//!
//! ## body-too-slow
//!
//! Status 408: the request body came more slowly than `limits.body-deadline`, `limits.body-rate` and `limits.body-idle`
//! allow. A handler that reads the body by an extractor of axum's answers 400 instead, in the extractor's words; the log has `body-too-slow`.
//!
//! ## handler-deadline
//!
//! Status 504: the app gave no answer in `limits.handler`. Its log names the route.
//!
//! ## layer-order
//!
//! Status 500: the edge limiter ran without [`PeerLayer`] outside of it, or the two come from different versions of `gambeson-core`
//! (`cargo tree -d` shows that).
//!
//! ## too-many-requests
//!
//! Status 429: the client's network is over its rate. Wait as long as `Retry-After` says.
//!
//! ## too-many-tickets
//!
//! Status 429: the caller has as many [`tickets`] for handshakes as it may. Use them, or wait until they are over.
//!
//! ## tickets-full
//!
//! Status 503: all places for tickets are taken. Operators: if those are real clients', raise `tickets.places`.
//!
//! ## no-randomness
//!
//! Status 503: the system has no randomness for a ticket.
//!
//! ## ticket-path
//!
//! Status 400: a ticket is for one path of at most 256 bytes, without a query.
//!
//! ## bad-host
//!
//! Status 400: the request names more than one host, or a malformed one; or none, and the app declares which hosts it answers for.
//! Send exactly one `Host` field, or for HTTP/2 an authority that agrees with it.
//!
//! ## misdirected-host
//!
//! Status 421: the app does not answer for the host that the request names. Operators: add it to `Hardening::hosts` or
//! `hardening-headers.hosts`, or have the proxy pass on the host that people see.
//!
//! ## canonical-host
//!
//! Status 307: the app is seen under another name; the same path is there. Not a refusal.
//!
//! ## cross-site
//!
//! Status 403: another site's page sent a request that may change something. Operators: the log says what came, what was expected and
//! which setting is about it; an origin of your own belongs into `csrf.trusted-origins`, the app's own into `public-origin`.
//!
//! ## cors-preflight
//!
//! Status 403: a page of another origin asked for what `cors.origins`, `cors.methods` and `cors.headers` don't list.
//!
//! ## panic
//!
//! Status 500: the app panicked. What it said is in the log under the request id that the answer carries.
//!
//! ## server-error
//!
//! Status 5xx: the app failed, and what it wrote about that is not sent. Its log has the request id; a handler whose 5xx body is fit
//! for clients answers problem details, or adds [`KeepErrorBody`].
#![forbid(unsafe_code)]

mod alarm;
mod base64;
mod certificate;
pub mod check;
mod config;
mod connection;
pub mod cookies;
pub mod cors;
pub mod csp;
pub mod csrf;
pub mod edge_limit;
mod exempt;
pub mod hardening;
mod headers;
mod hosts;
pub mod limits;
mod origin;
mod own_network;
mod panic;
pub mod peer;
mod random;
mod report_post;
#[cfg(feature = "reports")]
pub mod reports;
pub mod scan;
#[cfg(feature = "serve")]
pub mod serve;
pub mod tickets;

pub use certificate::CertificateError;
pub use config::{Config, Layers, Preset, ReportOnlyConfig, ReportsConfig, Variant};
pub use connection::Connection;
pub use cookies::{Cookie, CookieError, Cookies, SameSite};
pub use cors::Cors;
pub use csp::{
    Csp, CspError, Directive, Nonce, NonceError, NonceErrorKind, SandboxAllow, Source, SourceError,
    TrustedTypes,
};
pub use csrf::{Csrf, CsrfExemption};
pub use edge_limit::{EdgeLimitLayer, EdgeRate, RateFields};
pub use hardening::{Edge, Hardened, Hardening, HardeningFuture, HardeningLayer};
pub use headers::{
    EmbedderPolicy, FeatureAccess, FrameOptions, HeaderSet, Hsts, KeepErrorBody, OpenerPolicy, Override,
    PermissionsPolicy, PermissionsPolicyError, ReferrerPolicy, ResourcePolicy, Rollout,
};
pub use limits::{Limits, LimitsLayer, RequestBody, RouteLimits};
pub use peer::{ForwardedHeader, Peer, PeerFuture, PeerLayer, ProxiesConfig, ProxyPreset, TrustedProxies};
#[cfg(feature = "serve")]
pub use serve::{DrainReport, Server, serve};
pub use tickets::{TicketLayer, Tickets};

/// The name under which refusals of this crate are documented.
const PACKAGE: &str = env!("CARGO_PKG_NAME");
