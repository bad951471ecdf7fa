//! How keys are fetched and how long they are trusted.

use std::time::Duration;

use gambeson_core::ConfigProblems;

/// How keys are fetched, waited for and trusted. The defaults are what most apps want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields, rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct KeyPolicy {
    /// The least time between the starts of two fetches. Default 2 s, at most 2 s. The start-up fetch is not counted.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub cooldown: Duration,
    /// How long a request waits for a key that is not known yet before it is answered 503. Default 5 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub max_wait: Duration,
    /// How many requests wait at once. Default 1024.
    pub max_waiting: usize,
    /// How many requests of one client network (an IPv4 address, an IPv6 /56) wait at once when half of the places are taken; until
    /// then there is room for everybody. Default 32.
    pub max_waiting_per_network: usize,
    /// How long known keys go on working while the issuer does not answer. Default 24 h: an outage of the issuer is no
    /// outage of the app, and no longer than tokens live by default. A key that was withdrawn during an outage works for
    /// so long.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub max_stale: Duration,
    /// How long one request to the issuer may take. Default 3 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub fetch_deadline: Duration,
}

impl Default for KeyPolicy {
    fn default() -> Self {
        Self {
            cooldown: Duration::from_secs(2),
            max_wait: Duration::from_secs(5),
            max_waiting: 1_024,
            max_waiting_per_network: 32,
            max_stale: Duration::from_secs(86_400),
            fetch_deadline: Duration::from_secs(3),
        }
    }
}

impl KeyPolicy {
    /// Another time that known keys go on working while the issuer does not answer.
    #[must_use]
    pub const fn max_stale(self, max_stale: Duration) -> Self {
        Self { max_stale, ..self }
    }

    /// Another time that a request waits.
    #[must_use]
    pub const fn max_wait(self, max_wait: Duration) -> Self {
        Self { max_wait, ..self }
    }

    /// Other numbers of requests that wait, in all and of one network.
    #[must_use]
    pub const fn max_waiting(self, total: usize, per_network: usize) -> Self {
        Self { max_waiting: total, max_waiting_per_network: per_network, ..self }
    }

    /// Another cooldown, at most 2 s.
    #[must_use]
    pub const fn cooldown(self, cooldown: Duration) -> Self {
        Self { cooldown, ..self }
    }

    /// Another deadline of one request to the issuer.
    #[must_use]
    pub const fn fetch_deadline(self, fetch_deadline: Duration) -> Self {
        Self { fetch_deadline, ..self }
    }

    pub(crate) fn validate(&self, problems: &mut ConfigProblems) {
        let mut seconds = |name: &str, value: Duration, least: Duration, most: Duration| {
            if value < least || value > most {
                let cure = format!("choose between {least:?} and {most:?}");
                problems.add(format!("keys.{name}"), format!("{value:?}"), cure);
            }
        };
        let second = Duration::from_secs;
        seconds("cooldown", self.cooldown, Duration::from_millis(100), second(2));
        seconds("max_wait", self.max_wait, second(1), second(30));
        seconds("max_stale", self.max_stale, second(60), second(7 * 86_400));
        seconds("fetch_deadline", self.fetch_deadline, Duration::from_millis(100), second(30));
        if self.max_waiting == 0 || self.max_waiting_per_network == 0 {
            let value = format!("{}, {} per network", self.max_waiting, self.max_waiting_per_network);
            problems.add("keys.max_waiting", value, "let at least one request wait");
        }
    }
}
