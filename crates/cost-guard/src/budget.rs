//! A budget: who may spend how much, and for how long it holds.

use std::sync::Arc;

use gambeson_core::{ConfigProblems, Money};

use crate::money::nanos;
use crate::pattern::{Dimension, Pattern, plain};
use crate::scope::Feature;
use crate::window::{Kind, Window};

/// An amount of money by scope and window.
///
/// The pattern says what is counted apart: `user/{subject}` is one budget a person (of an issuer), `org/{tenant}` one an
/// organisation, `app` one for all. Dimensions are `{subject}`, `{tenant}`, `{feature}`, `{route}` and `{environment}`.
///
/// ```
/// use gambeson_core::{Currency, Money};
/// use gambeson_cost_guard::{Budget, Calendar};
///
/// let five_cents = Money::from_nanos(50_000_000, Currency::USD);
/// let budget = Budget::money("user/{subject}", five_cents).per(Calendar::day("UTC")).alert_at([50, 80]);
/// # let _ = budget;
/// ```
#[derive(Debug, Clone)]
pub struct Budget {
    pattern: String,
    pub(crate) limit: Money,
    pub(crate) window: Window,
    name: Option<String>,
    pub(crate) alerts: Vec<u8>,
    pub(crate) request_cap: Option<Money>,
    pub(crate) hold_share: u8,
    pub(crate) max_holds: u32,
    pub(crate) max_keys: usize,
    pub(crate) anonymous: bool,
    pub(crate) only: Option<Feature>,
}

impl Budget {
    /// At most `limit` for each scope that the pattern tells apart; for good, unless [`Budget::per`] says more.
    #[must_use]
    pub fn money(pattern: impl Into<String>, limit: Money) -> Self {
        Self {
            pattern: pattern.into(),
            limit,
            window: Window::lifetime(),
            name: None,
            alerts: Vec::new(),
            request_cap: None,
            hold_share: 10,
            max_holds: 1_000,
            max_keys: 100_000,
            anonymous: false,
            only: None,
        }
    }

    /// For how long the limit holds.
    #[must_use]
    pub fn per(self, window: impl Into<Window>) -> Self {
        Self { window: window.into(), ..self }
    }

    /// Its name in refusals, logs and reports; the pattern unless said. Two budgets can't have one name.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Says so, once a window and scope, when this many percent of the limit are spent.
    #[must_use]
    pub fn alert_at(self, percents: impl IntoIterator<Item = u8>) -> Self {
        Self { alerts: percents.into_iter().collect(), ..self }
    }

    /// The most that one request may hold; the whole limit unless said.
    #[must_use]
    pub fn per_request_cap(self, cap: Money) -> Self {
        Self { request_cap: Some(cap), ..self }
    }

    /// How many percent of the limit one caller may hold at a time in a budget that callers share (whose pattern lacks
    /// `{subject}`), those of earlier windows included; 10 unless said. A caller's only hold is always allowed: how large it may
    /// be is the request cap's matter.
    #[must_use]
    pub fn hold_share(self, percent: u8) -> Self {
        Self { hold_share: percent, ..self }
    }

    /// How many holds a scope may have at a time; 1,000 unless said.
    #[must_use]
    pub fn max_holds(self, count: u32) -> Self {
        Self { max_holds: count, ..self }
    }

    /// How many scopes are kept; 100,000 unless said. Further ones are refused (503), never let others be forgotten.
    #[must_use]
    pub fn max_keys(self, count: usize) -> Self {
        Self { max_keys: count, ..self }
    }

    /// For requests without a verified caller only. Without such a budget they can't spend at all where a budget counts
    /// by `{subject}` or `{tenant}`.
    #[must_use]
    pub fn anonymous(self) -> Self {
        Self { anonymous: true, ..self }
    }

    /// For this feature of the app only.
    #[must_use]
    pub fn feature(self, feature: impl Into<Feature>) -> Self {
        Self { only: Some(feature.into()), ..self }
    }

