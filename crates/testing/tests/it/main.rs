//! Public behaviour of the test kit.

mod contract;
#[cfg(feature = "dev-idp")]
mod dev_idp;
mod sinks;
