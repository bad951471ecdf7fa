//! Building a guard.

use std::fmt;
use std::sync::Arc;

use gambeson_core::{
    AuditSink, Clock, ConfigError, ConfigProblems, CostSink, Currency, Entropy, SystemClock, SystemEntropy,
};

use super::{Alert, CostGuard, Shared};
use crate::budget::{Budget, Spec};
use crate::keys::Keyring;
use crate::ledger::{Ledger, MAX_BUDGETS};
use crate::memo::Memo;
use crate::pattern::Dimension;
use crate::prices::PriceTable;
use crate::quota::{Quota, Quotas};
use crate::window::Kind;

pub(super) type OnAlert = Arc<dyn Fn(&Alert) + Send + Sync>;

/// Collects what a [`CostGuard`] is made of.
#[derive(Clone)]
pub struct CostGuardBuilder {
    prices: Option<PriceTable>,
    /// With their places in the configuration, for its problems.
    budgets: Vec<(usize, Budget)>,
    quotas: Vec<Quota>,
    environment: Option<String>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    audit: Option<Arc<dyn AuditSink>>,
    costs: Option<Arc<dyn CostSink>>,
    on_alert: Option<OnAlert>,
    problems: ConfigProblems,
}

impl CostGuardBuilder {
    pub(super) fn new() -> Self {
        Self {
            prices: None,
            budgets: Vec::new(),
            quotas: Vec::new(),
            environment: None,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy::new()),
            audit: None,
            costs: None,
            on_alert: None,
            problems: ConfigProblems::new(),
        }
    }

    /// What things cost. Without prices only amounts can be estimated and settled.
    #[must_use]
    pub fn prices(self, prices: PriceTable) -> Self {
        Self { prices: Some(prices), ..self }
    }

    /// Adds a budget; at most twelve, all in the currency of the prices.
    #[must_use]
    pub fn budget(self, budget: Budget) -> Self {
        let place = self.budgets.last().map_or(0, |(place, _)| place + 1);
        self.budget_at(place, budget)
    }

    pub(crate) fn budget_at(mut self, place: usize, budget: Budget) -> Self {
        self.budgets.push((place, budget));
        self
    }

    /// Adds a quota of requests.
    #[must_use]
    pub fn quota(mut self, quota: Quota) -> Self {
        self.quotas.push(quota);
        self
    }

    /// What `{environment}` is, such as `production`.
    #[must_use]
    pub fn environment(self, name: impl Into<String>) -> Self {
        Self { environment: Some(name.into()), ..self }
    }

    /// The clock of the windows; the system's unless said.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Where the secret key of the tables comes from; the system unless said.
    #[must_use]
    pub fn entropy(self, entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, ..self }
    }

    /// Takes refusals of budgets, and who stopped spending; nobody unless said.
    #[must_use]
    pub fn audit(self, audit: Arc<dyn AuditSink>) -> Self {
        Self { audit: Some(audit), ..self }
    }

    /// Takes what was spent, one record a settled hold; nobody unless said.
    #[must_use]
    pub fn costs(self, costs: Arc<dyn CostSink>) -> Self {
        Self { costs: Some(costs), ..self }
    }

    /// Is told when a budget passes one of its [`Budget::alert_at`] percents. Must not block.
    #[must_use]
    pub fn on_alert(self, on_alert: impl Fn(&Alert) + Send + Sync + 'static) -> Self {
        Self { on_alert: Some(Arc::new(on_alert)), ..self }
    }

    pub(crate) fn problem(mut self, error: ConfigError) -> Self {
        self.problems.extend(error);
        self
    }

    /// The guard.
    ///
    /// # Errors
    /// Everything that is wrong with the budgets and quotas at once, and a system without randomness.
    pub fn build(self) -> Result<CostGuard, ConfigError> {
        let mut problems = self.problems;
        let field = |kind: &str, index: usize| format!("{kind}.{index}");
        let specs: Vec<Spec> = (self.budgets.iter())
            .filter_map(|(place, budget)| budget.checked(&field("budgets", *place), &mut problems))
            .collect();
        let currency = check_currency(&self.budgets, self.prices.as_ref(), &mut problems);
        check_names(&specs, self.environment.as_deref(), &mut problems);
        let ring = Keyring::new(&*self.entropy, self.environment.as_deref());
        let ring = ring.map_err(|error| problems.add("entropy", "", error.to_string())).ok();
        let quotas = Quotas::new(&self.quotas, self.environment.as_deref(), &mut problems);
        let Some(ring) = ring else {
            problems.check()?;
            return Err(ConfigError::one("entropy", "", "the system has no randomness"));
        };
        problems.check()?;
        let any = |kind: fn(&Kind) -> bool| specs.iter().any(|spec| kind(&spec.window));
        Ok(CostGuard {
            shared: Arc::new(Shared {
                needs_monotonic: any(|kind| matches!(kind, Kind::Rolling(_))),
                needs_wall: any(|kind| !matches!(kind, Kind::Lifetime)),
                tells: self.costs.is_some() || specs.iter().any(|spec| !spec.alerts.is_empty()),
                ledger: Ledger::new(specs),
                quotas: Arc::new(quotas),
                prices: self.prices,
                ring,
                memo: Memo::default(),
                clock: self.clock,
                currency,
                audit: self.audit,
                costs: self.costs,
                on_alert: self.on_alert,
                stops: super::stop::Stops::default(),
            }),
        })
    }
}

fn check_currency(
    budgets: &[(usize, Budget)],
    prices: Option<&PriceTable>,
    problems: &mut ConfigProblems,
) -> Currency {
    let of_prices = prices.map(PriceTable::currency);
    let currency = of_prices.or_else(|| budgets.first().map(|(_, budget)| budget.limit.currency()));
    let currency = currency.unwrap_or(Currency::USD);
    for (index, budget) in budgets.iter().filter(|(_, budget)| budget.limit.currency() != currency) {
        let cure = format!(
            "one guard has one currency, that of the prices or of the first budget: {}",
            currency.as_str()
        );
        problems.add(format!("budgets.{index}.limit"), budget.limit.to_string(), cure);
    }
    currency
}

fn check_names(specs: &[Spec], environment: Option<&str>, problems: &mut ConfigProblems) {
    if specs.len() > MAX_BUDGETS {
        problems.add("budgets", specs.len().to_string(), format!("a guard has at most {MAX_BUDGETS}"));
    }
    for (index, spec) in specs.iter().enumerate() {
        if specs.iter().take(index).any(|other| other.name == spec.name) {
            let cure = "another budget has this name: give it one with named(\"…\") or name = \"…\"";
            problems.add(format!("budgets.{index}.name"), &*spec.name, cure);
        }
        if spec.pattern.has(Dimension::Environment) && environment.is_none() {
            let cure = "{environment} needs an environment: set it for the guard";
            problems.add(format!("budgets.{index}.scope"), &**spec.pattern.text(), cure);
        }
    }
}

impl fmt::Debug for CostGuardBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CostGuardBuilder")
            .field("budgets", &self.budgets)
            .field("quotas", &self.quotas)
            .finish_non_exhaustive()
    }
}
