//! The app: its routes with what each asks of its caller, inside the stack.

use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use gambeson::audit_trail::AuditTrail;
use gambeson::core::{Access, ConfigError, EndpointSpec};
use gambeson::hardening_headers::{
    EdgeLimitLayer, EdgeRate, Hardening, Limits, LimitsLayer, PeerLayer, TrustedProxies,
};
use gambeson::oidc_auth::{AuthLayer, Issuer, Verifier};
use gambeson::otel_setup::{Telemetry, TelemetryLayer};
use gambeson::rbac::{AuthorizeLayer, ManagementAccess, Policy, PolicyHandle, Routes, need};
use gambeson::{Profile, Stack};
use http::Method;

use crate::settings::Settings;
use crate::store::Store;
use crate::{audit, notes};

/// What the handlers share.
#[derive(Debug, Clone)]
pub struct App {
    pub store: Store,
    pub trail: AuditTrail,
}

/// What is served where.
#[derive(Debug)]
pub struct Listeners {
    /// The app behind its stack.
    pub public: Router,
    /// What only operators see; `None` in development, where it is on the public listener too.
    pub management: Option<Router>,
}

/// Puts the app behind its stack.
pub fn build(
    settings: &Settings,
    issuer: &str,
    app: App,
    telemetry: &Telemetry,
) -> Result<Listeners, ConfigError> {
    let routes = routes(settings, &app, telemetry)?;
    let management = match settings.profile.is_production() {
        true => Some(management(routes.matrix_html(), telemetry)?),
        false => None,
    };
    let (router, authorization) = routes.into_parts()?;
    let probes = telemetry.endpoints().specs();
    let stack = Stack::builder(PeerLayer::new(proxies(settings)?))
        .telemetry(telemetry.layer())
        .hardening(hardening(settings).exempt(&probes).build()?.layer())
        .limits(LimitsLayer::new(Limits::new().body(1 << 20))?)
        .edge_limit(EdgeLimitLayer::builder(EdgeRate::per_second(50).burst(200)).exempt(&probes).build()?)
        .authentication(AuthLayer::new(verifier(settings, issuer, &app)?))
        .authorization(authorization)
        .build(settings.profile)?;
    Ok(Listeners { public: router.layer(stack).with_state(app), management })
}

/// Every route with what it asks of its caller. What is not listed here can't be reached.
fn routes(settings: &Settings, app: &App, telemetry: &Telemetry) -> Result<Routes<App>, ConfigError> {
    let sink = Arc::new(app.trail.clone());
    let mut routes = Routes::new(&policy()?)
        .run_in(settings.profile)
        .get("/api/notes", need("notes:read"), notes::list)
        .post("/api/notes", need("notes:write"), notes::create)
        .delete("/api/notes/{id}", need("notes:delete"), notes::delete)
        .get("/api/admin/audit", need("audit:read"), audit::show)
        .authorize(move |layer| layer.audit(sink));
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
fn management(matrix: String, telemetry: &Telemetry) -> Result<Router, ConfigError> {
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
    Ok(router.route("/docs", axum::routing::get(move || async { Html(matrix) })).layer(stack))
}

fn hardening(settings: &Settings) -> Hardening {
    match &settings.public_origin {
        Some(origin) => Hardening::api().public_origin(origin),
        None => Hardening::api(),
    }
}

fn proxies(settings: &Settings) -> Result<TrustedProxies, ConfigError> {
    match settings.proxies.as_slice() {
        [] => Ok(TrustedProxies::none()),
        ranges => TrustedProxies::ranges(ranges),
    }
}

fn policy() -> Result<PolicyHandle, ConfigError> {
    let policy = Policy::parse(include_str!("../policy.toml"))
        .map_err(|error| ConfigError::one("policy.toml", "", error.to_string()))?;
    Ok(PolicyHandle::new(policy))
}

fn verifier(settings: &Settings, issuer: &str, app: &App) -> Result<Verifier, ConfigError> {
    Verifier::builder(Issuer::discover(issuer))
        .audience(settings.audience.as_str())
        .run_in(settings.profile)
        .audit(Arc::new(app.trail.clone()))
        .build()
}

/// Development only: shows what a client sees of a panic.
async fn panic_on_purpose() {
    panic!("on purpose");
}
