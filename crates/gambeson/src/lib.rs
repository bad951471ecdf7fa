//! From hack to hardened: the Gambeson crates behind one dependency, and the [`Stack`] that knows their order.
//!
//! Who wants one layer adds that crate alone. Who wants all of them:
//!
//! ```
//! use axum::Router;
//! use gambeson::hardening_headers::{EdgeLimitLayer, EdgeRate, Hardening, Limits, LimitsLayer, PeerLayer, TrustedProxies};
//! use gambeson::otel_setup::{AxumRoute, Telemetry};
//! use gambeson::rbac::{PolicyHandle, Routes, need, public};
//! use gambeson::{Profile, Stack};
//! # use gambeson::oidc_auth::AuthLayer;
//! # fn auth_layer() -> AuthLayer { AuthLayer::off() }
//!
//! const POLICY: &str = r#"
//! version = 1
//! [permissions]
//! "notes:read" = {}
//! [roles]
//! viewer = { grants = ["notes:read"] }
//! "#;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let policy: PolicyHandle = POLICY.parse()?;
//! let (router, authorize): (Router, _) = Routes::new(&policy)
//!     .get("/notes", need("notes:read"), async || "the notes")
//!     .get("/", public("the front door"), async || "welcome")
//!     .into_parts()?;
//!
//! let telemetry = Telemetry::builder("notes", "1.0.0").routes(AxumRoute).build()?;
//! let stack = Stack::builder(PeerLayer::new(TrustedProxies::none()))
//!     .telemetry(telemetry.layer())
//!     .hardening(Hardening::web().build()?.layer())
//!     .limits(LimitsLayer::new(Limits::new())?)
//!     .edge_limit(EdgeLimitLayer::new(EdgeRate::per_second(20).burst(60))?)
//!     .authentication(auth_layer())
//!     .authorization(authorize)
//!     .build(Profile::Production)?;
//! let app: Router = router.layer(stack);
//! # Ok(()) }
//! ```
//!
//! # The order
//!
//! [`Stack`] puts the layers in this order, whatever order they are given in.
//!
//! | place | layer | why here |
//! |---|---|---|
//! | 0 | `PeerLayer` | address, scheme, host, request id: one truth that all others use |
//! | 1 | `TelemetryLayer` | sees every request, also the refused ones |
//! | 2 | `HardeningLayer` | every answer carries the headers, also 401 and 429 |
//! | 2 | `AuditLayer` | sees how an act ended: inside of what turns a panic into an answer, outside of the deadline of handlers |
//! | 2 | `LimitsLayer` | no body and no handler goes on for ever, whoever asks |
//! | 3 | `EdgeLimitLayer` | cheap refusals before any cryptography |
//! | 4 | `LoginLayer`, `CertificateLayer`, `AuthLayer` | establish the principal |
//! | 5 | `QuotaLayer` | counting refusals are cheap |
//! | 6 | `AuthorizeLayer` | needs the principal and the matched route |
//! | 7 | `CostLayer` | holds money only for what may run |
//!
//! With axum: **one** `Router::layer(stack)`, applied last. The router has matched the route by then, so that
//! authorization knows the template; a route that is added after it is not covered.
//!
//! # Testing your app
//!
//! `DevIdp` of gambeson-testing makes tokens, and a `oneshot` test says what a server would:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use axum::{Router, body::Body, http::Request};
//! # use gambeson::oidc_auth::{AuthLayer, Issuer, Verifier};
//! # use gambeson::hardening_headers::{Connection, Hardening, PeerLayer, TrustedProxies};
//! # use gambeson::rbac::{PolicyHandle, Routes, need};
//! # use gambeson::{Profile, Stack};
//! # use gambeson_testing::DevIdp;
//! # use tower::ServiceExt;
//! # fn app(issuer: &str, profile: Profile) -> Result<Router, Box<dyn std::error::Error>> {
//! #     let policy: PolicyHandle = "version = 1\n[permissions]\n\"notes:read\" = {}\n[roles]\nviewer = { grants = [\"notes:read\"] }".parse()?;
//! #     let (router, authorize): (Router, _) =
//! #         Routes::new(&policy).get("/notes", need("notes:read"), async || "the notes").into_parts()?;
//! #     let verifier = Verifier::builder(Issuer::discover(issuer)).audience("notes").run_in(profile).build()?;
//! #     let stack = Stack::builder(PeerLayer::new(TrustedProxies::none()))
//! #         .hardening(Hardening::api().public_origin("https://notes.example").build()?.layer())
//! #         .authentication(AuthLayer::new(verifier))
//! #         .authorization(authorize);
//! #     Ok(router.layer(stack.build(profile)?))
//! # }
//! let idp = DevIdp::builder().audience("notes").start().await?;
//! let app = app(idp.issuer(), Profile::Development)?; // Tells its layers the profile: an issuer on loopback is a shortcut.
//! let ask = |token: String| {
//!     let request = Request::get("/notes")
//!         .header("host", "notes.example") // One of the app's own names.
//!         .header("authorization", format!("Bearer {token}"))
//!         .extension(Connection::new("127.0.0.1:40000".parse().unwrap())); // Who calls; `serve` says so elsewhere.
//!     app.clone().oneshot(request.body(Body::empty()).unwrap())
//! };
//! assert_eq!(ask(idp.mint().user("bob").token()).await?.status(), 200);
//! assert_eq!(ask(idp.mint().user("bob").expired().token()).await?.status(), 401);
//! # Ok(())
//! # }
//! ```
//!
//! [gambeson-testing](https://docs.rs/gambeson-testing/latest/gambeson_testing/#testing-your-app) says more: apps that sign people in, time.
//!
//! # Calls to other services
//!
//! The layers for outgoing calls ([`oidc_auth::outgoing`], `secrets`, `cost_guard`) stand around a `tower` client of your choice.
//! That of these crates is not behind the facade: `cargo add gambeson-client`.
#![forbid(unsafe_code)]

#[cfg(feature = "audit-trail")]
pub use gambeson_audit_trail as audit_trail;
pub use gambeson_core as core;
pub use gambeson_core::Profile;
#[cfg(feature = "cost-guard")]
pub use gambeson_cost_guard as cost_guard;
#[cfg(feature = "hardening-headers")]
pub use gambeson_hardening_headers as hardening_headers;
#[cfg(feature = "oidc-auth")]
pub use gambeson_oidc_auth as oidc_auth;
#[cfg(feature = "otel-setup")]
pub use gambeson_otel_setup as otel_setup;
#[cfg(feature = "rbac")]
pub use gambeson_rbac as rbac;
#[cfg(feature = "secrets")]
pub use gambeson_secrets as secrets;

#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "config")]
pub use config::Config;
#[cfg(feature = "config")]
mod kit;
#[cfg(feature = "config")]
pub use kit::{Kit, NotReady};
#[cfg(all(feature = "axum", feature = "stack"))]
mod protect;
#[cfg(all(feature = "axum", feature = "stack"))]
pub use protect::{Protected, ResponseFuture};

#[cfg(feature = "stack")]
mod report;
#[cfg(feature = "stack")]
mod stack;
#[cfg(feature = "stack")]
pub use report::{PlaceReport, PlaceState, StackReport};
#[cfg(feature = "stack")]
pub use stack::{Stack, StackBuilder, Stacked};
