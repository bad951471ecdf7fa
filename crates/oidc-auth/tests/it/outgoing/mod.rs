//! Tokens of this app on its calls to other services.

pub(crate) mod api;
#[cfg(feature = "serde")]
mod config;
#[cfg(feature = "client")]
mod dev_idp;
mod grants;
mod hostile;
mod keeping;
mod laws;
pub(crate) mod provider;
#[cfg(feature = "client")]
mod real_provider;
mod rejected;
mod workload;
