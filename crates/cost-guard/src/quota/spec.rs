//! A quota: who may ask how often.

use std::num::NonZeroU32;
use std::time::Duration;

use gambeson_core::{ConfigProblems, Gcra, RateLimitFields};

use super::table::Table;
use crate::budget::check_window;
use crate::pattern::{Dimension, Pattern};
use crate::window::{Calendar, Kind, Window};

/// How many requests a scope may make in a window.
///
/// A rolling window is a rate: the whole count at once, then one every `window / count`, so that at most twice the count
/// falls into any one window. A calendar window counts anew at its start.
///
/// ```
/// use gambeson_cost_guard::{Quota, Rolling};
///
/// let quota = Quota::requests("api/{subject}", 600).per(Rolling::minutes(1));
/// # let _ = quota;
/// ```
#[derive(Debug, Clone)]
pub struct Quota {
    pattern: String,
    count: u32,
    window: Window,
    max_keys: usize,
    anonymous: bool,
}

impl Quota {
    /// At most `count` requests a minute (rolling), unless [`Quota::per`] says otherwise, for each scope that the pattern
    /// tells apart. Dimensions are `{subject}`, `{tenant}`, `{route}` and `{environment}`.
    #[must_use]
    pub fn requests(pattern: impl Into<String>, count: u32) -> Self {
        let window = crate::window::Rolling::minutes(1).into();
        Self { pattern: pattern.into(), count, window, max_keys: 100_000, anonymous: false }
    }

    /// In this window.
    #[must_use]
    pub fn per(self, window: impl Into<Window>) -> Self {
        Self { window: window.into(), ..self }
    }

    /// How many scopes are counted apart; 100,000 unless said. Further ones share one count, as strict as that of one scope,
    /// until somebody's is idle again; nobody's debt is forgotten.
    #[must_use]
    pub fn max_keys(self, count: usize) -> Self {
        Self { max_keys: count, ..self }
    }

    /// For requests without a verified caller only, all of them together. Without such a quota they are not counted here:
    /// the edge limiter counts them by address.
    #[must_use]
    pub fn anonymous(self) -> Self {
        Self { anonymous: true, ..self }
    }

    pub(super) fn checked(
        &self,
        field: &str,
        environment: bool,
        problems: &mut ConfigProblems,
    ) -> Option<Spec> {
        let pattern = Pattern::parse(&self.pattern)
            .map_err(|cure| problems.add(format!("{field}.scope"), &self.pattern, cure))
            .ok()?;
        check_window(&self.window, field, problems);
        let wrong = |dimension| pattern.has(dimension);
        if wrong(Dimension::Feature) {
            problems.add(
                format!("{field}.scope"),
                &self.pattern,
                "a quota can't know the feature: count by {route}",
            );
        }
        if wrong(Dimension::Environment) && !environment {
            let cure = "{environment} needs an environment: set it for the guard";
            problems.add(format!("{field}.scope"), &self.pattern, cure);
        }
        if self.anonymous && (wrong(Dimension::Subject) || wrong(Dimension::Tenant)) {
            let cure = "the anonymous have no {subject} and no {tenant}: leave it out";
            problems.add(format!("{field}.scope"), &self.pattern, cure);
        }
        if self.max_keys == 0 {
            problems.add(format!("{field}.max-keys"), "0", "write 1 or more");
        }
        let Some((rule, length)) = self.rule() else {
            let cure = "write 1 or more requests, and a window that is not for good";
            problems.add(format!("{field}.requests"), format!("{} per {}", self.count, self.window), cure);
            return None;
        };
        let fields = RateLimitFields::new(&pattern.word(), self.count, length)?;
        Some(Spec { pattern, anonymous: self.anonymous, fields, rule, table: Table::new(self.max_keys) })
    }

    /// The rule and how long its window usually is.
    fn rule(&self) -> Option<(Rule, Duration)> {
        let count = NonZeroU32::new(self.count)?;
        match &self.window.0 {
            Kind::Rolling(rolling) => {
                let period = rolling.duration();
                Some((Rule::Rate(Gcra::new(self.count, period, self.count)?), period))
            }
            Kind::Calendar(calendar) => {
                Some((Rule::Calendar(calendar.clone(), count), calendar.usual_length()))
            }
            Kind::Lifetime => None,
        }
    }
}

/// A quota that was looked through, and who has used it.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) pattern: Pattern,
    pub(super) anonymous: bool,
    pub(super) fields: RateLimitFields,
    pub(super) rule: Rule,
    pub(super) table: Table,
}

#[derive(Debug)]
pub(super) enum Rule {
    Rate(Gcra),
    Calendar(Calendar, NonZeroU32),
}
