//! The guard: budgets, quotas and prices behind one handle.

mod alert;
mod builder;
mod plan;
mod remaining;
mod stop;
mod telemetry;

use std::fmt;
use std::sync::Arc;

use gambeson_core::{
    Answer, AuditEvent, AuditKind, AuditSink, Clock, CostSink, Currency, Durability, Money, Monotonic,
    Outcome, RequestFacts, Timestamp,
};

pub use alert::Alert;
pub use builder::CostGuardBuilder;
pub use remaining::Remaining;
pub use stop::Stop;

use crate::denied::{Denied, DeniedKind};
use crate::estimate::Estimate;
use crate::hold::Hold;
use crate::keys::Keyring;
use crate::ledger::{Ledger, Now};
use crate::memo::Memo;
use crate::money::nanos;
use crate::prices::{PriceError, PriceTable, Usage};
use crate::quota::Quotas;
use crate::scope::Scope;
use builder::OnAlert;

/// Budgets, quotas and prices behind one handle. A clone is one atomic increment and shares everything.
///
/// ```
/// use gambeson_core::{Currency, Money, Principal};
/// use gambeson_cost_guard::{Budget, Calendar, CostGuard, DeniedKind, Scope};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let cents = |cents: i64| Money::from_nanos(cents * 10_000_000, Currency::USD);
/// let guard = CostGuard::builder()
///     .budget(Budget::money("user/{subject}", cents(5)).per(Calendar::day("UTC")))
///     .build()
///     .unwrap();
/// let alice = Principal::user("https://id.example", "alice").build();
///
/// let mut hold = guard.reserve(&Scope::principal(&alice), cents(4)).wait().await.unwrap();
/// hold.settle(cents(2)).unwrap();
///
/// let denied = guard.reserve(&Scope::principal(&alice), cents(4)).wait().await.unwrap_err();
/// assert_eq!(denied.kind(), DeniedKind::Exhausted);
/// assert_eq!(guard.remaining(&Scope::principal(&alice))[0].left, cents(3));
/// # });
/// ```
#[derive(Clone)]
pub struct CostGuard {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) ledger: Ledger,
    pub(crate) quotas: Arc<Quotas>,
    pub(crate) prices: Option<PriceTable>,
    pub(crate) ring: Keyring,
    memo: Memo,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) currency: Currency,
    audit: Option<Arc<dyn AuditSink>>,
    pub(crate) costs: Option<Arc<dyn CostSink>>,
    on_alert: Option<OnAlert>,
    stops: stop::Stops,
    /// Whether somebody is told what a hold cost, and whose it was.
    pub(crate) tells: bool,
    needs_wall: bool,
    needs_monotonic: bool,
}

impl CostGuard {
    /// Starts a guard.
    #[must_use]
    pub fn builder() -> CostGuardBuilder {
        CostGuardBuilder::new()
    }

    /// Holds an amount in every budget that the scope spends from, or in none.
    ///
    /// The answer is there at once with the memory ledger.
    ///
    /// # Errors
    /// [`Denied`] names every budget that refused; nothing is consumed then.
    #[inline]
    pub fn reserve(&self, scope: &Scope<'_>, amount: Money) -> Answer<Result<Hold, Denied>> {
        Answer::Ready(self.reserve_now(scope, amount, false))
    }

    /// As [`CostGuard::reserve`], with the price of an estimate and for its feature.
    ///
    /// # Errors
    /// As [`CostGuard::reserve`]; and what has no price.
    pub fn reserve_estimate(&self, scope: &Scope<'_>, estimate: &Estimate) -> Answer<Result<Hold, Denied>> {
        Answer::Ready(self.hold_for(scope, estimate, false))
    }

    /// The price of a usage now.
    ///
    /// # Errors
    /// As [`PriceTable::quote`]; everything, when the guard has no prices.
    pub fn price(&self, model: &str, usage: &Usage) -> Result<Money, PriceError> {
        self.shared.price(model, usage)
    }

    /// How the budgets stand that the scope spends from: for a page, or a decision of the app's own.
    #[must_use]
    pub fn remaining(&self, scope: &Scope<'_>) -> Vec<Remaining> {
        self.shared.remaining(scope)
    }

    pub(crate) fn budget_names(&self) -> impl Iterator<Item = &str> {
        self.shared.ledger.specs().iter().map(|spec| &*spec.name)
    }

