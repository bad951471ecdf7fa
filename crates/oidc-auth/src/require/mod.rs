//! `RequireScopes` and `RequireAcr`: what a route asks of the caller's token and log-in.
//!
//! # What it stops
//!
//! Callers whose token does not have the scopes that a route asks for (403 `insufficient_scope`, RFC 6750 §3.1), and callers
//! whose log-in was too weak or is too long ago for what the route does (401 `insufficient_user_authentication`, RFC 9470
//! §3). The challenge names what would do, so that a client gets a better token without asking a person what to do.
//!
//! It does **not** decide what a caller may do with which data: a scope is what a person let a client do on their behalf, and
//! says nothing of the person's own rights. A browser's session has the scopes that its log-in was granted
//! ([`LoginBuilder::scopes`](crate::login::LoginBuilder::scopes)). What a person may do is the authorization layer's to decide, and a route may well need both. It
//! does not find out who calls: without an authentication layer in front it answers 500, never "allowed".
//!
//! # Place in the stack
//!
//! Inside place 4, around single routes: with axum `route(…).layer(RequireScopes::all(…))`. It needs nothing but what the
//! authentication layer left in the request's facts.
//!
//! # Example
//!
//! ```
//! # use std::convert::Infallible;
//! use bytes::Bytes;
//! use gambeson_core::{Authentication, Challenges, Principal, RequestFacts};
//! use gambeson_oidc_auth::RequireScopes;
//! use http::{Request, Response, StatusCode};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let app = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Bytes::new())));
//! let app = RequireScopes::all(["orders:write"]).layer(app);
//!
//! // What an authentication layer in front would do.
//! let request = |scope: &str| {
//!     let mut request = Request::post("/orders").body(()).unwrap();
//!     let caller = Principal::user("https://id.example.com", "alice").scope(scope).build();
//!     let facts = RequestFacts::ensure(&mut request);
//!     facts.authenticate(Authentication::Verified(caller, Challenges::none())).unwrap();
//!     request
//! };
//! assert_eq!(app.clone().oneshot(request("orders:write")).await.unwrap().status(), StatusCode::OK);
//! assert_eq!(app.oneshot(request("orders:read")).await.unwrap().status(), StatusCode::FORBIDDEN);
//! # }
//! ```
//!
//! # Customised
//!
//! A route that moves money: a scope, and a log-in with a second factor within the last five minutes.
//!
//! ```
//! use std::time::Duration;
//! use gambeson_core::Negotiated;
//! use gambeson_oidc_auth::{RequireAcr, RequireScopes};
//!
//! let layers = (
//!     RequireScopes::any(["payments:write", "payments:all"]),
//!     RequireAcr::one_of(["phr", "phrh"]).max_age(Duration::from_secs(300)).respond_with(Negotiated::new()),
//! );
//! # let _ = layers;
//! ```
//!
//! For browsers with a session, [`RequireLayer::log_in`] with the path of the log-in makes the 401 a way to sign in again. The log-in asks the
//! provider for contexts that [`LoginBuilder::acr_values`](crate::login::LoginBuilder::acr_values) lists only: list those of these layers there.
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | scopes | compared to the letter | `orders:write` says nothing of `orders:read` |
//! | a list that names nothing | nobody passes | an empty demand is a mistake |
//! | a log-in without `auth_time`, where its age counts | refused | it may be any age |
//! | leeway of its age | 30 s | the clocks may differ, and the way back from the provider takes a moment |
//! | a service, where `acr` counts | refused | nobody logged in |
//! | refusals | [`ProblemJson`] | any [`Respond`](gambeson_core::Respond) does |
//! | mode | enforce | |
//! | audit | none | |
//!
//! # Rejections
//!
//! | slug | status | when |
//! |---|---|---|
//! | [`insufficient-scope`](crate#insufficient-scope) | 403 | the token lacks scopes |
//! | [`insufficient-user-authentication`](crate#insufficient-user-authentication) | 401 | the log-in is too weak or too old |
//! | [`credential-required`](crate#credential-required) | 401 | nobody is known |
//! | [`layer-order`](crate#layer-order) | 500 | no authentication layer ran; also while observing |
//!
//! # Telemetry
//!
//! | event | level | fields |
//! |---|---|---|
//! | `request refused` | info; error for 500 | `slug`, `wanted`, `cause` |
//! | `request would have been refused` | warn | `slug`, `wanted`, while observing |
//! | audit event `token.require` | | outcome denied, the slug as reason, `wanted`; asynchronous |
//!
//! # Cancel safety
//!
//! It decides within `call`: there is nothing to cancel.
//!
//! # Errors
//!
//! The layer adds no error of its own: `type Error = S::Error`. Building it can't fail.
//!
//! # Standards
//!
//! RFC 6750 §3.1 (`insufficient_scope`), RFC 6749 §3.3 (scopes), RFC 9470 §3 (step-up), OpenID Connect Core 1.0 §2 (`acr`,
//! `auth_time`) and §3.1.2.1 (`acr_values`, `max_age`).

mod demand;
mod service;

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{AuditSink, Clock, Mode, ProblemJson, Rejection, RequestFacts};
use tower_layer::Layer;

use self::demand::{Demand, Gate};
pub use self::service::RequireService;
pub use crate::gated::ResponseFuture;
use crate::step_up::StepUp;

