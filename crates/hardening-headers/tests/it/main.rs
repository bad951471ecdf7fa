//! Public behaviour of the HTTP edge.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test binary")]

mod adopt;
mod answers;
mod canonical;
mod check;
mod client_certificate;
mod config;
#[cfg(feature = "serve")]
mod connect;
mod cookies;
mod cors;
mod csp;
mod csrf;
mod edge_limit;
mod fuzzed;
mod hardening;
mod hosts;
mod limits;
mod logs;
mod nonce;
mod observatory;
mod peer;
mod permissions;
mod presets;
mod reporting;
#[cfg(feature = "reports")]
mod reports;
mod scan;
#[cfg(feature = "serve")]
mod serve;
mod tickets;
