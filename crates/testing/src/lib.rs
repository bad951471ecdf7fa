//! What users of Gambeson test with.
//!
//! - [`contract`]: the laws of a `tower` layer, executable.
//! - [`RecordingAuditSink`], [`RecordingCostSink`], [`FailingAuditSink`], [`BlockingAuditSink`]: sinks that remember,
//!   fail or block.
//! - [`ManualClock`] and [`FixedEntropy`]: core's test doubles. [`eventually`]: the one place that may wait for other
//!   processes.
//! - `DevIdp` (feature `dev-idp`): an OpenID provider in this process, on loopback.
#![forbid(unsafe_code)]

pub mod contract;
#[cfg(feature = "dev-idp")]
mod dev_idp;
mod eventually;
mod sinks;

#[cfg(feature = "dev-idp")]
pub use dev_idp::{
    DevIdp, DevIdpBuilder, DevIdpError, DevIdpErrorKind, Fault, Mint, Person, SigningAlgorithm,
};
pub use eventually::eventually;
pub use gambeson_core::{FixedEntropy, ManualClock};
pub use sinks::{BlockingAuditSink, FailingAuditSink, RecordingAuditSink, RecordingCostSink};
