//! Stops calling what fails.
mod circuit;
mod layer;
mod policy;
mod telemetry;

pub use circuit::{BreakerState, CircuitBreaker};
pub use layer::{BreakerFuture, BreakerService, CircuitBreakerLayer};
pub use policy::BreakerPolicy;
