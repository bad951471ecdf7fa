//! Signing browsers in and out at the dev identity provider.

mod browser;
mod config;
mod contract;
mod flow;
mod hostile;
mod sessions;
