//! What users of Gambeson test with.
//!
//! | word | what it is for |
//! |---|---|
//! | `DevIdp` (feature `dev-idp`) | an OpenID provider in this process, on loopback: people who sign in, good tokens, bad tokens, outages |
//! | `Browser` (feature `dev-idp`) | a person's browser without a window: signs in to an app and comes back |
//! | `DevModel` (feature `dev-model`) | a pretend paid model API in this process, on loopback: a bill, failures, no model |
//! | [`ManualClock`], [`FixedEntropy`] | core's test doubles: time passes when the test says so |
//! | [`contract`] | the laws of a `tower` layer, executable |
//! | [`authorization`] | what every authorization layer must do, executable |
//! | [`RecordingAuditSink`], [`RecordingCostSink`], [`FailingAuditSink`], [`BlockingAuditSink`] | sinks that remember, fail or block |
//! | `rp` (feature `rp`) | a suite for apps that sign people in, with the names of the official conformance tests |
//! | [`eventually`] | the one place that may wait for other processes |
//! | [`within`] | waits for an answer, but not for ever |
//!
//! The examples below are tests: put each body into a `#[tokio::test]` function.
//!
//! # Testing your app
//!
//! | to | do |
//! |---|---|
//! | get a token | `idp.mint().user("alice").token()`; from a shell `curl -H 'Accept: text/plain' -d user=alice $ISSUER/dev/token` |
//! | let the app take it | give its verifier `DevIdp::issuer`, and the audience of `DevIdpBuilder::audience` |
//! | sign in | `Browser::new().app(origin, app)`, then `sign_in("/login", "alice")`; the provider knows the app as a `DevClient` with the redirect URI `{origin}/login/callback` |
//! | let time pass | clones of one [`ManualClock`] for `DevIdp`, `Browser`, and the `clock` of each of the app's builders |
//! | play an outage | `idp.fault(Fault::Down)`; `Fault` has the others |
//!
//! A request that a test makes itself (`tower::ServiceExt::oneshot`) has come through no server, which some layers notice. `Browser` sends all of
//! this but the extension, which it is given once: `Browser::extension`.
//!
//! | layer | expects | else |
//! |---|---|---|
//! | `PeerLayer` | the extension `Connection::new("127.0.0.1:40000".parse()?)` (gambeson-hardening-headers), or axum's `ConnectInfo` | no address: rates and quotas by address count all such requests together |
//! | `HardeningLayer` with hosts or a public origin | `Host`, one of them | 400 `bad-host`, 421 `misdirected-host` |
//! | `HardeningLayer`, of a form | `Sec-Fetch-Site` or `Origin`, if there is one, of the app's own origin | 403 `cross-site` |
//! | `LoginLayer`, at `/login` | `Sec-Fetch-Mode` and `-Dest`, if there are any, of a navigation | 403 `navigation-only` |
//! | `EdgeLimitLayer`, `AuthorizeLayer` and others | the layers that stand before it | 500 `layer-order` |
//! | `Verifier`, `Login` | `run_in(Profile::Development)`, as the issuer is on loopback in plain http | an error when they are built |
//!
//! ## Signing in to your app
//!
//! The docs of `gambeson_oidc_auth::login` have an axum app with pages and an API, and
//! [its test](https://docs.rs/gambeson-oidc-auth/latest/gambeson_oidc_auth/login/#with-axum-beside-tokens); those of `gambeson` a
//! [`oneshot` test](https://docs.rs/gambeson/latest/gambeson/#testing-your-app) of a whole stack. In short:
//!
//! ```
//! # #[cfg(feature = "dev-idp")]
//! # async fn example(app: impl Fn(&str) -> axum::Router) -> Result<(), Box<dyn std::error::Error>> {
//! use gambeson_testing::{Browser, DevClient, DevIdp};
//!
//! let origin = "http://127.0.0.1:3000";
//! let client = DevClient::confidential("notes", "secret").redirect_uri(format!("{origin}/login/callback"));
//! let idp = DevIdp::builder().client(client).start().await?;
//! let mut browser = Browser::new().app(origin, app(idp.issuer()));
//! let page = browser.sign_in("/login", "alice").await?;
//! assert!(page.text().contains("alice"));
//! browser.submit("/logout", &[]).await?;
//! assert_eq!(browser.cookie("session"), None);
//! # Ok(())
//! # }
//! ```
//!
//! # An app that wants tokens
//!
//! The app is an own axum app that knows its issuer's keys. How it verifies tokens is its own business; with
//! `gambeson-oidc-auth` it would be given `idp.issuer()` instead.
//!
//! ```
//! # #[cfg(feature = "dev-idp")]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use axum::{Router, http::{HeaderMap, Request, StatusCode}, routing::get};
//! use gambeson_testing::DevIdp;
//! use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
//! use tower::ServiceExt;
//!
//! // The app.
//! fn subject(keys: &JwkSet, issuer: &str, headers: &HeaderMap) -> Option<String> {
//!     let token = headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")?;
//!     let key = keys.find(decode_header(token).ok()?.kid.as_deref()?)?;
//!     let mut rules = Validation::new(Algorithm::RS256);
//!     rules.set_audience(&["notes"]);
//!     rules.set_issuer(&[issuer]);
//!     let claims = decode::<serde_json::Value>(token, &DecodingKey::from_jwk(key).ok()?, &rules).ok()?.claims;
//!     claims["sub"].as_str().map(str::to_owned)
//! }
//!
//! fn app(keys: JwkSet, issuer: String) -> Router {
//!     let whoami = move |headers: HeaderMap| {
//!         std::future::ready(subject(&keys, &issuer, &headers).ok_or(StatusCode::UNAUTHORIZED))
//!     };
//!     Router::new().route("/whoami", get(whoami))
//! }
//!
//! // The test.
//! let idp = DevIdp::builder().audience("notes").start().await.unwrap();
//! let app = app(serde_json::from_value(idp.jwks()).unwrap(), idp.issuer().to_owned());
//! let status = async |token: String| {
//!     let request = Request::get("/whoami").header("authorization", format!("Bearer {token}"));
//!     app.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap().status()
//! };
//!
//! let alice = || idp.mint().user("alice");
//! assert_eq!(status(alice().token()).await, 200);
//! assert_eq!(status(alice().expired().token()).await, 401);
//! assert_eq!(status(alice().audience("another-app").token()).await, 401);
//! assert_eq!(status(alice().issuer("http://elsewhere").token()).await, 401);
//! assert_eq!(status(alice().tampered().token()).await, 401);
//! assert_eq!(status(alice().foreign_key().token()).await, 401);
//! assert_eq!(status(alice().alg_none().token()).await, 401);
//! # });
//! # #[cfg(not(feature = "dev-idp"))] {}
//! ```
//!
//! # Time that passes when told to
//!
//! What asks core's [`Clock`](gambeson_core::Clock) and [`Timer`](gambeson_core::Timer) for the time, as every layer of
//! Gambeson does, is tested to the second without waiting.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use std::{sync::Arc, time::Duration};
//! use gambeson_core::{Clock, Timer, Timestamp};
//! use gambeson_testing::ManualClock;
//!
//! // The app: an invitation that lasts an hour.
//! struct Invitation { until: Timestamp, clock: Arc<dyn Clock> }
//! impl Invitation {
//!     fn new(clock: Arc<dyn Clock>) -> Self {
//!         Self { until: clock.now().plus(Duration::from_secs(3_600)), clock }
//!     }
//!     fn is_open(&self) -> bool {
//!         self.clock.now() < self.until
//!     }
//! }
//!
//! // The test. Clones of a manual clock share the time.
//! let clock = ManualClock::at(Timestamp::from_unix_seconds(1_700_000_000));
//! let invitation = Invitation::new(Arc::new(clock.clone()));
//! clock.advance(Duration::from_secs(3_599));
//! assert!(invitation.is_open());
//! clock.advance(Duration::from_secs(1));
//! assert!(!invitation.is_open());
//!
//! // Timers wake when their moment has come: nobody sleeps.
//! let reminder = clock.until(clock.monotonic().plus(Duration::from_secs(60)));
//! clock.advance(Duration::from_secs(60));
//! reminder.await;
//! # });
//! ```
//!
//! # A layer that keeps the laws
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use std::{pin::Pin, task::{Context, Poll}};
//! use bytes::Bytes;
//! use gambeson_core::{ProblemJson, Rejection, RejectionClass, RequestFacts, Respond};
//! use gambeson_testing::contract::{self, Cases};
//! use http::{Request, Response, StatusCode};
//! use pin_project_lite::pin_project;
//! use tower::{Layer, Service};
//!
//! // The layer: no key, no entry.
//! #[derive(Clone)]
//! struct KeyLayer;
//!
//! impl<S> Layer<S> for KeyLayer {
//!     type Service = Key<S>;
//!     fn layer(&self, inner: S) -> Key<S> {
//!         Key { inner }
//!     }
//! }
//!
//! #[derive(Clone)]
//! struct Key<S> { inner: S }
//!
//! impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Key<S>
//! where
//!     S: Service<Request<ReqBody>, Response = Response<ResBody>>,
//!     ResBody: From<Bytes>,
//! {
//!     type Response = S::Response;
//!     type Error = S::Error;
//!     type Future = KeyFuture<S::Future, ResBody>;
//!
//!     fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
//!         self.inner.poll_ready(cx)
//!     }
//!
//!     fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
//!         if request.headers().contains_key("x-key") {
//!             return KeyFuture::Passed { future: self.inner.call(request) };
//!         }
//!         let no_key = Rejection::new("my-app", RejectionClass::Credential, "no-key", StatusCode::UNAUTHORIZED);
//!         let facts = RequestFacts::ensure(&mut request);
//!         facts.set_rejection(no_key.clone());
//!         KeyFuture::Refused { answer: Some(ProblemJson.respond(&no_key, &facts)) }
//!     }
//! }
//!
//! pin_project! {
//!     #[project = Projected]
//!     enum KeyFuture<F, B> {
//!         Passed { #[pin] future: F },
//!         Refused { answer: Option<Response<B>> },
//!     }
//! }
//!
//! impl<F: Future<Output = Result<Response<B>, E>>, B, E> Future for KeyFuture<F, B> {
//!     type Output = F::Output;
//!
//!     fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
//!         match self.project() {
//!             Projected::Passed { future } => future.poll(cx),
//!             Projected::Refused { answer } => Poll::Ready(Ok(answer.take().expect("polled after its end"))),
//!         }
//!     }
//! }
//!
//! // The test: one request that must pass, one that must be refused.
//! let with_key = || Request::post("/notes").header("x-key", "1").body("a note").unwrap();
//! let without = || Request::post("/notes").body("a note").unwrap();
//! contract::check(|| KeyLayer, Cases::passing(with_key).refusing(without)).await;
//! # });
//! ```
#![forbid(unsafe_code)]

pub mod authorization;
#[cfg(feature = "dev-idp")]
mod browser;
pub mod contract;
#[cfg(feature = "dev-idp")]
mod dev_idp;
#[cfg(feature = "dev-model")]
mod dev_model;
#[cfg(any(feature = "dev-idp", feature = "dev-model"))]
mod dev_server;
mod eventually;
#[cfg(feature = "rp")]
pub mod rp;
mod sinks;
mod within;

#[cfg(feature = "dev-idp")]
pub use browser::{Browser, BrowserError, Page};
#[cfg(feature = "dev-idp")]
pub use dev_idp::{
    DevClient, DevIdp, DevIdpBuilder, DevIdpError, DevIdpErrorKind, Fault, LogoutFault, Mint, Person,
    SigningAlgorithm,
};
#[cfg(feature = "dev-model")]
pub use dev_model::{DevModel, DevModelBuilder, DevModelError, DevModelErrorKind, ModelBill, ModelFault};
pub use eventually::eventually;
pub use gambeson_core::{FixedEntropy, ManualClock};
pub use sinks::{BlockingAuditSink, FailingAuditSink, RecordingAuditSink, RecordingCostSink};
pub use within::within;
