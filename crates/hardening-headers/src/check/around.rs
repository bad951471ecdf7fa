//! What of limits and rates is weak.

use std::time::Duration;

use gambeson_core::{Mode, SystemClock};

use super::edge::{observes, shown};
use super::finding::Finding;
use super::rule::Rule;
use super::rules::*;
use crate::edge_limit::EdgeRate;
use crate::limits::{Limits, LimitsLayer};

impl Limits {
    /// What of these limits is weak.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let found = [
            (self.body.is_none(), HH091, "hardening-headers.limits.body"),
            (self.body_deadline.is_none(), HH092, "hardening-headers.limits.body-deadline"),
            (self.handler.is_none(), HH093, "hardening-headers.limits.handler"),
        ];
        let weak = found.into_iter().filter(|(weak, _, _)| *weak);
        let weak = weak.map(|(_, rule, field)| Finding::new(rule, field, "off"));
        let late = late("hardening-headers.limits", "", self);
        weak.chain(late).chain(observing(HH094, "hardening-headers.limits.mode", self.mode)).collect()
    }
}

impl<R> LimitsLayer<R> {
    /// What of these limits is weak, those of single routes included.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let (base, mut found) = (self.limits(), self.limits().findings());
        let times = |limits: &Limits| (limits.body_deadline, limits.body_idle, limits.handler);
        for (route, limits) in self.routes().filter(|(_, limits)| times(limits) != times(&base)) {
            found.extend(late("hardening-headers.route-limits", &format!("{route}: "), limits));
        }
        found
    }
}

/// Times of a body that the handler's end before they have passed.
fn late(table: &str, route: &str, limits: &Limits) -> impl Iterator<Item = Finding> {
    let times = [("body-deadline", limits.body_deadline), ("body-idle", limits.body_idle)];
    let handler = limits.handler.unwrap_or(Duration::MAX);
    let late =
        times.into_iter().filter_map(move |(key, time)| Some((key, time.filter(|time| *time > handler)?)));
    late.map(move |(key, time)| {
        Finding::new(HH095, format!("{table}.{key}"), format!("{route}{time:?}, and handler = {handler:?}"))
    })
}

impl EdgeRate {
    /// What of this rate is weak.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let (narrow, prefix) = (self.v6_prefix > 64, self.v6_prefix.to_string());
        let narrow = narrow.then(|| Finding::new(HH103, "hardening-headers.rate.v6-prefix", prefix));
        narrow.into_iter().chain(observing(HH104, "hardening-headers.rate.mode", self.mode)).collect()
    }
}

/// A mode that refuses nothing by now; the system's clock tells.
fn observing(rule: &'static Rule, field: &'static str, mode: Mode) -> Option<Finding> {
    let clock = SystemClock::new();
    observes(mode, &clock).then(|| Finding::new(rule, field, shown(mode, &clock)))
}

/// What is weak about a limiter that is off.
pub(crate) fn no_rate() -> Finding {
    Finding::new(HH102, "hardening-headers.rate-off", "true")
}

/// The same, and what is odd where it was told a rate all the same.
pub(crate) fn rate_off(told: &EdgeRate) -> impl Iterator<Item = Finding> + use<> {
    let odd = *told != EdgeRate::default();
    let odd = odd.then(|| Finding::new(HH105, "hardening-headers.rate-off", "true beside rate"));
    std::iter::once(no_rate()).chain(odd)
}
