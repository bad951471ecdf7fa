//! The service that is called: it takes tokens for `stock` only, and each route says which scope it asks for.

use axum::Router;
use axum::routing::{get, post};
use gambeson_core::{ConfigError, Profile};
use gambeson_oidc_auth::{AuthLayer, Caller, Issuer, RequireScopes, Verifier};

pub fn app(issuer: Issuer, profile: Profile) -> Result<Router, ConfigError> {
    let verifier = Verifier::builder(issuer).audience("stock").run_in(profile).build()?;
    Ok(Router::new()
        .route("/price", get(price).layer(RequireScopes::all(["stock:read"])))
        .route("/reserve", post(reserve).layer(RequireScopes::all(["stock:write"])))
        .layer(AuthLayer::required(verifier)))
}

/// A service asks for itself: subject and client are the same.
async fn price(Caller(service): Caller) -> String {
    format!("3 EUR for {}\n", service.subject())
}

/// A service asks for a person: the token says for whom, and who acts (RFC 8693 §4.1).
async fn reserve(Caller(person): Caller) -> String {
    let asked_by = person.actor().map_or("themselves", |actor| actor.subject());
    format!("reserved for {}, asked by {asked_by}\n", person.subject())
}
