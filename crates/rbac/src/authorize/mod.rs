//! The layer that lets only those pass who may.
//!
//! # What it stops
//!
//! A request whose caller does not have the permission that the route asks for; a request to a route that nobody
//! declared; a method that a route does not have. It decides before the inner service is touched: a refused
//! request never reaches it. `X-HTTP-Method-Override` and its kin are ignored, HEAD follows the rule of GET, and
//! nothing ever looks at the raw path.
//!
//! It does **not** find out who is calling (an authentication layer does, outside of it), does not know to whom a
//! record belongs unless the path says so (a route's `scope`; else the handler asks
//! [`Authorizer::same_tenant`](crate::Authorizer::same_tenant)), and does not answer
//! CORS preflights (the hardening layer does, further out).
//!
//! # Place in the stack
//!
//! Place 6: inside authentication and quotas, because it needs the principal; outside cost accounting, so that a refused request holds
//! no money. With axum it belongs inside the router (`Router::layer`), because it needs the matched route; with
//! [`Routes`](crate::Routes) it is placed for you. Without an authentication layer in front it answers 500, never
//! "allowed".
//!
//! # Example
//!
//! ```
//! use gambeson_core::{Authentication, Challenges, GrpcStatus, Principal, RequestFacts};
//! use gambeson_rbac::{AuthorizeLayer, GrpcMethod, PolicyHandle};
//! use http::{Request, Response};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! let policy: PolicyHandle = r#"
//!     version = 1
//!     [permissions]
//!     "notes:read" = {}
//!     [roles]
//!     viewer = { grants = ["notes:read"] }
//!     [routes]
//!     "POST /notes.v1.Notes/List" = { perm = "notes:read" }
//! "#.parse()?;
//! let app = service_fn(|_: Request<()>| async { Ok::<_, std::convert::Infallible>(Response::new(String::new())) });
//! let app = AuthorizeLayer::new(&policy, GrpcMethod).respond_with(GrpcStatus).layer(app);
//!
//! // What an authentication layer in front would do.
//! let request = |role: &str| {
//!     let mut request = Request::post("/notes.v1.Notes/List").body(()).unwrap();
//!     let caller = Principal::user("https://id.example", "alice").role(role).build();
//!     let facts = RequestFacts::ensure(&mut request);
//!     facts.authenticate(Authentication::Verified(caller, Challenges::none())).unwrap();
//!     request
//! };
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let allowed = app.clone().oneshot(request("viewer")).await?;
//! assert!(allowed.headers().get("grpc-status").is_none());
//! let refused = app.oneshot(request("guest")).await?;
//! assert_eq!(refused.headers()["grpc-status"], "7");
//! # Ok::<(), std::convert::Infallible>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Customised
//!
//! An app with its own log-in, an audit sink, and a policy that is only watched at first:
//!
//! ```
//! use std::sync::Arc;
//! use gambeson_core::{Authentication, Challenges, Mode, NullSink, Principal, RequestHead, Timestamp};
//! use gambeson_rbac::{AuthorizeLayer, GrpcMethod, PolicyHandle};
//!
//! #[derive(Clone)]
//! struct SessionUser { name: String }
//!
//! let policy: PolicyHandle = "version = 1".parse()?;
//! let layer = AuthorizeLayer::new(&policy, GrpcMethod)
//!     .audit(Arc::new(NullSink))
//!     .mode(Mode::Observe { until: Timestamp::from_unix_seconds(1_800_000_000) })
//!     .authentication_from(|head: &RequestHead<'_>| {
//!         let user = head.extensions.get::<SessionUser>()?;
//!         let principal = Principal::user("this-app", user.name.as_str()).role("viewer").build();
//!         Some(Authentication::Verified(principal, Challenges::none()))
//!     });
//! # let _ = layer;
//! # Ok::<(), gambeson_rbac::PolicyError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | routes | `[routes]` of the policy in force; those in code with `Routes` | declared together with their policy |
//! | no template | 404 for principals, 401 for nobody | a fallback may hide anything; `[routes] fallback` opens it |
//! | other method | 405 with `Allow`; 401 for nobody, unless all methods of the route are public | strangers learn nothing |
//! | responder | `ProblemJson` | RFC 9457 |
//! | mode | enforce | |
//! | audit | none; with a sink, every decision on a permission, asynchronously | `audit = "strict"` waits for the record |
//! | shadow policy | none | [`AuthorizeLayer::shadow`] lets the next version decide beside this one |
//! | `Authorizer` for handlers | on, at an atomic increment and its decrement a request (with an uncommon method an allocation, too) | [`AuthorizeLayer::without_authorizer`] turns it off |
//!
//! # Rejections
//!
//! | slug | status | when |
//! |---|---|---|
//! | `layer-order` | 500 | no authentication layer ran; also while observing |
//! | `unauthenticated` | 401 | nobody is logged in, and the route is not public |
//! | `insufficient-user-authentication` | 401 | the caller may, but the log-in is too weak or too old (`acr`, `max_age`); 303 for a browser's navigation with [`AuthorizeLayer::log_in`] |
//! | `forbidden` | 403 | the caller does not have the permission |
//! | `not-found` | 404 | a principal asked for a route that is not declared, or that is hidden from those who may not; or outside of the route's scope, also while observing |
//! | `method-not-allowed` | 405 | the route has no such method |
//! | `indeterminate` | 503 | it could not be decided, for example because a token leaves groups out |
//! | `audit-unavailable` | 503 | the policy asks for strict audit, and the act can't be put on record; also while observing |
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `request refused` with `slug`, `route`, `method` | debug; warn with `cause` for 503; error with `cause` for 500 | on every refusal |
//! | `request would have been refused` | warn | while observing |
//! | `route has no policy` with `template` | warn | a caller asked for a matched route that is not in the table; once a template and policy |
//! | `a caller claims a role that the policy does not know` | warn | once a name and policy, of the first 256 |
//! | `the policy has no [claims] for this issuer`, `… no such entry in [services]` | warn | once an issuer or service and policy, of the first 256 |
//! | `the next policy would answer otherwise` with `said` and `would_say` | warn | once a route and kind of difference, of the first 256 |
//! | `authorization is not on record` | error | the audit sink failed |
//!
//! Differences of a shadow policy are no metric of otel-setup, which counts how requests end: read
//! [`AuthorizeLayer::shadow_report`], or count the audit events of reason `shadow-differs`.
//!
//! Audit events have the kind `authorization`, the permission as action, the slug as reason, and carry the policy's
//! digest. The outcome is `success`, `denied`, or `failed` for 503; what is let pass while observing is a `success` with
//! the slug and the detail `mode` = `observe`; what a role that was activated allows has `activated` = `true`. A strict act whose record did not become durable is withdrawn by a second
//! event: `failed`, `audit-unavailable`. Public routes, unknown routes and other methods are not audited.
//!
//! | detail | on | holds |
//! |---|---|---|
//! | `roles`, `actor_roles` | every decision about a caller | the roles that decided, as far as the policy knows them: [`replay`](crate::replay) needs them |
//! | `roles_omitted` | callers with very many roles | how many did not fit into 900 bytes |
//! | `activated_roles` | acts that a role allows which was taken or activated | those roles |
//! | `record` | checks upon a record | of the record only what conditions about the permission compare, in at most 900 bytes; else `record_omitted` |
//! | `why` | refusals | the rule, or the nearest missing grant and who gives it, in at most 512 bytes |
//! | `shadow_policy`, `shadow_outcome`, `shadow_reason` | events of reason `shadow-differs` | how the next policy would have decided |
//!
//! # Cancel safety
//!
//! A decision is made within `call`, so there is nothing to cancel. While a strict act waits for its record the inner service has not
//! been called and no permit of it is held. Dropping the future then means that the act does not happen; because the
//! trail may hold by then that it was allowed, a further event with outcome `failed` and reason `not-begun` follows.
//!
//! # Errors
//!
//! Building the layer can't fail: the policy was validated before. Errors of the inner service pass through.
//! [`AuthorizeLayer::check`] finds a policy that asks for strict audit where there is no sink.
//!
//! # Standards
//!
//! RFC 9110 §9.3.2 (HEAD), §10.2.1 (`Allow`), §15.5.2 (401), §15.5.4 (403), §15.5.6 (405); RFC 9457 (problem details); RFC 9470 §3 (step-up); RFC 8693 §4.1
//! (`act`); ANSI INCITS 359 (core and hierarchical RBAC).

