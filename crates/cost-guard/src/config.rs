//! Budgets, quotas, prices and breaker as plain data, for configuration files.

use std::path::PathBuf;
use std::time::Duration;

use gambeson_core::{ConfigError, ConfigProblems};

use crate::breaker::BreakerPolicy;
use crate::budget::Budget;
use crate::guard::{CostGuard, CostGuardBuilder};
use crate::money::amount;
use crate::prices::PriceTable;
use crate::quota::Quota;
use crate::window::Window;

/// What it may cost, as a configuration file says it; see [`CostGuard::from_config`].
///
/// ```toml
/// prices = "prices.toml"
/// environment = "production"
///
/// [[budgets]]
/// scope = "user/{subject}"
/// limit = "0.05 USD"
/// per = "day UTC"
/// alert-at = [50, 80]
///
/// [[quotas]]
/// scope = "api/{subject}"
/// requests = 600
/// per = "rolling 1m"
///
/// [breaker]
/// failures = 5
/// open-for = "10s"
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct Config {
    /// The price file; see [`PriceTable::from_toml`] for what is in it. None unless said.
    pub prices: Option<PathBuf>,
    /// What `{environment}` is.
    pub environment: Option<String>,
    /// The budgets.
    pub budgets: Vec<BudgetConfig>,
    /// The quotas.
    pub quotas: Vec<QuotaConfig>,
    /// When calls to third parties stop; see [`Config::breaker_policy`].
    pub breaker: BreakerConfig,
}

/// One budget of a [`Config`]; as [`Budget`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct BudgetConfig {
    /// The pattern, such as `user/{subject}`.
    pub scope: String,
    /// The amount, such as `0.05 USD`.
    pub limit: String,
    /// The window, such as `day UTC`; for good unless said.
    pub per: Option<String>,
    /// Its name; the pattern unless said.
    pub name: Option<String>,
    /// Percents that are told.
    pub alert_at: Vec<u8>,
    /// The most that one request may hold, such as `0.02 USD`.
    pub per_request_cap: Option<String>,
    /// Percent of a shared budget that one caller may hold; 10 unless said.
    pub hold_share: u8,
    /// Holds at a time; 1,000 unless said.
    pub max_holds: u32,
    /// Scopes that are kept; 100,000 unless said.
    pub max_keys: usize,
    /// Whether it is for requests without a caller.
    pub anonymous: bool,
    /// The only feature that it is for.
    pub feature: Option<String>,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self {
            scope: String::new(),
            limit: String::new(),
            per: None,
            name: None,
            alert_at: Vec::new(),
            per_request_cap: None,
            hold_share: 10,
            max_holds: 1_000,
            max_keys: 100_000,
            anonymous: false,
            feature: None,
        }
    }
}

/// One quota of a [`Config`]; as [`Quota`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct QuotaConfig {
    /// The pattern, such as `api/{subject}`.
    pub scope: String,
    /// How many requests in a window.
    pub requests: u32,
    /// The window; `rolling 1m` unless said.
    pub per: String,
    /// Scopes that are counted apart; 100,000 unless said.
    pub max_keys: usize,
    /// Whether it is for requests without a caller.
    pub anonymous: bool,
}

impl Default for QuotaConfig {
    fn default() -> Self {
        let per = "rolling 1m".to_owned();
        Self { scope: String::new(), requests: 0, per, max_keys: 100_000, anonymous: false }
    }
}

/// The breaker of a [`Config`]; as [`BreakerPolicy`], of which it has the defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct BreakerConfig {
    /// Failures in a row that open it.
    pub failures: Option<u32>,
    /// Percent of failures among the last calls that opens it.
    pub failure_percent: Option<u8>,
    /// How many of the last calls count, at most 64.
    pub window: Option<u32>,
    /// How long it stays open.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde::option"))]
    pub open_for: Option<Duration>,
    /// From when on a call is slow, which counts as a failure.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde::option"))]
    pub slow_after: Option<Duration>,
    /// How many probes may run at a time while it is half open.
    pub probes: Option<u32>,
    /// How many probes must succeed.
    pub successes: Option<u32>,
}

