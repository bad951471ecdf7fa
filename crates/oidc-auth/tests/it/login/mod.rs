//! Signing browsers in and out, at the dev identity provider and at a real one.

mod algorithms;
mod backchannel;
pub(crate) mod browser;
mod config;
mod contract;
mod ending;
mod flow;
mod hostile;
#[cfg(feature = "client")]
mod oidc_provider;
#[cfg(feature = "client")]
mod parties;
#[cfg(feature = "client")]
pub(crate) mod real_provider;
#[cfg(feature = "client")]
mod relying_party;
mod sessions;
mod step_up;
mod strangers;
mod told;
mod userinfo;
