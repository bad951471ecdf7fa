//! How large the trail, its segments and its queue may grow.

use gambeson_core::{ConfigError, ConfigProblems};

/// The trail's limits. Plain data with defaults that fit a small service.
///
/// ```
/// use gambeson_audit_trail::Config;
/// let config = Config::default().segment_bytes(16 << 20).queue_events(1_024);
/// assert!(config.validate().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Config {
    /// A segment file of this many bytes is sealed and the next one begun. Default 64 MiB, at least 1 KiB.
    pub segment_bytes: u64,
    /// How many events may wait for the writer. Default 8,192, at least 8. Refusals of strangers may use three
    /// quarters of it; ordered and strict events may wait in as much again before they are answered with an error.
    pub queue_events: usize,
    /// How many bytes of events may wait for the writer. Default 16 MiB, at least 64 KiB. Shared out like
    /// [`queue_events`](Self::queue_events).
    pub queue_bytes: usize,
    /// How many bytes all segments together may take. Default 10 GiB. Beyond it strict events are answered with an
    /// error, all others are counted in a gap record, and the health is unhealthy.
    pub max_total_bytes: u64,
    /// The last part of [`max_total_bytes`](Self::max_total_bytes), which refusals of strangers may not use.
    /// Default 1 GiB.
    pub reserve_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            queue_events: 8_192,
            queue_bytes: 16 << 20,
            max_total_bytes: 10 << 30,
            reserve_bytes: 1 << 30,
        }
    }
}

impl Config {
    /// Sets [`segment_bytes`](Self::segment_bytes).
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// Sets [`queue_events`](Self::queue_events).
    #[must_use]
    pub fn queue_events(mut self, events: usize) -> Self {
        self.queue_events = events;
        self
    }

    /// Sets [`queue_bytes`](Self::queue_bytes).
    #[must_use]
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// Sets [`max_total_bytes`](Self::max_total_bytes) and the part of it that is held back from strangers.
    #[must_use]
    pub fn max_total_bytes(mut self, bytes: u64, reserve: u64) -> Self {
        self.max_total_bytes = bytes;
        self.reserve_bytes = reserve;
        self
    }

    /// Looks through all settings.
    ///
    /// # Errors
    /// Every setting that can't work, with its cure.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut problems = ConfigProblems::new();
        let mut at_least = |field: &str, value: u64, least: u64| {
            if value < least {
                problems.add(
                    format!("audit_trail.{field}"),
                    value.to_string(),
                    format!("set at least {least}"),
                );
            }
        };
        at_least("segment_bytes", self.segment_bytes, 1_024);
        at_least("queue_events", self.queue_events as u64, 8);
        at_least("queue_bytes", self.queue_bytes as u64, 64 << 10);
        at_least("max_total_bytes", self.max_total_bytes, self.segment_bytes);
        if self.reserve_bytes >= self.max_total_bytes {
            problems.add(
                "audit_trail.reserve_bytes",
                self.reserve_bytes.to_string(),
                format!("set less than max_total_bytes ({})", self.max_total_bytes),
            );
        }
        problems.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_told_at_once() {
        let error = Config::default()
            .segment_bytes(1)
            .queue_events(0)
            .max_total_bytes(10, 10)
            .validate()
            .unwrap_err();
        assert_eq!(error.problems().len(), 3, "{error}");
        assert!(Config::default().validate().is_ok());
    }
}
