//! How many tickets there are, and how long they last.

use std::time::Duration;

use gambeson_core::{ConfigError, ConfigProblems};

/// How many tickets there are, and how long they last. Plain data.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct TicketRules {
    /// How long a ticket is good, at most 5 minutes. Default: 30 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub lifetime: Duration,
    /// How many can be out at the same time, 1 to 1,048,576. Default: 4,096.
    pub places: usize,
    /// How many of them can be one subject's. Default: 8.
    pub per_subject: usize,
    /// The name of the query's parameter. Default: `ticket`.
    pub parameter: String,
}

impl Default for TicketRules {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(30),
            places: 4_096,
            per_subject: 8,
            parameter: "ticket".to_owned(),
        }
    }
}

impl TicketRules {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a ticket is good.
    #[must_use]
    pub fn lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// How many can be out at the same time.
    #[must_use]
    pub fn places(self, places: usize) -> Self {
        Self { places, ..self }
    }

    /// How many of them can be one subject's.
    #[must_use]
    pub fn per_subject(self, per_subject: usize) -> Self {
        Self { per_subject, ..self }
    }

    /// The name of the query's parameter.
    #[must_use]
    pub fn parameter(self, parameter: impl Into<String>) -> Self {
        Self { parameter: parameter.into(), ..self }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let mut problems = ConfigProblems::new();
        let mut wrong = |field: &str, value: String, cure: &str| {
            problems.add(format!("hardening-headers.tickets.{field}"), value, cure);
        };
        if self.lifetime.is_zero() || self.lifetime > Duration::from_secs(300) {
            let cure = "write more than none and at most 5 min: the handshake follows at once";
            wrong("lifetime", format!("{:?}", self.lifetime), cure);
        }
        if !(1..=1 << 20).contains(&self.places) {
            wrong("places", self.places.to_string(), "write 1 to 1,048,576");
        }
        if self.per_subject == 0 || self.per_subject > self.places {
            wrong("per-subject", self.per_subject.to_string(), "write 1 to the number of places");
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if self.parameter.is_empty() || !self.parameter.bytes().all(plain) {
            wrong("parameter", self.parameter.clone(), "write a plain word, such as \"ticket\"");
        }
        problems.check()
    }
}
