//! The public behaviour of gambeson-oidc-auth.
#![expect(clippy::unwrap_used, reason = "a test that unwraps a refusal has failed")]

mod advisories;
mod cache;
#[cfg(feature = "axum")]
mod caller;
mod configuration;
mod contract;
mod dev_idp;
mod doctor;
mod explain;
mod fake_issuer;
mod garbage;
mod layer;
mod login;
mod messages;
mod presets;
mod require;
mod resource;
mod rotation;
mod several;
mod signer;
mod verification;
