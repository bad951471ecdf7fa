//! Public behaviour.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test binary")]

mod breaker;
#[cfg(feature = "serde")]
mod config;
mod contract;
mod cost;
mod guard;
mod model;
mod notes;
mod prices;
mod quota;
mod spend;
mod support;
