//! Windows that move along.

use std::fmt;
use std::time::Duration;

/// The time before now, by the clock that never goes back.
///
/// For money it is kept in 32 steps: what was spent counts for the window and up to one step longer, never shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rolling(Duration);

/// How many steps a rolling window of money is kept in.
const STEPS: u64 = 32;

impl Rolling {
    /// The last `duration`.
    #[must_use]
    pub const fn new(duration: Duration) -> Self {
        Self(duration)
    }

    /// The last so many seconds.
    #[must_use]
    pub const fn seconds(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }

    /// The last so many minutes.
    #[must_use]
    pub const fn minutes(count: u64) -> Self {
        Self(Duration::from_secs(count.saturating_mul(60)))
    }

    /// The last so many hours.
    #[must_use]
    pub const fn hours(count: u64) -> Self {
        Self(Duration::from_secs(count.saturating_mul(3_600)))
    }

    /// The last so many days of 24 hours.
    #[must_use]
    pub const fn days(count: u64) -> Self {
        Self(Duration::from_secs(count.saturating_mul(86_400)))
    }

    /// How long it is.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// How long a step is, in nanoseconds; never 0.
    pub(crate) fn step(self) -> u64 {
        (u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX) / STEPS).max(1)
    }

    /// The number of the step at this moment.
    pub(crate) fn step_at(self, monotonic: u64) -> u64 {
        monotonic / self.step()
    }

    /// The first step that still counts when this is the current one.
    pub(crate) const fn first_counting(current: u64) -> u64 {
        current.saturating_sub(STEPS)
    }

    /// How long a step that is `age` steps old still counts, at most.
    pub(crate) fn leaves_in(self, age: u64) -> Duration {
        Duration::from_nanos(self.step().saturating_mul((STEPS + 1).saturating_sub(age)))
    }
}

impl fmt::Display for Rolling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rolling {:?}", self.0)
    }
}
