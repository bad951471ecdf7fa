//! What the clients saw.

use std::collections::BTreeMap;

use super::http::Ask;

/// Requests of one kind and end, as the app's metrics tell them apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    pub(super) method: String,
    /// Empty: no route is there.
    pub(super) route: String,
    /// 0: it ended before there was one.
    pub(super) status: u16,
}

impl Series {
    /// Those of all statuses.
    pub(super) fn group(&self) -> (String, String) {
        (self.method.clone(), self.route.clone())
    }
}

/// What one client or all of them know of their requests.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Requests whose answer was seen, at least its status: the app has each of them exactly once.
    pub(super) answered: BTreeMap<Series, u64>,
    /// Refusals whose reason was seen.
    pub(super) refused: BTreeMap<String, u64>,
    /// Requests that were given up before an answer was seen, by method and route: the app has each of them once or never.
    pub(super) perhaps: BTreeMap<(String, String), u64>,
    /// Requests that may have been refused for this reason, unseen.
    pub(super) perhaps_refused: BTreeMap<String, u64>,
    /// What no client should see: broken answers, connections that were not taken.
    pub(super) failures: Vec<String>,
    /// How many of those there were.
    pub(super) failed: u64,
}

/// So many failures are told.
const TOLD: usize = 10;

impl Ledger {
    /// An answer whose status was seen.
    pub(super) fn answered(&mut self, method: &str, route: &str, status: u16, count: u64) {
        let series = Series { method: method.to_owned(), route: route.to_owned(), status };
        *self.answered.entry(series).or_default() += count;
    }

    /// A refusal whose reason was seen.
    pub(super) fn refused(&mut self, slug: &str, count: u64) {
        *self.refused.entry(slug.to_owned()).or_default() += count;
    }

    /// A request that was given up unanswered.
    pub(super) fn gave_up(&mut self, ask: &Ask) {
        *self.perhaps.entry((ask.method.to_owned(), ask.route.to_owned())).or_default() += 1;
    }

    /// A refusal for one of these reasons may have gone unseen.
    pub(super) fn unseen(&mut self, reasons: &[&str]) {
        for reason in reasons {
            *self.perhaps_refused.entry((*reason).to_owned()).or_default() += 1;
        }
    }

    pub(super) fn failure(&mut self, what: impl Into<String>) {
        self.failed += 1;
        if self.failures.len() < TOLD {
            self.failures.push(what.into());
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        sum(&mut self.answered, other.answered);
        sum(&mut self.refused, other.refused);
        sum(&mut self.perhaps, other.perhaps);
        sum(&mut self.perhaps_refused, other.perhaps_refused);
        self.failed += other.failed;
        self.failures.extend(other.failures);
        self.failures.truncate(TOLD);
    }

    /// All answers that were seen.
    pub(super) fn answers(&self) -> u64 {
        self.answered.values().sum()
    }

    /// All requests that were given up.
    pub(super) fn given_up(&self) -> u64 {
        self.perhaps.values().sum()
    }
}

fn sum<K: Ord>(to: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
    for (key, count) in from {
        *to.entry(key).or_default() += count;
    }
}
