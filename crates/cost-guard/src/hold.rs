//! Money that is held for something under way.

use std::fmt;
use std::sync::Arc;

use gambeson_core::{CostRecord, Money, MoneyError, Principal, RequestContext, RequestFacts};

use crate::denied::{Denied, DeniedKind};
use crate::guard::{Alert, Shared};
use crate::ledger::Entries;
use crate::money::{money, nanos};
use crate::scope::{Feature, Scope};

/// An amount held in every budget of a scope. It settles once.
///
/// Dropping it charges what was incurred so far ([`Hold::incur`]) and gives the rest back: a hold that never incurred
/// anything costs nothing, a cancelled one what it had used. However late it settles, it is booked to the windows of its
/// reservation. A hold lives as long as its owner: it never times out while something may still be billed.
#[must_use = "a hold that is dropped gives its money back"]
pub struct Hold {
    shared: Arc<Shared>,
    entries: Entries,
    held: u64,
    incurred: u64,
    estimated: bool,
    charged: Option<u64>,
    facts: Option<RequestFacts>,
    principal: Option<Principal>,
    feature: Option<Feature>,
    provider: Option<Arc<str>>,
    model: Option<Arc<str>>,
}

impl Hold {
    pub(crate) fn new(shared: Arc<Shared>, entries: Entries, held: u64, scope: &Scope<'_>) -> Self {
        // Facts know their caller; and without them nobody may be told.
        let principal = scope.principal.filter(|_| scope.facts.is_none() && shared.tells);
        Self {
            entries,
            held,
            incurred: 0,
            estimated: false,
            charged: None,
            facts: scope.facts.cloned(),
            principal: principal.cloned(),
            feature: scope.feature.cloned(),
            provider: None,
            model: None,
            shared,
        }
    }

    /// What is held.
    #[must_use]
    pub fn held(&self) -> Money {
        money(self.held, self.shared.currency)
    }

    /// What was incurred so far.
    #[must_use]
    pub fn incurred(&self) -> Money {
        money(self.incurred, self.shared.currency)
    }

    /// Holds more, or stays as it is.
    ///
    /// # Errors
    /// As [`CostGuard::reserve`](crate::CostGuard::reserve); a hold that has settled can't grow.
    pub fn extend(&mut self, more: Money) -> Result<(), Denied> {
        self.shared.check_currency(more)?;
        let extended = self.extend_by(nanos(more), false);
        extended.inspect_err(|denied| self.shared.refused(denied, self.facts.as_ref()))
    }

    pub(crate) fn extend_by(&mut self, more: u64, force: bool) -> Result<(), Denied> {
        if self.charged.is_some() {
            return Err(Denied::new(DeniedKind::Misused, "a hold that has settled can't grow"));
        }
        let now = self.shared.now();
        let extended = self.shared.ledger.extend(&self.entries, self.held, more, now, force);
        extended.map_err(|violated| self.shared.denied(&violated, more))?;
        self.held = self.held.saturating_add(more);
        Ok(())
    }

    /// Notes that this much was used: it is charged whatever happens.
    ///
    /// # Errors
    /// Another currency than the budgets'.
    pub fn incur(&mut self, amount: Money) -> Result<(), MoneyError> {
        self.same_currency(amount)?;
        self.incurred = self.incurred.saturating_add(nanos(amount));
        Ok(())
    }

    /// Marks what is charged as an estimate, because the provider's figure never came.
    pub fn mark_estimated(&mut self) {
        self.estimated = true;
    }

    /// Who billed it, and for which model: for the cost record.
    pub fn billed_by(&mut self, provider: impl Into<Arc<str>>, model: impl Into<Arc<str>>) {
        self.provider = Some(provider.into());
        self.model = Some(model.into());
    }

    pub(crate) fn label(&mut self, provider: Option<&Arc<str>>, model: Option<&Arc<str>>) {
        self.provider = provider.cloned().or_else(|| self.provider.take());
        self.model = model.cloned().or_else(|| self.model.take());
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn held_nanos(&self) -> u64 {
        self.held
    }

    pub(crate) fn incurred_nanos(&self) -> u64 {
        self.incurred
    }

    pub(crate) fn facts(&self) -> Option<&RequestFacts> {
        self.facts.as_ref()
    }

    /// Charges what it cost after all, which may be more than was held, and ends the hold. A second call changes nothing
    /// and returns what the first one charged.
    ///
    /// # Errors
    /// Another currency than the budgets'; the hold stays as it was.
    pub fn settle(&mut self, actual: Money) -> Result<Money, MoneyError> {
        self.same_currency(actual)?;
        Ok(money(self.close(nanos(actual)), self.shared.currency))
    }

    /// Charges what was incurred and gives the rest back; as dropping it, but said.
    pub fn release(mut self) -> Money {
        let charged = self.close(self.incurred);
        money(charged, self.shared.currency)
    }

    fn same_currency(&self, amount: Money) -> Result<(), MoneyError> {
        match amount.currency() == self.shared.currency {
            true => Ok(()),
            false => Err(MoneyError::MixedCurrencies),
        }
    }

    fn close(&mut self, spent: u64) -> u64 {
        if let Some(charged) = self.charged {
            return charged;
        }
        self.charged = Some(spent);
        let due = self.shared.ledger.settle(&self.entries, self.held, spent);
        for due in due {
            if let Some(spec) = self.shared.ledger.specs().get(usize::from(due.budget)) {
                let of = |nanos| money(nanos, self.shared.currency);
                let (budget, context) = (spec.name.clone(), self.context());
                let (spent, limit) = (of(due.spent), of(spec.limit));
                self.shared.alert(&Alert { budget, percent: due.percent, spent, limit, context });
            }
        }
        if spent > 0 && (self.shared.costs.is_some() || self.facts.is_some()) {
            self.record(spent);
        }
        spent
    }

    fn record(&self, spent: u64) {
        let mut record = CostRecord::new(money(spent, self.shared.currency), self.shared.clock.now());
        record.estimated = self.estimated;
        record.context = self.context();
        record.feature = self.feature.as_ref().map(|feature| feature.as_str().into());
        record.provider = self.provider.as_deref().map(Box::from);
        record.model = self.model.as_deref().map(Box::from);
        if let Some(costs) = &self.shared.costs {
            costs.record(&record);
        }
        if let Some(facts) = &self.facts {
            facts.set_cost(record);
        }
    }

    fn context(&self) -> RequestContext {
        if let Some(facts) = &self.facts {
            return RequestContext::from(facts);
        }
        let mut context = RequestContext::default();
        if let Some(principal) = &self.principal {
            context.subject = Some(principal.full_subject().clone());
            context.tenant = principal.tenant().map(Box::from);
        }
        context
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.close(self.incurred);
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold")
            .field("held", &self.held())
            .field("incurred", &self.incurred())
            .field("settled", &self.charged.is_some())
            .finish_non_exhaustive()
    }
}
