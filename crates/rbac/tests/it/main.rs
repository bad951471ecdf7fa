//! The public behaviour of the crate.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod closure;
mod contract;
mod layer;
mod lints;
mod reload;
#[cfg(feature = "axum-router")]
mod routes;
mod support;
