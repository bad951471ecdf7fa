//! When to stop calling, and when to try again.

use std::time::Duration;

use gambeson_core::{ConfigError, ConfigProblems, Mode};

/// When a circuit breaker opens, and how it closes again.
///
/// ```
/// use gambeson_cost_guard::BreakerPolicy;
/// use std::time::Duration;
///
/// let policy = BreakerPolicy::new().failures_in_a_row(3).open_for(Duration::from_secs(5));
/// # let _ = policy;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerPolicy {
    pub(super) in_a_row: u32,
    pub(super) percent: u8,
    pub(super) window: u32,
    pub(super) open_for: Duration,
    pub(super) open_at_most: Duration,
    pub(super) quota_open_for: Duration,
    pub(super) slow_after: Option<Duration>,
    pub(super) probes: u32,
    pub(super) successes: u32,
    pub(super) probe_deadline: Duration,
    pub(super) mode: Mode,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            in_a_row: 5,
            percent: 50,
            window: 20,
            open_for: Duration::from_secs(10),
            open_at_most: Duration::from_secs(300),
            quota_open_for: Duration::from_secs(60),
            slow_after: None,
            probes: 1,
            successes: 1,
            probe_deadline: Duration::from_secs(30),
            mode: Mode::Enforce,
        }
    }
}

impl BreakerPolicy {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens after so many failures in a row; 5 unless said.
    #[must_use]
    pub fn failures_in_a_row(self, count: u32) -> Self {
        Self { in_a_row: count, ..self }
    }

    /// Opens when so many percent of the last `calls` (at most 64, and as many must have been made) failed; 50 of 20 unless said.
    #[must_use]
    pub fn failure_rate(self, percent: u8, calls: u32) -> Self {
        Self { percent, window: calls, ..self }
    }

    /// How long it stays open before a probe; 10 s unless said. Each failed probe doubles it, up to [`BreakerPolicy::open_at_most`].
    #[must_use]
    pub fn open_for(self, time: Duration) -> Self {
        Self { open_for: time, ..self }
    }

    /// The longest that it stays open, whatever `Retry-After` says; 5 min unless said.
    #[must_use]
    pub fn open_at_most(self, time: Duration) -> Self {
        Self { open_at_most: time, ..self }
    }

    /// How long it stays open after a 402 (the provider's own budget is spent) without `Retry-After`; 60 s unless said.
    #[must_use]
    pub fn quota_open_for(self, time: Duration) -> Self {
        Self { quota_open_for: time, ..self }
    }

    /// Counts calls that take longer as failures, also when their caller gave up on them. Off unless said: it needs the
    /// clock twice a call.
    #[must_use]
    pub fn slow_after(self, time: Duration) -> Self {
        Self { slow_after: Some(time), ..self }
    }

    /// How many probes may run at a time while it is half open; 1 unless said.
    #[must_use]
    pub fn probes(self, count: u32) -> Self {
        Self { probes: count, ..self }
    }

    /// How many probes must succeed before it closes; 1 unless said.
    #[must_use]
    pub fn successes(self, count: u32) -> Self {
        Self { successes: count, ..self }
    }

    /// How long a probe may take before it counts as failed and gives up its place; 30 s unless said.
    #[must_use]
    pub fn probe_deadline(self, time: Duration) -> Self {
        Self { probe_deadline: time, ..self }
    }

    /// Whether it refuses, or only logs that it would; it refuses unless said.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// What is wrong with it.
    pub(crate) fn check(&self, field: &str) -> Result<(), ConfigError> {
        let mut problems = ConfigProblems::new();
        let mut at_least_one = |name: &str, zero: bool| {
            if zero {
                problems.add(format!("{field}.{name}"), "0", "write more than zero");
            }
        };
        at_least_one("failures", self.in_a_row == 0);
        at_least_one("probes", self.probes == 0);
        at_least_one("successes", self.successes == 0);
        at_least_one("open-for", self.open_for.is_zero());
        at_least_one("quota-open-for", self.quota_open_for.is_zero());
        at_least_one("probe-deadline", self.probe_deadline.is_zero());
        at_least_one("slow-after", self.slow_after.is_some_and(|time| time.is_zero()));
        if !(1..=100).contains(&self.percent) {
            problems.add(format!("{field}.failure-percent"), self.percent.to_string(), "write 1 to 100");
        }
        if !(1..=64).contains(&self.window) {
            problems.add(format!("{field}.window"), self.window.to_string(), "write 1 to 64 calls");
        }
        if self.open_at_most < self.open_for {
            let cure = "write at least as much as open-for";
            problems.add(format!("{field}.open-at-most"), format!("{:?}", self.open_at_most), cure);
        }
        problems.check()
    }
}
