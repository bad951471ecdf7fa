//! The whole stack in under 80 lines: `cargo run -p hello-hardened`, then ask as the printed line says.
//!
//! A debug build brings its own identity provider; a release build takes the path of its own gambeson.toml.

use std::{env, error::Error, time::Duration};

use axum::{Extension, Router, http::Method, http::StatusCode};
use gambeson::core::{Currency, Money};
use gambeson::cost_guard::{Estimate, RouteCosts, Tab};
use gambeson::hardening_headers::serve::serve;
use gambeson::oidc_auth::Caller;
use gambeson::otel_setup::logs;
use gambeson::rbac::{Routes, need, public};
use gambeson::{Config, Kit, Profile, Stack};
use gambeson_testing::{DevClient, DevIdp};
use tokio::net::TcpListener;
use tokio::signal::{ctrl_c, unix::SignalKind, unix::signal};

#[cfg(test)]
mod tests;

const HERE: &str = env!("CARGO_MANIFEST_DIR");
const TWO_CENTS: Money = Money::from_nanos(20_000_000, Currency::USD);
type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let path = env::args().nth(1).unwrap_or_else(|| format!("{HERE}/gambeson.toml"));
    let mut config = Config::from_path(path)?;
    let origin = config.hardening_headers.public_origin.clone().unwrap_or_default();
    let dev = if cfg!(debug_assertions) { Some(develop(&mut config, "127.0.0.1:3001").await?) } else { None };
    logs::init(config.profile)?;
    let kit = Kit::open(&config).await?;
    let (stack, router) = app(&kit)?;
    let mut terminate = signal(SignalKind::terminate())?;
    println!("{}\nsign in at {origin}/login", stack.report());
    if let Some(issuer) = dev.as_ref().map(DevIdp::issuer) {
        let token = format!("$(curl -s {issuer}/dev/token -d user=bob -H 'Accept: text/plain')");
        println!("try: curl {origin}/hello -H \"Authorization: Bearer {token}\"");
    }
    let told_to_end = async move { tokio::select!(_ = ctrl_c() => {}, _ = terminate.recv() => {}) };
    let server = kit.server()?.shutdown(told_to_end);
    serve(TcpListener::bind("127.0.0.1:3000").await?, stack.protect(router), server).await?;
    kit.close(Duration::from_secs(1)).await?;
    Ok(())
}

/// Every route with what it asks of its caller, and the stack that goes around them.
fn app(kit: &Kit) -> Result<(Stack, Router), Failure> {
    let routes = Routes::new(kit.policy())
        .run_in(kit.profile())
        .get("/", public("the front door"), async || "Everybody may read this.\n")
        .get("/hello", need("greeting:read"), hello)
        .post("/hello", need("greeting:shout"), shout);
    let (router, authorization) = kit.mount(routes).into_parts()?;
    let costs = RouteCosts::new().route(Method::POST, "/hello", Estimate::amount(TWO_CENTS));
    Ok((kit.stack_with_costs(authorization, kit.guard().cost_layer(costs))?, router))
}

async fn hello(Caller(person): Caller) -> String {
    format!("Hello {}.\n", person.subject())
}

async fn shout(Caller(person): Caller, tab: Extension<Tab>) -> Result<String, StatusCode> {
    tab.record(TWO_CENTS).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(format!("HELLO {}!\n", person.subject().to_uppercase()))
}

/// A developer's machine: an identity provider on loopback, where alice is an editor and bob a viewer, and its secret.
async fn develop(config: &mut Config, address: &str) -> Result<DevIdp, Failure> {
    config.profile = Profile::development(|name| env::var(name).ok())?;
    let origin = config.hardening_headers.public_origin.clone().unwrap_or_default();
    let client = DevClient::confidential("hello", include_str!("../dev/client-secret").trim())
        .redirect_uri(format!("{origin}/login/callback"));
    let idp = DevIdp::builder().bind(address).audience("hello").client(client).start().await?;
    config.oidc_auth.issuer = idp.issuer().to_owned();
    config.secrets.file_roots.insert("app".to_owned(), format!("{HERE}/dev").into());
    Ok(idp)
}
