//! How large the trail, its segments and its queue may grow.

use std::time::Duration;

use gambeson_core::{ConfigError, ConfigProblems};

use crate::checkpoint::Checkpoints;
use crate::durability::{self, DurabilityRule};
use crate::refusals::Refusals;
use crate::retention::Retention;

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
    /// How many events may wait for the writer. Default 8,192, at least 8. What strangers cause may use three
    /// quarters of it; ordered and strict events may wait in as much again before they are answered with an error.
    pub queue_events: usize,
    /// How many bytes of events may wait for the writer. Default 16 MiB, at least 64 KiB. Shared out like
    /// [`queue_events`](Self::queue_events).
    pub queue_bytes: usize,
    /// How long who records a strict event waits for the disk. Default 10 s. Then the answer is an error, and the act is refused
    /// (503 `audit-unavailable`); the event stays queued and is written if the disk comes back.
    #[serde(with = "humantime_serde")]
    pub strict_deadline: Duration,
    /// How many bytes all segments together may take. Default 10 GiB. Beyond it strict events are answered with an
    /// error, all others are counted in a gap record, and the health is unhealthy.
    pub max_total_bytes: u64,
    /// The last part of [`max_total_bytes`](Self::max_total_bytes), which events of strangers may not use, neither refusals nor
    /// what they may do on public routes: a strict one is answered with an error then. Default 1 GiB.
    pub reserve_bytes: u64,
    /// How many bytes of the disk stay free: while there are fewer, events of strangers are not kept and the health is
    /// degraded. Default 256 MiB. Looked at once a second while events come in; not known on systems other than Unix.
    pub min_free_bytes: u64,
    /// Which events are kept how surely, whatever their sender asks for. Default: as they ask.
    ///
    /// A wish is never lowered, but for strangers' refusals: those are always async. A caller who asked for
    /// [`Async`](gambeson_core::Durability::Async) is answered at once all the same: the policy says how the event is kept, not how long
    /// somebody waits who did not want to.
    pub durability: Vec<DurabilityRule>,
    /// How refusals of strangers are put together, so that they can't fill the disk.
    pub refusals: Refusals,
    /// When sealed segments are dropped. Default never.
    pub retention: Retention,
    /// How often the head is signed, if the trail has a key; see [`TrailBuilder::sign`](crate::TrailBuilder::sign).
    pub checkpoints: Checkpoints,
    /// How names, addresses and the [`personal_details`](Self::personal_details) are kept. Default `as-keyed`.
    pub personal_data: PersonalData,
    /// The names of further details that are about people; at most 64. Those of `email`, `name`, `names`, `phone`, `reason`, `record`,
    /// `user_agent` and `why` always are, unless [`plain_details`](Self::plain_details) names them.
    ///
    /// A detail is about people when its text says who somebody is (`names` of a refused certificate), when somebody typed it (`why`
    /// and `reason` of who activates a role or stops a budget), or when it quotes what was presented or a record (`why` of a refusal,
    /// `record` that conditions of `rbac` have compared). `gambeson rbac replay` needs `record` as it was: it can
    /// open a sealed one with the trail's keys, and skips what is kept as a digest.
    pub personal_details: Vec<String>,
    /// The names of details that are about nobody in this app, whatever is said above. Default none.
    pub plain_details: Vec<String>,
}

/// Those of the layers of Gambeson, and what apps use most.
const PERSONAL_DETAILS: [&str; 8] =
    ["email", "name", "names", "phone", "reason", "record", "user_agent", "why"];

/// How data about people is kept: the names of subjects and actors, addresses, and the details that
/// [`Config::personal_details`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PersonalData {
    /// As well as the trail's keys allow: sealed with a store of subjects' keys, keyed digests with a secret alone, and plain
    /// without either.
    #[default]
    AsKeyed,
    /// Readable by whoever can read the file, and there for good: the chain can't be changed.
    Plain,
    /// A digest under a secret: the same name gives the same digest, so that it can be looked up, and nobody can read it.
    /// Without a secret the trail does not open.
    Hmac,
    /// Encrypted under a key for each subject: readable until that key is erased. Without a secret and a store of keys the
    /// trail does not open.
    Sealed,
}

impl PersonalData {
    /// The word of the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AsKeyed => "as-keyed",
            Self::Plain => "plain",
            Self::Hmac => "hmac",
            Self::Sealed => "sealed",
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            queue_events: 8_192,
            queue_bytes: 16 << 20,
            strict_deadline: Duration::from_secs(10),
            max_total_bytes: 10 << 30,
            reserve_bytes: 1 << 30,
            min_free_bytes: 256 << 20,
            durability: Vec::new(),
            refusals: Refusals::default(),
            retention: Retention::default(),
            checkpoints: Checkpoints::default(),
            personal_data: PersonalData::default(),
            personal_details: Vec::new(),
            plain_details: Vec::new(),
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