mod admission;
mod future;
mod judge;
mod point;
mod record;
mod recording;
pub(crate) mod rejections;
mod service;
mod settings;
mod shadow;
mod source;
mod telemetry;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use gambeson_core::{
    AuditSink, AuthenticationFrom, Clock, ConfigError, ConfigProblems, Mode, ProblemJson, RouteSource,
};
use tower_layer::Layer;

pub(crate) use self::admission::{terms, told};
pub use self::future::ResponseFuture;
pub(crate) use self::judge::Verdict;
pub(crate) use self::point::Judge;
use self::point::Points;
pub(crate) use self::record::{Act, record_async, record_strictly};
pub use self::service::Authorize;
pub(crate) use self::settings::Settings;
use self::shadow::Shadow;
pub use self::shadow::ShadowReport;
pub(crate) use self::shadow::{Both, Said};
#[cfg(feature = "axum-router")]
pub use self::source::AxumRoute;
pub use self::source::{GrpcMethod, ParameterSource};
use crate::activation::Activations;
use crate::handle::PolicyHandle;
#[cfg(feature = "axum-router")]
use crate::table::RouteTable;

/// Lets only those pass who may; see the [module](self) for the whole story.
#[derive(Debug)]
pub struct AuthorizeLayer<R = ProblemJson> {
    shared: Arc<Shared<R>>,
}

