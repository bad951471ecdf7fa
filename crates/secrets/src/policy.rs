//! How often secrets are read, and how long an old value is good enough.

use std::ops::Range;
use std::time::Duration;

use gambeson_core::{ConfigError, ConfigProblems};

/// When a secret is read again, and how old it may get. Plain data; checked by
/// [`SecretsBuilder::connect`](crate::SecretsBuilder::connect).
///
/// ```
/// use gambeson_secrets::Policy;
/// use std::time::Duration;
///
/// let policy = Policy::default().ttl(Duration::from_secs(60)).issue_cap_per_minute(10);
/// assert_eq!(policy.refresh_at, 0.6..0.8);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct Policy {
    /// How long a value counts as fresh. A store that says less (a polled file, a lease) wins. Default 5 min.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub ttl: Duration,
    /// The part of that time after which it is read again; the point in it is drawn anew each time. Default 0.6 to 0.8.
    pub refresh_at: Range<f64>,
    /// How long after its freshness a value that could not be read again may still be used. Default 1 h.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub max_stale: Duration,
    /// The least time between two reads of one reference, unless its store says that it changed or it ends before. What is good
    /// for less than this is read that often, and is not usable in between. Default 1 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub min_interval: Duration,
    /// The longest wait after failures; waits double from `min_interval`. Default 1 min.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub max_backoff: Duration,
    /// The longest that one read may take. Default 10 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub read_deadline: Duration,
    /// The most reads of one reference in any minute, whatever asks for them. Default 30, at most 1,000.
    pub issue_cap_per_minute: u32,
    /// The most references that are kept at a time; those that are neither required nor held by a handle make room. Default 1,024.
    pub max_references: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(300),
            refresh_at: 0.6..0.8,
            max_stale: Duration::from_secs(3_600),
            min_interval: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
            read_deadline: Duration::from_secs(10),
            issue_cap_per_minute: 30,
            max_references: 1_024,
        }
    }
}

macro_rules! setters {
    ($($name:ident: $type:ty, $doc:literal;)+) => {
        impl Policy {
            $(#[doc = $doc]
            #[must_use]
            pub fn $name(self, $name: $type) -> Self {
                Self { $name, ..self }
            })+
        }
    };
}

setters! {
    ttl: Duration, "Another [`Policy::ttl`].";
    refresh_at: Range<f64>, "Another [`Policy::refresh_at`].";
    max_stale: Duration, "Another [`Policy::max_stale`].";
    min_interval: Duration, "Another [`Policy::min_interval`].";
    max_backoff: Duration, "Another [`Policy::max_backoff`].";
    read_deadline: Duration, "Another [`Policy::read_deadline`].";
    issue_cap_per_minute: u32, "Another [`Policy::issue_cap_per_minute`].";
    max_references: usize, "Another [`Policy::max_references`].";
}

impl Policy {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let mut problems = ConfigProblems::new();
        let Range { start, end } = self.refresh_at;
        if !(0.0 < start && start <= end && end < 1.0) {
            let cure = "write two parts of the lifetime, over 0 and under 1, such as 0.6 to 0.8";
            problems.add("secrets.policy.refresh-at", format!("{start} to {end}"), cure);
        }
        let durations = [
            ("ttl", self.ttl),
            ("min-interval", self.min_interval),
            ("max-backoff", self.max_backoff),
            ("read-deadline", self.read_deadline),
        ];
        for (name, duration) in durations.into_iter().filter(|(_, duration)| duration.is_zero()) {
            problems.add(format!("secrets.policy.{name}"), format!("{duration:?}"), "write more than zero");
        }
        if self.max_backoff < self.min_interval {
            let cure = "write at least min-interval, which is the first wait";
            problems.add("secrets.policy.max-backoff", format!("{:?}", self.max_backoff), cure);
        }
        if !(1..=1_000).contains(&self.issue_cap_per_minute) {
            let value = self.issue_cap_per_minute.to_string();
            problems.add("secrets.policy.issue-cap-per-minute", value, "write 1 to 1000");
        }
        if self.max_references == 0 {
            problems.add("secrets.policy.max-references", "0", "write at least 1");
        }
        problems.check()
    }

    /// Whether the cap leaves room for stores that are to be looked at that often. For a policy that is sound by itself.
    pub(crate) fn check_polling(
        &self,
        intervals: impl Iterator<Item = Duration>,
        problems: &mut ConfigProblems,
    ) {
        let Some(every) = intervals.filter(|every| !every.is_zero()).min() else { return };
        let least = every.min(self.ttl).mul_f64(self.refresh_at.start).max(self.min_interval);
        let reads = (60.0 / least.as_secs_f64()).ceil();
        if f64::from(self.issue_cap_per_minute) < reads {
            let cure = format!("write at least {reads}, or look at files less often than every {every:?}");
            problems.add("secrets.policy.issue-cap-per-minute", self.issue_cap_per_minute.to_string(), cure);
        }
    }
}
