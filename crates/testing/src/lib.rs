//! What users of Gambeson test with.
//!
//! - [`contract`]: the laws of a `tower` layer, executable.
//!
//! Tests written with it never sleep: time is a [`ManualClock`].
#![forbid(unsafe_code)]

pub mod contract;

pub use gambeson_core::{FixedEntropy, ManualClock};