    /// The budget as the ledger keeps it; what is wrong with it goes to the problems.
    pub(crate) fn checked(&self, field: &str, problems: &mut ConfigProblems) -> Option<Spec> {
        let pattern = Pattern::parse(&self.pattern)
            .map_err(|cure| problems.add(format!("{field}.scope"), &self.pattern, cure))
            .ok()?;
        self.check_amounts(field, problems);
        check_window(&self.window, field, problems);
        if self
            .name
            .as_deref()
            .is_some_and(|name| name.is_empty() || !name.split('/').all(plain_or_dimension))
        {
            problems.add(
                format!("{field}.name"),
                self.name.clone().unwrap_or_default(),
                "write a plain word",
            );
        }
        if self.anonymous && (pattern.has(Dimension::Subject) || pattern.has(Dimension::Tenant)) {
            let cure = "the anonymous have no {subject} and no {tenant}: leave it out";
            problems.add(format!("{field}.scope"), &self.pattern, cure);
        }
        let limit = nanos(self.limit);
        let of =
            |percent: u8| u64::try_from(u128::from(limit) * u128::from(percent) / 100).unwrap_or(u64::MAX);
        Some(Spec {
            name: self.name.as_deref().map_or_else(|| Arc::clone(pattern.text()), Arc::from),
            shared: !pattern.has(Dimension::Subject),
            limit,
            cap: self.request_cap.map_or(limit, nanos),
            share: of(self.hold_share),
            alerts: self.alerts.iter().map(|percent| (*percent, of(*percent))).collect(),
            max_holds: self.max_holds,
            max_keys: self.max_keys,
            window: self.window.0.clone(),
            anonymous: self.anonymous,
            only: self.only.clone(),
            pattern,
        })
    }

    fn check_amounts(&self, field: &str, problems: &mut ConfigProblems) {
        if self.limit.nanos() <= 0 {
            problems.add(format!("{field}.limit"), self.limit.to_string(), "write an amount above zero");
        }
        if let Some(cap) = self.request_cap
            && (cap.nanos() <= 0 || cap.currency() != self.limit.currency())
        {
            let cure = "write an amount above zero, in the currency of the limit";
            problems.add(format!("{field}.per-request-cap"), cap.to_string(), cure);
        }
        for percent in self.alerts.iter().filter(|percent| !(1..=100).contains(*percent)) {
            problems.add(format!("{field}.alert-at"), percent.to_string(), "write percents from 1 to 100");
        }
        if self.alerts.len() > 8 {
            problems.add(format!("{field}.alert-at"), self.alerts.len().to_string(), "at most eight");
        }
        if !(1..=100).contains(&self.hold_share) {
            problems.add(
                format!("{field}.hold-share"),
                self.hold_share.to_string(),
                "write 1 to 100 percent",
            );
        }
        for (name, zero) in [("max-holds", self.max_holds == 0), ("max-keys", self.max_keys == 0)] {
            if zero {
                problems.add(format!("{field}.{name}"), "0", "write 1 or more");
            }
        }
    }
}

/// What is wrong with a window.
pub(crate) fn check_window(window: &Window, field: &str, problems: &mut ConfigProblems) {
    match &window.0 {
        Kind::Calendar(calendar) => {
            if let Err(error) = calendar.check(&format!("{field}.per")) {
                problems.extend(error);
            }
        }
        Kind::Rolling(rolling) if !(1..=31_536_000).contains(&rolling.duration().as_secs()) => {
            problems.add(format!("{field}.per"), rolling.to_string(), "write one second to 365 days");
        }
        Kind::Rolling(_) | Kind::Lifetime => {}
    }
}

fn plain_or_dimension(piece: &str) -> bool {
    plain(piece.trim_start_matches('{').trim_end_matches('}'))
}

/// A budget that was looked through.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) name: Arc<str>,
    pub(crate) pattern: Pattern,
    /// Whether several callers spend from one scope of it.
    pub(crate) shared: bool,
    pub(crate) limit: u64,
    pub(crate) cap: u64,
    pub(crate) share: u64,
    /// Percent and amount, as given.
    pub(crate) alerts: Vec<(u8, u64)>,
    pub(crate) max_holds: u32,
    pub(crate) max_keys: usize,
    pub(crate) window: Kind,
    pub(crate) anonymous: bool,
    pub(crate) only: Option<Feature>,
}
