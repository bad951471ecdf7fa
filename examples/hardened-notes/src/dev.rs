//! The identity provider of a developer's machine.

use std::net::SocketAddr;

use gambeson_testing::DevIdp;

use crate::run::Failure;
use crate::settings::{IssuerSetting, Settings};

/// Starts the dev identity provider when no real issuer is set.
pub async fn start_idp(settings: &Settings) -> Result<Option<DevIdp>, Failure> {
    let IssuerSetting::Dev(address) = settings.issuer else { return Ok(None) };
    let builder = DevIdp::builder().bind(address.to_string()).audience(settings.audience.as_str());
    match builder.start().await {
        Ok(idp) => Ok(Some(idp)),
        Err(error) => Err(format!(
            "the dev identity provider can't listen on {address}: {error}\n  \
             choose another port with DEV_IDP_PORT={}, or name a real issuer with OIDC_ISSUER",
            next_port(address)
        )
        .into()),
    }
}

/// A port to suggest instead.
pub fn next_port(address: SocketAddr) -> u16 {
    address.port().checked_add(1000).unwrap_or(3000)
}
