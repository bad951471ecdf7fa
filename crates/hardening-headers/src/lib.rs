//! What the HTTP edge lets in and out.
#![forbid(unsafe_code)]

mod connection;
mod csp;
mod edge_limit;
mod hardening;
mod headers;
mod hosts;
mod limits;
mod panic;
mod peer;
mod random;
#[cfg(feature = "serve")]
mod serve;

pub use connection::Connection;

/// The name under which refusals of this crate are documented.
#[allow(dead_code, reason = "until the modules use it")]
const PACKAGE: &str = env!("CARGO_PKG_NAME");
