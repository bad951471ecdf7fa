//! Public behaviour of the test kit.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod authorization;
#[cfg(feature = "dev-idp")]
mod browser;
mod contract;
#[cfg(feature = "dev-idp")]
mod dev_idp;
#[cfg(feature = "dev-model")]
mod dev_model;
#[cfg(any(feature = "dev-idp", feature = "dev-model"))]
mod loopback_client;
#[cfg(feature = "rp")]
mod rp;
mod sinks;
