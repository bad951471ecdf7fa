//! The whole stack in under 80 lines: `cargo run -p hello-hardened`, then ask as the printed line says.
//!
//! A debug build is a developer's and brings its own identity provider; a release build wants OIDC_ISSUER.

use std::{env, error::Error, path::Path, sync::Arc, time::Duration};

use axum::Router;
use gambeson::audit_trail::{AuditTrail, Config};
use gambeson::hardening_headers::serve::{Server, serve};
use gambeson::hardening_headers::{EdgeLimitLayer, EdgeRate, Hardening, Limits, LimitsLayer};
use gambeson::hardening_headers::{PeerLayer, TrustedProxies};
use gambeson::oidc_auth::{AuthLayer, Caller, Issuer, Verifier};
use gambeson::otel_setup::{AxumRoute, Telemetry, logs};
use gambeson::rbac::{PolicyHandle, Routes, need, public};
use gambeson::{Profile, Stack};
use gambeson_testing::DevIdp;
use tokio::net::TcpListener;

#[cfg(test)]
mod tests;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let lookup = |name: &str| env::var(name).ok();
    let profile =
        if cfg!(debug_assertions) { Profile::development(lookup)? } else { Profile::from_lookup(lookup)? };
    logs::init(profile)?;
    let dev = DevIdp::builder().run_in(profile).bind("127.0.0.1:3001").audience("hello");
    let idp = if lookup("OIDC_ISSUER").is_none() { Some(dev.start().await?) } else { None };
    let issuer =
        lookup("OIDC_ISSUER").or_else(|| Some(idp.as_ref()?.issuer().to_owned())).unwrap_or_default();
    let trail = AuditTrail::open(Path::new("data"), &Config::default())?;
    let telemetry =
        Telemetry::builder("hello-hardened", "1").routes(AxumRoute).health(trail.clone()).build()?;
    let app = app(profile, &issuer, &trail, &telemetry)?;
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!(
        "try: curl http://127.0.0.1:3000/hello -H \"Authorization: Bearer $(curl -s {issuer}/dev/token -d user=bob -H 'Accept: text/plain')\""
    );
    let told_to_end = async { drop(tokio::signal::ctrl_c().await) };
    serve(listener, app, Server::new().readiness(telemetry.readiness()).shutdown(told_to_end)).await?;
    Ok(trail.close(Duration::from_secs(1)).map(drop)?)
}

/// Every route with what it asks of its caller, behind the stack.
fn app(profile: Profile, issuer: &str, trail: &AuditTrail, telemetry: &Telemetry) -> Result<Router, Failure> {
    let policy: PolicyHandle = include_str!("../policy.toml").parse()?;
    let audit = Arc::new(trail.clone());
    let mut routes = Routes::new(&policy)
        .run_in(profile)
        .get("/", public("the front door"), async || "Everybody may read this.\n")
        .get("/hello", need("greeting:read"), hello)
        .post("/hello", need("greeting:shout"), shout)
        .authorize(move |layer| layer.audit(audit));
    for (spec, endpoint) in telemetry.endpoints().public() {
        routes = routes.mount(spec, endpoint);
    }
    let (router, authorization) = routes.into_parts()?;
    let verifier = Verifier::builder(Issuer::discover(issuer)).audience("hello").run_in(profile);
    let stack = Stack::builder(PeerLayer::new(TrustedProxies::none()))
        .telemetry(telemetry.layer())
        .hardening(Hardening::web().build()?.layer())
        .limits(LimitsLayer::new(Limits::new())?)
        .edge_limit(EdgeLimitLayer::new(EdgeRate::per_second(20).burst(60))?)
        .authentication(AuthLayer::new(verifier.audit(Arc::new(trail.clone())).build()?))
        .authorization(authorization)
        .build(profile)?;
    Ok(router.layer(stack))
}

async fn hello(Caller(person): Caller) -> String {
    format!("Hello {}.\n", person.subject())
}

async fn shout(Caller(person): Caller) -> String {
    format!("HELLO {}!\n", person.subject().to_uppercase())
}
