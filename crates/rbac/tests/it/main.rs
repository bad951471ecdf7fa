//! The public behaviour of the crate.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod answers;
mod authorization;
mod closure;
mod contract;
mod duties;
#[cfg(feature = "axum-router")]
mod existing;
mod layer;
mod lints;
mod naive;
mod nist;
#[cfg(feature = "axum-router")]
mod on_record;
mod reload;
#[cfg(feature = "axum-router")]
mod routes;
#[cfg(feature = "axum-router")]
mod scopes;
mod storm;
mod support;
mod who;
