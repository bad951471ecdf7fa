//! The app: its routes with what each asks of its caller, inside the stack.

use std::sync::Arc;

use axum::Router;
use gambeson::audit_trail::AuditTrail;
use gambeson::core::{Access, ConfigError, EndpointSpec};
use gambeson::hardening_headers::{
    EdgeLimitLayer, EdgeRate, Hardening, Limits, LimitsLayer, PeerLayer, TrustedProxies,
};
use gambeson::oidc_auth::{AuthLayer, Issuer, Verifier};
use gambeson::otel_setup::Telemetry;
use gambeson::rbac::{ManagementAccess, Policy, PolicyHandle, Routes, need};
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

/// The app behind its stack, for the public listener.
pub fn public(
    settings: &Settings,
    issuer: &str,
    app: App,
    telemetry: &Telemetry,
) -> Result<Router, ConfigError> {
    let policy = policy()?;
    let sink = Arc::new(app.trail.clone());
    let mut routes = Routes::new(&policy)
        .profile(settings.profile)
        .get("/api/notes", need("notes:read"), notes::list)
        .post("/api/notes", need("notes:write"), notes::create)
        .delete("/api/notes/{id}", need("notes:delete"), notes::delete)
        .get("/api/admin/audit", need("audit:read"), audit::show)
        .authorize(move |layer| layer.audit(sink));
    if !settings.profile.is_production() {
        // Operators and developers are the same person here; in production these are on their own listener.
        routes = operators_only(routes, telemetry).management(ManagementAccess::Open).mount(
            EndpointSpec::new(Method::POST, "/dev/panic", Access::Management),
            axum::routing::post(panic_on_purpose),
        );
    }
    for (spec, endpoint) in telemetry.endpoints().public() {
        routes = routes.mount(spec, endpoint);
    }
    let (router, authorization) = routes.into_parts()?;

    let probes = telemetry.endpoints().specs();
    let mut hardening = Hardening::api().exempt(&probes);
    if let Some(origin) = &settings.public_origin {
        hardening = hardening.public_origin(origin);
    }
    let proxies = match settings.proxies.as_slice() {
        [] => TrustedProxies::none(),
        ranges => TrustedProxies::ranges(ranges)?,
    };
    let stack = Stack::builder(PeerLayer::new(proxies))
        .telemetry(telemetry.layer())
        .hardening(hardening.build()?.layer())
        .limits(LimitsLayer::new(Limits::new().body(1 << 20))?)
        .edge_limit(EdgeLimitLayer::builder(EdgeRate::per_second(50).burst(200)).exempt(&probes).build()?)
        .authentication(AuthLayer::new(verifier(settings, issuer, &app)?))
        .authorization(authorization)
        .build(settings.profile)?;
    Ok(router.layer(stack).with_state(app))
}

/// What only operators see, for the management listener of production.
pub fn management(app: App, telemetry: &Telemetry) -> Result<Router, ConfigError> {
    let routes = Routes::new(&policy()?).management(ManagementAccess::Open);
    let (router, authorization) = operators_only(routes, telemetry).into_parts()?;
    let stack = Stack::builder(PeerLayer::new(TrustedProxies::none()))
        .hardening(Hardening::api().build()?.layer())
        .build(Profile::Development)?;
    drop(authorization);
    Ok(router.layer(stack).with_state(app))
}

fn operators_only(routes: Routes<App>, telemetry: &Telemetry) -> Routes<App> {
    let routes = routes.matrix_page("/docs", Access::Management);
    telemetry.endpoints().management().into_iter().fold(routes, |routes, (spec, it)| routes.mount(spec, it))
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
