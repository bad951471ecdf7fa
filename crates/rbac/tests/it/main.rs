//! The public behaviour of the crate.

mod closure;
mod contract;
mod layer;
mod lints;
mod reload;
#[cfg(feature = "axum-router")]
mod routes;
mod support;
