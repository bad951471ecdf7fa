//! The public behaviour of the crate.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod answers;
mod authorization;
mod closure;
mod company;
mod contract;
mod diff;
mod duties;
#[cfg(feature = "axum-router")]
mod existing;
mod forgetting;
mod layer;
mod lint_messages;
mod lint_samples;
mod lint_tenants;
mod lints;
mod log;
mod naive;
mod nist;
#[cfg(feature = "axum-router")]
mod on_record;
mod past;
mod reload;
#[cfg(feature = "axum-router")]
mod routes;
mod rows;
#[cfg(feature = "axum-router")]
mod scopes;
mod shadow;
mod storm;
mod support;
mod who;
mod why;
