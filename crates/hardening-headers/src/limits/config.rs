//! How much and how long.

use std::time::Duration;

use gambeson_core::{ConfigProblems, Mode, Monotonic};

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
    /// The largest request body, in bytes, at least 1. Default: 1 MiB.
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
    /// The time that may pass between two parts of the request body; the body is too slow then, however much has come. Default: 30 s.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::config::human::time_or_off"))]
    pub body_idle: Option<Duration>,
    /// The time until the head of the answer, reading of the body included. Default: 30 s.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::config::human::time_or_off"))]
    pub handler: Option<Duration>,
    /// The time that may pass without anything more of an answer's body from the app; the answer is cut off then. What keeps a stream
    /// open, such as a comment line of server-sent events, starts it anew. Default: 5 min.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::config::human::time_or_off"))]
    pub stream_idle: Option<Duration>,
    /// Whether it refuses, or only counts and logs until a date. Default: it refuses.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::config::human::mode"))]
    pub mode: Mode,
}

/// How fast a request body has to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    deadline: Option<Duration>,
    rate: u32,
    idle: Option<Duration>,
}

impl Pace {
    /// The moment by which more must have come of a body of which so much is there, that made us wait first at `since` and now
    /// since `now`.
    pub(super) fn due(&self, since: Monotonic, now: Monotonic, received: u64) -> Monotonic {
        let earned = Duration::from_secs(received / u64::from(self.rate.max(1)));
        let whole = self.deadline.map(|deadline| since.plus(deadline).plus(earned));
        let part = self.idle.map(|idle| now.plus(idle));
        whole.into_iter().chain(part).min().unwrap_or(Monotonic::from_nanos(u64::MAX))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: Some(1 << 20),
            body_deadline: Some(Duration::from_secs(30)),
            body_rate: 1 << 10,
            body_idle: Some(Duration::from_secs(30)),
            handler: Some(Duration::from_secs(30)),
            stream_idle: Some(Duration::from_secs(300)),
            mode: Mode::Enforce,
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
        Self {
            body: None,
            body_deadline: None,
            body_rate: 1 << 10,
            body_idle: None,
            handler: None,
            stream_idle: None,
            mode: Mode::Enforce,
        }
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

    /// The time that may pass between two parts of the request body.
    #[must_use]
    pub const fn body_idle(mut self, time: Duration) -> Self {
        self.body_idle = Some(time);
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

    /// The time that may pass without anything more of an answer's body.
    #[must_use]
    pub const fn stream_idle(mut self, time: Duration) -> Self {
        self.stream_idle = Some(time);
        self
    }

    /// Refuses, or only counts and logs until a date.
    #[must_use]
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Whether there is nothing to limit.
    pub(super) fn are_off(&self) -> bool {
        Self { body_rate: 1 << 10, mode: Mode::Enforce, ..*self } == Self::off()
    }

    /// How fast a body has to come; `None`: as slowly as it likes.
    pub(super) fn pace(&self) -> Option<Pace> {
        let pace = Pace { deadline: self.body_deadline, rate: self.body_rate, idle: self.body_idle };
        (pace.deadline.is_some() || pace.idle.is_some()).then_some(pace)
    }

    pub(super) fn check(&self, field: &str, problems: &mut ConfigProblems) {
        for (name, time) in [
            ("handler", self.handler),
            ("body-deadline", self.body_deadline),
            ("body-idle", self.body_idle),
            ("stream-idle", self.stream_idle),
        ] {
            if time == Some(Duration::ZERO) {
                problems.add(
                    format!("{field}.{name}"),
                    "0 s",
                    HH090.says("give it some time, or write \"off\""),
                );
            }
        }
        if self.body == Some(0) {
            // Servers that others come from mean "of any size" by it.
            let cure = HH090.says("write 1 byte where no body may come, or \"off\" for any size");
            problems.add(format!("{field}.body"), "0 B", cure);
        }
        if self.body_rate == 0 {
            problems.add(format!("{field}.body-rate"), "0", HH090.says("write at least 1 byte a second"));
        }
    }
}
