//! The app: its routes with what each asks of its caller, inside the stack.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Html;
use axum::routing::post_service;
use gambeson::audit_trail::{AuditLayer, AuditTrail};
use gambeson::core::{Access, ConfigError, EndpointSpec, RequestHead};
use gambeson::cost_guard::CostGuard;
use gambeson::hardening_headers::reports::Reports;
use gambeson::hardening_headers::{
    EdgeLimitLayer, EdgeRate, Hardening, Limits, LimitsLayer, PeerLayer, TrustedProxies,
};
use gambeson::oidc_auth::AuthLayer;
use gambeson::otel_setup::{Telemetry, TelemetryLayer};
use gambeson::rbac::{
    Activations, AuthorizeLayer, ManagementAccess, Policy, PolicyHandle, Routes, need, public,
};
use gambeson::{Profile, Protected, Stack, StackReport};
use http::Method;

use crate::budget::{self, SUMMARY};
use crate::identity::Identity;
use crate::model::Model;
use crate::settings::Settings;
use crate::store::Store;
use crate::{audit, emergency, notes, page, summary};

/// Where browsers report to.
const REPORTS: &str = "/.well-known/reports";

/// What the handlers share.
#[derive(Debug, Clone)]
pub struct App {
    pub store: Store,
    pub trail: AuditTrail,
    pub policy: PolicyHandle,
    /// The roles that people have taken in an emergency.
    pub activations: Activations,
    pub guard: CostGuard,
    /// What summarises notes; `None`: nothing does.
    pub model: Option<Model>,
    /// Whether browsers sign in here.
    pub sign_in: bool,
}

/// What is served where.
#[derive(Debug)]
pub struct Listeners {
    /// The app behind its stack.
    pub public: Protected,
    /// What only operators see; `None` in development, where it is on the public listener too.
    pub management: Option<Protected>,
    /// What stands in front of the app.
    pub report: StackReport,
}

/// Puts the app behind its stack.
pub fn build(
    settings: &Settings,
    origin: &str,
    identity: Identity,
    app: App,
    telemetry: &Telemetry,
) -> Result<Listeners, ConfigError> {
    let mut routes = routes(settings, &app, telemetry)?;
    let mut exempt = telemetry.endpoints().specs();
    if let Some(login) = identity.sessions.login() {
        let told = post_service(login.backchannel_logout::<Body>());
        routes = routes.mount(login.backchannel_endpoint(), told);
        exempt.push(login.backchannel_endpoint());
    }
    // Browsers tell what the policy blocks; in development that is in the terminal, with the line to add.
    let reports = Reports::builder(REPORTS).run_in(settings.profile).public_origin(origin).build()?;
    routes = routes.mount(reports.endpoint(), reports.method_router());
    let management = match settings.profile.is_production() {
        true => Some(management(routes.matrix_html(), telemetry)?),
        false => None,
    };
    let (router, authorization) = routes.into_parts()?;
    let probes = telemetry.endpoints().specs();
    let hardening = Hardening::strict()
        .run_in(settings.profile)
        .public_origin(origin)
        .redirect_to_canonical()
        .form_action(identity.form_targets)
        .reports(REPORTS)
        .exempt(&exempt);
    let stack = Stack::builder(PeerLayer::new(proxies(settings)?))
        .telemetry(telemetry.layer())
        .hardening(hardening.build()?.layer())
        .outcomes(AuditLayer::new(Arc::new(app.trail.clone())).only(changes))
        .limits(LimitsLayer::new(Limits::new().body(1 << 20))?)
        .edge_limit(EdgeLimitLayer::builder(EdgeRate::per_second(50).burst(200)).exempt(&probes).build()?)
        .login(identity.sessions)
        .authentication(identity.tokens)
        .quota(app.guard.quota_layer().exempt(&probes))
        .authorization(authorization)
        .cost(app.guard.cost_layer(budget::costs()))
        .build(settings.profile)?;
    Ok(Listeners { public: stack.protect(router.with_state(app)), management, report: stack.report() })
}

/// Every route with what it asks of its caller. What is not listed here can't be reached.
fn routes(settings: &Settings, app: &App, telemetry: &Telemetry) -> Result<Routes<App>, ConfigError> {
    let (sink, activations) = (Arc::new(app.trail.clone()), app.activations.clone());
    let mut routes = Routes::new(&app.policy)
        .run_in(settings.profile)
        .get("/", public("strangers see where to sign in"), page::home)
        .get("/api/notes", need("notes:read"), notes::list)
        .post("/api/notes", need("notes:write"), notes::create)
        .delete("/api/notes/{id}", need("notes:delete"), notes::delete)
        .get("/api/admin/audit", need("audit:read"), audit::show)
        .post("/api/emergency", need("role:take"), emergency::declare)
        .delete("/api/emergency", need("role:take"), emergency::end)
        .authorize(move |layer| layer.audit(sink).activations(&activations));
    if app.model.is_some() {
        routes = routes.post(SUMMARY, need("ai:use"), summary::summarise);
    }
    for (spec, endpoint) in telemetry.endpoints().public() {
        routes = routes.mount(spec, endpoint);
    }
    if settings.profile.is_production() {
        return Ok(routes);
    }
    // Operators and developers are the same person here.
    for (spec, endpoint) in telemetry.endpoints().management() {
        routes = routes.mount(spec, endpoint);
    }
    let panic = EndpointSpec::new(Method::POST, "/dev/panic", Access::Management);
    Ok(routes
        .management(ManagementAccess::Open)
        .matrix_page("/docs", Access::Management)
        .mount(panic, axum::routing::post(panic_on_purpose)))
}

/// Metrics and the matrix of roles and routes, for a listener that only operators reach.
fn management(matrix: String, telemetry: &Telemetry) -> Result<Protected, ConfigError> {
    let endpoints = telemetry.endpoints();
    let all = endpoints.public().into_iter().chain(endpoints.management());
    let router = all.fold(Router::new(), |router, (spec, endpoint)| router.route(&spec.template, endpoint));
    let stack = Stack::builder(PeerLayer::new(TrustedProxies::none()))
        .telemetry(TelemetryLayer::off())
        .hardening(Hardening::api().build()?.layer())
        .limits(LimitsLayer::new(Limits::new())?)
        .edge_limit(EdgeLimitLayer::off())
        .authentication(AuthLayer::off())
        .authorization(AuthorizeLayer::off())
        .build(Profile::Production)?;
    Ok(stack.protect(router.route("/docs", axum::routing::get(move || async { Html(matrix) }))))
}

fn proxies(settings: &Settings) -> Result<TrustedProxies, ConfigError> {
    match settings.proxies.as_slice() {
        [] => Ok(TrustedProxies::none()),
        ranges => TrustedProxies::ranges(ranges),
    }
}

/// Of what only reads, the decision on record is enough.
fn changes(head: &RequestHead<'_>) -> bool {
    !head.method.is_safe()
}

/// Who may do what.
pub fn policy() -> Result<PolicyHandle, ConfigError> {
    let policy = Policy::parse(include_str!("../policy.toml"))
        .map_err(|error| ConfigError::one("policy.toml", "", error.to_string()))?;
    Ok(PolicyHandle::new(policy))
}

/// Development only: shows what a client sees of a panic.
async fn panic_on_purpose() {
    panic!("on purpose");
}