#[derive(Debug)]
pub(crate) struct Shared<R> {
    /// `None`: switched off.
    settings: Option<Arc<Settings>>,
    /// Whom handlers ask again; `None`: they can't.
    points: Option<Points>,
    responder: Arc<R>,
}

impl AuthorizeLayer {
    /// Enforces the policy in force on the templates that `source` finds; the routes are those of its `[routes]`.
    pub fn new(policy: &PolicyHandle, source: impl RouteSource) -> Self {
        let settings = Settings::new(policy.clone(), Arc::new(source));
        Self::from_parts(Some(settings), Arc::new(ProblemJson))
    }

    /// Enforces the policy in force on the routes that axum matched; the routes are those of its `[routes]`.
    #[cfg(feature = "axum-router")]
    #[must_use]
    pub fn axum(policy: &PolicyHandle) -> Self {
        Self::new(policy, AxumRoute).parameters_from(AxumRoute)
    }

    /// A layer that lets everything pass, for a stack whose types must stay the same. Handlers get no `Authorizer` then, also not that
    /// of a layer further out.
    #[must_use]
    pub fn off() -> Self {
        Self::from_parts(None, Arc::new(ProblemJson))
    }
}

impl<R> AuthorizeLayer<R> {
    fn from_parts(settings: Option<Settings>, responder: Arc<R>) -> Self {
        let settings = settings.map(Arc::new);
        let points = settings.as_ref().filter(|settings| settings.authorizer).map(Points::new);
        Self { shared: Arc::new(Shared { settings, points, responder }) }
    }

    fn edit(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.shared.settings.as_deref().cloned();
        if let Some(settings) = &mut settings {
            change(settings);
        }
        Self::from_parts(settings, Arc::clone(&self.shared.responder))
    }

    /// Answers refusals in another form.
    #[must_use]
    pub fn respond_with<R2>(self, responder: R2) -> AuthorizeLayer<R2> {
        let settings = self.shared.settings.as_deref().cloned();
        AuthorizeLayer::from_parts(settings, Arc::new(responder))
    }

    /// Where decisions on permissions are put on record.
    #[must_use]
    pub fn audit(self, sink: Arc<dyn AuditSink>) -> Self {
        self.edit(|settings| settings.audit = Some(sink))
    }

    /// Lets roles hold that callers have taken or activated. What is done while a break-glass is open, and would not be
    /// allowed without, is audited strictly.
    #[must_use]
    pub fn activations(self, activations: &Activations) -> Self {
        self.edit(|settings| settings.activations = Some(activations.clone()))
    }

