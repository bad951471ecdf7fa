//! The running bill of one request.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gambeson_core::{Money, RequestFacts};
use http::Extensions;

use crate::denied::{Denied, DeniedKind};
use crate::hold::Hold;
use crate::money::{money, nanos};
use crate::prices::Usage;

/// The running bill of one request: what the handler and its outgoing calls use up of the request's one hold.
///
/// [`CostLayer`](crate::CostLayer) puts it into the request's extensions; [`carry`] gives it on to outgoing requests, where
/// [`SpendLayer`](crate::SpendLayer) uses it. Clones share the bill. When the last one goes, with the end of the answer's
/// body, the hold settles with what was recorded.
#[derive(Clone)]
pub struct Tab(Arc<Mutex<Bill>>);

struct Bill {
    hold: Hold,
    /// What calls under way may still cost.
    pending: u64,
    /// Whether limits are only watched.
    observing: bool,
}

impl Tab {
    pub(crate) fn new(hold: Hold, observing: bool) -> Self {
        Self(Arc::new(Mutex::new(Bill { hold, pending: 0, observing })))
    }

    /// Notes that this much was used. More than was held is charged too.
    ///
    /// # Errors
    /// Another currency than the budgets'.
    pub fn record(&self, amount: Money) -> Result<(), Denied> {
        let mut bill = self.bill();
        bill.hold.incur(amount).map_err(|error| Denied::new(DeniedKind::Misused, error.to_string()))
    }

    /// Notes a usage by the prices of the day.
    ///
    /// # Errors
    /// What has no price; nothing is noted then.
    pub fn record_usage(&self, model: &str, usage: &Usage) -> Result<Money, Denied> {
        let priced = self.bill().hold.shared().price(model, usage);
        let amount = priced.map_err(|error| Denied::new(DeniedKind::Unpriced, error.to_string()))?;
        self.bill().hold.label(None, Some(&Arc::from(model)));
        self.record(amount)?;
        Ok(amount)
    }

    /// Begins a call that may cost up to this much; the request's hold grows if it has no room for it.
    ///
    /// # Errors
    /// The hold can't grow: don't make the call.
    pub fn begin(&self, estimate: Money) -> Result<Charge, Denied> {
        let mut bill = self.bill();
        bill.hold.shared().check_currency(estimate)?;
        let amount = nanos(estimate);
        let wanted = bill.hold.incurred_nanos().saturating_add(bill.pending).saturating_add(amount);
        let more = wanted.saturating_sub(bill.hold.held_nanos());
        if more > 0 {
            let observing = bill.observing;
            let extended = bill.hold.extend_by(more, observing);
            extended.inspect_err(|denied| bill.hold.shared().refused(denied, bill.hold.facts()))?;
        }
        bill.pending = bill.pending.saturating_add(amount);
        drop(bill);
        Ok(Charge { tab: self.clone(), amount: Some(amount) })
    }

    /// What was recorded so far.
    #[must_use]
    pub fn incurred(&self) -> Money {
        self.bill().hold.incurred()
    }

    pub(crate) fn label(&self, provider: Option<&Arc<str>>, model: Option<&Arc<str>>) {
        self.bill().hold.label(provider, model);
    }

    fn bill(&self) -> MutexGuard<'_, Bill> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, pending: u64, spent: u64, estimated: bool) {
        let mut bill = self.bill();
        bill.pending = bill.pending.saturating_sub(pending);
        let spent = money(spent, bill.hold.shared().currency);
        // The currency is the hold's own.
        let _ = bill.hold.incur(spent);
        if estimated {
            bill.hold.mark_estimated();
        }
    }
}

/// A call under way. Dropping it without a word charges its estimate, marked as one: whoever gives up on a call that was
/// sent may be billed for it all the same.
#[derive(Debug)]
#[must_use = "a charge that is dropped is charged with its estimate"]
pub struct Charge {
    tab: Tab,
    amount: Option<u64>,
}

impl Charge {
    /// What the call cost.
    ///
    /// # Errors
    /// Another currency than the budgets': the estimate is charged.
    pub fn settle(mut self, actual: Money) -> Result<(), Denied> {
        self.tab.bill().hold.shared().check_currency(actual)?;
        if let Some(amount) = self.amount.take() {
            self.tab.end(amount, nanos(actual), false);
        }
        Ok(())
    }

    /// The call cost nothing: it was not made, or the provider does not bill for its answer.
    pub fn cancel(mut self) {
        if let Some(amount) = self.amount.take() {
            self.tab.end(amount, 0, false);
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some(amount) = self.amount.take() {
            self.tab.end(amount, amount, true);
        }
    }
}

/// Gives an outgoing request what it needs of the incoming one it is made for: the [`Tab`] and the request's facts.
pub fn carry(from: &Extensions, to: &mut Extensions) {
    if let Some(tab) = from.get::<Tab>() {
        to.insert(tab.clone());
    }
    if let Some(facts) = RequestFacts::of(from) {
        to.insert(facts.apart());
    }
}

impl fmt::Debug for Tab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tab").field(&self.bill().hold).finish()
    }
}
