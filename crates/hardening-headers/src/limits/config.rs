//! How much and how long.

use std::time::Duration;

use gambeson_core::{ConfigError, ConfigProblems};

use crate::check::HH090;

/// What [`LimitsLayer`](super::LimitsLayer) lets a request take. `None` switches one limit off.
///
/// In a configuration file sizes are written `"1MiB"`, times `"30s"`, and no limit `"off"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct Limits {
    /// The largest request body, in bytes. Default: 1 MiB.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::config::human::size_or_off"))]
    pub body: Option<u64>,
    /// The time that reading the body may take, from the first wait for a part of it; [`Limits::body_rate`] prolongs
    /// it. Default: 30 s.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::config::human::time_or_off"))]
    pub body_deadline: Option<Duration>,
    /// Bytes for which the body's deadline moves back by a second: the minimum rate of an upload that is longer than
    /// the deadline. Default: 1 KiB.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::config::human::bytes_u32"))]
    pub body_rate: u32,
    /// The time until the head of the answer, reading of the body included. Default: 30 s.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::config::human::time_or_off"))]
    pub handler: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: Some(1 << 20),
            body_deadline: Some(Duration::from_secs(30)),
            body_rate: 1 << 10,
            handler: Some(Duration::from_secs(30)),
        }
    }
}

impl Limits {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No limit at all.
    #[must_use]
    pub const fn off() -> Self {
        Self { body: None, body_deadline: None, body_rate: 1 << 10, handler: None }
    }

    /// The largest request body, in bytes.
    #[must_use]
    pub const fn body(mut self, bytes: u64) -> Self {
        self.body = Some(bytes);
        self
    }

    /// The time that reading the body may take.
    #[must_use]
    pub const fn body_deadline(mut self, time: Duration) -> Self {
        self.body_deadline = Some(time);
        self
    }

    /// The minimum rate of a long upload, in bytes a second.
    #[must_use]
    pub const fn body_rate(mut self, bytes_per_second: u32) -> Self {
        self.body_rate = bytes_per_second;
        self
    }

    /// The time until the head of the answer.
    #[must_use]
    pub const fn handler(mut self, time: Duration) -> Self {
        self.handler = Some(time);
        self
    }

    /// No deadline for the handler.
    #[must_use]
    pub const fn no_handler_deadline(mut self) -> Self {
        self.handler = None;
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let mut problems = ConfigProblems::new();
        if self.handler == Some(Duration::ZERO) {
            problems.add(
                "hardening-headers.limits.handler",
                "0 s",
                HH090.says("give the handler some time, or leave the deadline out"),
            );
        }
        if self.body_deadline == Some(Duration::ZERO) {
            problems.add(
                "hardening-headers.limits.body-deadline",
                "0 s",
                HH090.says("give the body some time, or leave the deadline out"),
            );
        }
        if self.body_rate == 0 {
            problems.add(
                "hardening-headers.limits.body-rate",
                "0",
                HH090.says("write at least 1 byte a second"),
            );
        }
        problems.check()
    }
}
