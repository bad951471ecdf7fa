//! Public behaviour of the test kit.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod contract;
#[cfg(feature = "dev-idp")]
mod dev_idp;
mod sinks;