    /// The currency of all budgets.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.shared.currency
    }

    /// How many scopes are kept in memory, over all budgets.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.shared.ledger.keys()
    }

    /// Stops spending at once, until [`CostGuard::resume`]; holds that are there may settle, but not grow. Audited.
    pub fn stop(&self, what: Stop<'_>, reason: &str) {
        self.switch(what, true, reason);
    }

    /// Lets spending go on. Audited.
    pub fn resume(&self, what: Stop<'_>, reason: &str) {
        self.switch(what, false, reason);
    }

    fn switch(&self, what: Stop<'_>, stopped: bool, reason: &str) {
        let shared = &self.shared;
        if !shared.stops.set(what.key(&shared.ring), stopped) {
            return;
        }
        let action = if stopped { "budget.stop" } else { "budget.resume" };
        telemetry::switched(action, reason);
        if let Some(audit) = &shared.audit {
            let kind = AuditKind::ConfigurationChange;
            let mut event = AuditEvent::new(kind, action, Outcome::Success, shared.clock.now());
            event.object = Some(what.object().into());
            telemetry::recorded(audit.record(event.detail("reason", reason), Durability::Async));
        }
    }

    pub(crate) fn hold_for(
        &self,
        scope: &Scope<'_>,
        estimate: &Estimate,
        force: bool,
    ) -> Result<Hold, Denied> {
        let amount = self.shared.amount(estimate)?;
        let scope = match estimate.feature_of() {
            Some(feature) => scope.feature(feature),
            None => *scope,
        };
        self.reserve_now(&scope, amount, force)
    }

    pub(crate) fn reserve_now(&self, scope: &Scope<'_>, amount: Money, force: bool) -> Result<Hold, Denied> {
        let shared = &self.shared;
        let reserved = shared.check_currency(amount).and_then(|()| shared.hold(scope, nanos(amount), force));
        match reserved {
            Ok(entries) => Ok(Hold::new(Arc::clone(shared), entries, nanos(amount), scope)),
            Err(denied) => {
                shared.refused(&denied, scope.facts);
                Err(denied)
            }
        }
    }
}

impl Shared {
    pub(crate) fn now(&self) -> Now {
        Now {
            wall: if self.needs_wall { self.clock.now() } else { Timestamp::default() },
            monotonic: if self.needs_monotonic { self.clock.monotonic() } else { Monotonic::default() },
        }
    }

    #[inline]
    pub(crate) fn check_currency(&self, amount: Money) -> Result<(), Denied> {
        match amount.currency() == self.currency && amount.nanos() >= 0 {
            true => Ok(()),
            false => Err(self.misused(amount)),
        }
    }

    #[cold]
    fn misused(&self, amount: Money) -> Denied {
        let currency = self.currency.as_str();
        let text = format!("{amount} is not an amount in {currency}, the currency of the budgets");
        Denied::new(DeniedKind::Misused, text)
    }

    pub(crate) fn price(&self, model: &str, usage: &Usage) -> Result<Money, PriceError> {
        match &self.prices {
            Some(prices) => prices.quote(model, usage, self.clock.now()).map(|quote| quote.amount()),
            None => Err(PriceError::unpriced(format!(
                "no price for {model:?}: the guard was built without prices"
            ))),
        }
    }

    pub(crate) fn amount(&self, estimate: &Estimate) -> Result<Money, Denied> {
        estimate.price(self).map_err(|error| {
            telemetry::unpriced(&error);
            Denied::new(DeniedKind::Unpriced, error.to_string())
        })
    }

    /// Logs and audits a refusal.
    pub(crate) fn refused(&self, denied: &Denied, facts: Option<&RequestFacts>) {
        telemetry::refused(denied);
        let Some(audit) = &self.audit else { return };
        let (kind, at) = (AuditKind::BudgetRefusal, self.clock.now());
        let mut event = AuditEvent::new(kind, "budget.reserve", Outcome::Denied, at);
        if let Some(facts) = facts {
            event = event.with_facts(facts);
        }
        event.reason = Some(denied.rejection().slug().into());
        for violation in denied.violations() {
            event = event.detail("budget", &*violation.budget);
        }
        telemetry::recorded(audit.record(event, Durability::Async));
    }

    /// Tells an alert.
    pub(crate) fn alert(&self, alert: &Alert) {
        telemetry::alert(alert);
        if let Some(on_alert) = &self.on_alert {
            on_alert(alert);
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let budgets: Vec<&str> = self.ledger.specs().iter().map(|spec| &*spec.name).collect();
        f.debug_struct("CostGuard")
            .field("budgets", &budgets)
            .field("quotas", &self.quotas)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CostGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}
