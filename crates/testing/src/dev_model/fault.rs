//! How the pretend API misbehaves on demand.

use std::time::Duration;

/// What goes wrong with every call but those of `/dev/*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ModelFault {
    /// Nothing.
    #[default]
    None,
    /// Connections are closed without an answer.
    Down,
    /// Answers are 500.
    ServerError,
    /// Answers are 429 with this `Retry-After`, in whole seconds.
    TooManyRequests(Duration),
    /// Answers are 402 `insufficient_quota`: the account is empty.
    InsufficientQuota,
    /// Calls are never answered.
    Hang,
    /// Answers have no `usage`; they are billed all the same.
    NoUsage,
    /// Answers break off in the middle; they are billed all the same.
    Truncated,
}

impl ModelFault {
    /// The fault of this name, as `POST /dev/fault` takes it: `none` or `off`, `down`, `500`, `429` (with `Retry-After: 1`),
    /// `402`, `hang`, `no_usage` or `truncated`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "none" | "off" => Self::None,
            "down" => Self::Down,
            "500" => Self::ServerError,
            "429" => Self::TooManyRequests(Duration::from_secs(1)),
            "402" => Self::InsufficientQuota,
            "hang" => Self::Hang,
            "no_usage" => Self::NoUsage,
            "truncated" => Self::Truncated,
            _ => return None,
        })
    }
}