    /// Sets [`strict_deadline`](Self::strict_deadline).
    #[must_use]
    pub fn strict_deadline(mut self, deadline: Duration) -> Self {
        self.strict_deadline = deadline;
        self
    }

    /// Sets [`max_total_bytes`](Self::max_total_bytes) and the part of it that is held back from strangers.
    #[must_use]
    pub fn max_total_bytes(mut self, bytes: u64, reserve: u64) -> Self {
        self.max_total_bytes = bytes;
        self.reserve_bytes = reserve;
        self
    }

    /// Sets [`min_free_bytes`](Self::min_free_bytes).
    #[must_use]
    pub fn min_free_bytes(mut self, bytes: u64) -> Self {
        self.min_free_bytes = bytes;
        self
    }

    /// Adds a rule to [`durability`](Self::durability).
    #[must_use]
    pub fn durability(mut self, rule: DurabilityRule) -> Self {
        self.durability.push(rule);
        self
    }

    /// Sets over how long, and into how many groups at most, strangers' refusals are put together; see [`Refusals`].
    #[must_use]
    pub fn refusals(mut self, window: Duration, groups: usize) -> Self {
        self.refusals = Refusals { window, groups };
        self
    }

    /// Drops sealed segments of this age, and the oldest while all take more bytes; see [`Retention`].
    #[must_use]
    pub fn retention(mut self, max_age: Option<Duration>, max_bytes: Option<u64>) -> Self {
        self.retention = Retention { max_age, max_bytes };
        self
    }

    /// Signs the head after so many records, and so long after the last time if anything was written. Needs a key.
    #[must_use]
    pub fn checkpoints(mut self, events: u64, interval: Duration) -> Self {
        self.checkpoints = Checkpoints { events, interval };
        self
    }

    /// Sets [`personal_data`](Self::personal_data).
    #[must_use]
    pub fn personal_data(mut self, how: PersonalData) -> Self {
        self.personal_data = how;
        self
    }

    /// Sets [`personal_details`](Self::personal_details): names that are added to the known ones.
    #[must_use]
    pub fn personal_details(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.personal_details = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`plain_details`](Self::plain_details).
    #[must_use]
    pub fn plain_details(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.plain_details = names.into_iter().map(Into::into).collect();
        self
    }

    /// The names of all details that are about people.
    pub(crate) fn about_people(&self) -> impl Iterator<Item = &str> {
        let all = PERSONAL_DETAILS.into_iter().chain(self.personal_details.iter().map(String::as_str));
        all.filter(|name| !self.plain_details.iter().any(|plain| plain == name))
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
        if self.strict_deadline.is_zero() {
            problems.add("audit_trail.strict_deadline", "0s", "set more, such as 10s");
        }
        if self.reserve_bytes >= self.max_total_bytes {
            problems.add(
                "audit_trail.reserve_bytes",
                self.reserve_bytes.to_string(),
                format!("set less than max_total_bytes ({})", self.max_total_bytes),
            );
        }
        durability::validate(&self.durability, &mut problems);
        self.refusals.validate(&mut problems);
        self.retention.validate(self.segment_bytes, &mut problems);
        self.checkpoints.validate(&mut problems);
        if self.personal_details.len() > 64 {
            let count = self.personal_details.len().to_string();
            problems.add("audit_trail.personal_details", count, "name at most 64");
        }
        for name in self.plain_details.iter().filter(|name| self.personal_details.contains(name)) {
            problems.add("audit_trail.plain_details", name, "leave it out here or in personal_details");
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
            .strict_deadline(Duration::ZERO)
            .max_total_bytes(10, 10)
            .validate()
            .unwrap_err();
        assert_eq!(error.problems().len(), 4, "{error}");
        assert!(Config::default().validate().is_ok());
        let both =
            Config::default().personal_details(["iban"]).plain_details(["iban"]).validate().unwrap_err();
        assert!(both.to_string().contains("plain_details = iban: leave it out"), "{both}");
    }

    #[test]
    fn a_list_of_one_s_own_takes_nothing_from_the_known_names() {
        let config = Config::default().personal_details(["iban"]).plain_details(["record"]);
        let about: Vec<_> = config.about_people().collect();
        assert!(["iban", "why", "reason", "names"].iter().all(|name| about.contains(name)), "{about:?}");
        assert!(!about.contains(&"record"), "{about:?}");
    }
}