/// Asks for scopes. See the [module](self) for the whole page.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RequireScopes;

impl RequireScopes {
    /// All of these scopes. An empty list lets nobody pass.
    pub fn all<V: Into<Box<str>>>(scopes: impl IntoIterator<Item = V>) -> RequireLayer {
        RequireLayer::new(Demand::All(scopes.into_iter().map(Into::into).collect()))
    }

    /// At least one of these scopes.
    pub fn any<V: Into<Box<str>>>(scopes: impl IntoIterator<Item = V>) -> RequireLayer {
        RequireLayer::new(Demand::Any(scopes.into_iter().map(Into::into).collect()))
    }
}

/// Asks for a log-in that is strong or fresh enough (step-up). See the [module](self) for the whole page.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RequireAcr;

impl RequireAcr {
    /// A log-in with one of these authentication contexts (`acr`); which ones there are is the provider's to say.
    pub fn one_of<V: Into<Box<str>>>(contexts: impl IntoIterator<Item = V>) -> RequireLayer {
        let contexts: Vec<Box<str>> = contexts.into_iter().map(Into::into).collect();
        RequireLayer::new(Demand::LogIn(StepUp { contexts: Some(contexts), max_age: None }))
    }

    /// A log-in of any kind that is no older than this, by `auth_time`, with 30 s of leeway. Zero asks for one that was made for
    /// this very act (OpenID Connect Core 1.0 §3.1.2.1, `max_age=0`): it counts for those 30 s.
    pub fn fresh(max_age: Duration) -> RequireLayer {
        RequireLayer::new(Demand::LogIn(StepUp { contexts: None, max_age: Some(max_age) }))
    }
}

/// The layer that [`RequireScopes`] and [`RequireAcr`] make.
#[derive(Debug)]
pub struct RequireLayer<R = ProblemJson>(Arc<Shared<R>>);

/// What layer, services and futures share.
#[derive(Debug, Clone)]
struct Shared<R> {
    gate: Gate,
    respond: R,
}

impl<R> Clone for RequireLayer<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl RequireLayer {
    fn new(demand: Demand) -> Self {
        Self(Arc::new(Shared { gate: Gate::new(Some(demand)), respond: ProblemJson }))
    }

    /// Switched off: does nothing.
    #[must_use]
    pub fn off() -> Self {
        Self(Arc::new(Shared { gate: Gate::new(None), respond: ProblemJson }))
    }
}

impl<R: Clone> RequireLayer<R> {
    /// How old the log-in may be, by `auth_time`; beside scopes too. Without an `auth_time` it may be any age: refused. Default: any age.
    #[must_use]
    pub fn max_age(self, age: Duration) -> Self {
        self.changed(|gate| match &mut gate.demand {
            Some(Demand::LogIn(wanted)) => wanted.max_age = Some(age),
            Some(Demand::All(_) | Demand::Any(_)) => {
                gate.fresh = Some(Demand::LogIn(StepUp { contexts: None, max_age: Some(age) }));
            }
            None => {}
        })
    }

    /// Enforce, or only observe for a while. Default: enforce.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        self.changed(|gate| gate.mode = mode)
    }

    /// Sends a browser's navigation that is refused for its log-in to this path, the log-in's own (`/login`), with what is asked
    /// for and the way back: somebody who is signed in, but not well enough, signs in again. Scripts and other clients get
    /// their 401. Default: nobody is sent anywhere.
    #[must_use]
    pub fn log_in(self, path: impl Into<Box<str>>) -> Self {
        self.changed(|gate| gate.log_in = Some(path.into()))
    }

    /// Another clock, for the age of log-ins and the end of observing. Without one, and without the feature `system`, no
    /// log-in is fresh.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        self.changed(|gate| gate.clock = Some(clock))
    }

    /// Who keeps the audit events of refusals. Default: nobody.
    #[must_use]
    pub fn audit(self, sink: Arc<dyn AuditSink>) -> Self {
        self.changed(|gate| gate.audit = Some(sink))
    }

    /// Answers refusals in another way.
    #[must_use]
    pub fn respond_with<T>(self, respond: T) -> RequireLayer<T> {
        let gate = self.0.gate.clone();
        RequireLayer(Arc::new(Shared { gate, respond }))
    }

    /// The same decision within a handler, where the demand depends on what the body says: one tool of many behind one route.
    /// Answer the refusal with any [`Respond`](gambeson_core::Respond). The layer's own responder is not asked.
    ///
    /// # Errors
    /// The refusal, with its challenge.
    pub fn check(&self, facts: &RequestFacts) -> Result<(), Rejection> {
        let gate = &self.0.gate;
        let refused = gate.demand.as_ref().and_then(|demand| gate.refuse(demand, None, facts));
        refused.map_or(Ok(()), Err)
    }

    fn changed(self, change: impl FnOnce(&mut Gate)) -> Self {
        let mut shared = Arc::unwrap_or_clone(self.0);
        change(&mut shared.gate);
        Self(Arc::new(shared))
    }
}

impl<S, R> Layer<S> for RequireLayer<R> {
    type Service = RequireService<S, R>;

    fn layer(&self, inner: S) -> RequireService<S, R> {
        RequireService { inner, shared: Arc::clone(&self.0) }
    }
}
