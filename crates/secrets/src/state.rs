//! Which value a handle holds, and how good it still is.

use std::fmt;

use gambeson_core::Timestamp;

/// Counts the values that a reference has had in this process, from 1. For one reference it never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub(crate) u64);

impl Version {
    /// The count.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How good the value of a handle still is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretState {
    /// It was read not long ago, as the policy says.
    Fresh,
    /// It could not be read again since then, and is still within [`Policy::max_stale`](crate::Policy::max_stale).
    Stale {
        /// The first read that failed, or when freshness ran out.
        since: Timestamp,
    },
    /// It is older than the policy allows, or its own lifetime is over: don't use it.
    Failed,
}

impl SecretState {
    /// The stable name, as telemetry writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale { .. } => "stale",
            Self::Failed => "failed",
        }
    }
}
