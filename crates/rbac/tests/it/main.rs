//! The public behaviour of the crate.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod answers;
mod authorization;
mod closure;
mod contract;
#[cfg(feature = "axum-router")]
mod existing;
mod layer;
mod lints;
mod reload;
#[cfg(feature = "axum-router")]
mod routes;
mod support;
mod who;