impl Config {
    /// The policy of the circuit breaker.
    #[must_use]
    pub fn breaker_policy(&self) -> BreakerPolicy {
        let BreakerConfig { failures, failure_percent, window, open_for, slow_after, probes, successes } =
            &self.breaker;
        let mut policy = BreakerPolicy::new();
        if let Some(count) = failures {
            policy = policy.failures_in_a_row(*count);
        }
        if failure_percent.is_some() || window.is_some() {
            let (percent, calls) = (failure_percent.unwrap_or(50), window.unwrap_or(20));
            policy = policy.failure_rate(percent, calls);
        }
        if let Some(time) = open_for {
            policy = policy.open_for(*time);
        }
        if let Some(time) = slow_after {
            policy = policy.slow_after(*time);
        }
        policy.probes(probes.unwrap_or(1)).successes(successes.unwrap_or(1))
    }

    fn builder(&self) -> CostGuardBuilder {
        let mut problems = ConfigProblems::new();
        let mut builder = CostGuard::builder();
        if let Some(path) = &self.prices {
            match PriceTable::from_path(path) {
                Ok(prices) => builder = builder.prices(prices),
                Err(error) => problems.extend(error),
            }
        }
        if let Some(environment) = &self.environment {
            builder = builder.environment(environment.as_str());
        }
        for (index, budget) in self.budgets.iter().enumerate() {
            if let Some(budget) = budget.read(&format!("budgets.{index}"), &mut problems) {
                builder = builder.budget_at(index, budget);
            }
        }
        for (index, quota) in self.quotas.iter().enumerate() {
            let window = window(&quota.per, &format!("quotas.{index}"), &mut problems);
            let mut read = Quota::requests(&*quota.scope, quota.requests).max_keys(quota.max_keys);
            if let Some(window) = window {
                read = read.per(window);
            }
            builder = builder.quota(if quota.anonymous { read.anonymous() } else { read });
        }
        if let Err(error) = self.breaker_policy().check("breaker") {
            problems.extend(error);
        }
        match problems.check() {
            Ok(()) => builder,
            Err(error) => builder.problem(error),
        }
    }
}

impl BudgetConfig {
    fn read(&self, field: &str, problems: &mut ConfigProblems) -> Option<Budget> {
        let mut money = |name: &str, text: &str| {
            let read = amount(text);
            if read.is_none() {
                let cure = "write an amount with at most nine decimals and a currency, such as \"0.05 USD\"";
                problems.add(format!("{field}.{name}"), text, cure);
            }
            read
        };
        let limit = money("limit", &self.limit);
        let cap = self.per_request_cap.as_deref().map(|cap| money("per-request-cap", cap));
        let per = self.per.as_deref().map(|per| window(per, field, problems));
        let mut budget = Budget::money(&*self.scope, limit?)
            .alert_at(self.alert_at.iter().copied())
            .hold_share(self.hold_share)
            .max_holds(self.max_holds)
            .max_keys(self.max_keys);
        if let Some(cap) = cap.flatten() {
            budget = budget.per_request_cap(cap);
        }
        if let Some(per) = per.flatten() {
            budget = budget.per(per);
        }
        if let Some(name) = &self.name {
            budget = budget.named(name);
        }
        if let Some(feature) = &self.feature {
            budget = budget.feature(feature.as_str());
        }
        Some(if self.anonymous { budget.anonymous() } else { budget })
    }
}

fn window(text: &str, field: &str, problems: &mut ConfigProblems) -> Option<Window> {
    let wrong = |error: ConfigError| {
        for problem in error.problems() {
            problems.add(format!("{field}.per"), &*problem.value, &*problem.cure);
        }
    };
    text.parse().map_err(wrong).ok()
}

impl CostGuard {
    /// A guard as the configuration says. What can't be written in a file (clock, sinks) is set on the builder before
    /// [`CostGuardBuilder::build`], which tells all that is wrong at once.
    #[must_use]
    pub fn from_config(config: &Config) -> CostGuardBuilder {
        config.builder()
    }
}
