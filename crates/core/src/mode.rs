//! Enforcing, or only watching for a while.

use crate::Timestamp;

/// Whether a layer refuses, or only counts and logs what it would have refused.
///
/// Observing ends by itself: after its date the layer enforces. Through serde the date is in nanoseconds since 1970; `gambeson.toml` has it as
/// text (RFC 3339).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Mode {
    /// Refuses.
    #[default]
    Enforce,
    /// Lets pass, counts and logs, until this moment.
    Observe {
        /// The first moment at which the layer refuses.
        until: Timestamp,
    },
}

impl Mode {
    /// Whether a refusal at `now` is carried out.
    pub fn enforces(self, now: Timestamp) -> bool {
        match self {
            Self::Enforce => true,
            Self::Observe { until } => now >= until,
        }
    }
}