    /// Enforce, or only observe until a date. A missing authentication layer is refused in either mode.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        self.edit(|settings| settings.mode = mode)
    }

    /// Lets the next version of the policy decide beside the one in force, to see what it would change.
    ///
    /// It never changes an answer. Where it would answer otherwise, that is counted ([`AuthorizeLayer::shadow_report`]),
    /// logged once a route and kind of difference, and put on record with the digests of both policies: each difference
    /// for a caller, once a route for strangers. Costs a second decision a request.
    #[must_use]
    pub fn shadow(self, next: &PolicyHandle) -> Self {
        self.edit(|settings| settings.shadow = Some(Arc::new(Shadow::new(next.clone()))))
    }

    /// How often the next policy would have answered otherwise, to this layer and its clones; `None` without one.
    #[must_use]
    pub fn shadow_report(&self) -> Option<ShadowReport> {
        let settings = self.shared.settings.as_ref()?;
        settings.shadow.as_ref().map(|shadow| shadow.report())
    }

    /// Asks the app's own log-in, where no authentication layer ran.
    #[must_use]
    pub fn authentication_from(self, own: impl AuthenticationFrom) -> Self {
        self.edit(|settings| settings.authentication = Some(Arc::new(own)))
    }

    /// Where scopes of routes read path parameters; with axum it is set already.
    #[must_use]
    pub fn parameters_from(self, source: impl ParameterSource) -> Self {
        self.edit(|settings| settings.parameters = Some(Arc::new(source)))
    }

    /// Another clock than the system's, for grants that hold at times, audit events and the end of observing.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        self.edit(|settings| settings.clock = clock)
    }

    /// Sends a browser's navigation that is refused for its log-in (`acr`, `max_age`) to this path, the log-in's own (`/login`), with
    /// what is asked for and the way back. Scripts and other clients get their 401. Default: nobody is sent anywhere.
    #[must_use]
    pub fn log_in(self, path: impl Into<Box<str>>) -> Self {
        self.edit(|settings| settings.log_in = Some(path.into()))
    }

    /// Spares what it costs a request to hand an [`Authorizer`](crate::Authorizer) to handlers, an atomic increment and its decrement: they
    /// get none, also not that of a layer further out.
    #[must_use]
    pub fn without_authorizer(self) -> Self {
        self.edit(|settings| settings.authorizer = false)
    }

    #[cfg(feature = "axum-router")]
    pub(crate) fn with_table(self, table: Arc<RouteTable>) -> Self {
        self.edit(|settings| settings.table = Some(table))
    }

    /// Whether the layer was switched off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.shared.settings.is_none()
    }

    /// The policy and whether its decisions are put on record, in a few words for a report; empty for a layer that is off.
    #[must_use]
    pub fn summary(&self) -> String {
        self.shared.settings.as_ref().map_or_else(String::new, |settings| settings.summary())
    }

    /// What is weak about it, each in a few words with its cure: nothing for a layer that is off.
    #[must_use]
    pub fn weaknesses(&self) -> Vec<String> {
        self.shared.settings.as_ref().map_or_else(Vec::new, |settings| settings.weaknesses())
    }

    /// Whether decisions are put on record.
    #[must_use]
    pub fn is_audited(&self) -> bool {
        self.shared.settings.as_ref().is_some_and(|settings| settings.audit.is_some())
    }

    /// Enforce, or observe until when; enforce for a layer that is off.
    #[must_use]
    pub fn current_mode(&self) -> Mode {
        self.shared.settings.as_ref().map_or(Mode::Enforce, |settings| settings.mode)
    }

    /// How many requests were let pass that enforcing would have refused, by this layer and its clones.
    #[must_use]
    pub fn observed(&self) -> u64 {
        self.shared.settings.as_ref().map_or(0, |settings| settings.observed.load(Ordering::Relaxed))
    }

    /// Looks for what would only show under load: a policy that asks for strict audit, and no sink; routes with a scope,
    /// and nothing to read path parameters with.
    ///
    /// # Errors
    /// What is missing, and how to mend it.
    pub fn check(&self) -> Result<(), ConfigError> {
        let Some(settings) = &self.shared.settings else { return Ok(()) };
        let policy = settings.policy.load();
        let mut problems = ConfigProblems::new();
        if settings.audit.is_none() && policy.has_strict_permissions() {
            let cure = "the policy asks for strict audit: give AuthorizeLayer a sink with `.audit(…)`";
            problems.add("rbac.audit", "", cure);
        }
        let table = settings.table.as_deref().unwrap_or_else(|| policy.table());
        if settings.parameters.is_none() && table.has_scopes() {
            let cure = "routes have a scope: say where path parameters are with `.parameters_from(…)`";
            problems.add("rbac.parameters", "", cure);
        }
        if let Mode::Observe { until } = settings.mode
            && settings.mode.enforces(settings.clock.now())
        {
            tracing::warn!(%until, "the time to observe is over: the policy is enforced; take the date out");
        }
        problems.check()
    }
}

impl PolicyHandle {
    /// The layer for a plain axum router, whose rules are the `[routes]` of the policy in force.
    #[cfg(feature = "axum-router")]
    #[must_use]
    pub fn authorize_layer(&self) -> AuthorizeLayer {
        AuthorizeLayer::axum(self)
    }
}

impl<R> Clone for AuthorizeLayer<R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S, R> Layer<S> for AuthorizeLayer<R> {
    type Service = Authorize<S, R>;

    fn layer(&self, inner: S) -> Authorize<S, R> {
        Authorize { inner, shared: Arc::clone(&self.shared) }
    }
}
