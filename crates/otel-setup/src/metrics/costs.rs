//! Money, by what it was spent on.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gambeson_core::{CostRecord, CostSink, Currency, MatchedRoute};

use super::{Metrics, OnceTable};

/// What tells one sum from another. Never the person.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    currency: Currency,
    estimated: bool,
    route: Option<&'a str>,
    feature: Option<&'a str>,
    provider: Option<&'a str>,
    model: Option<&'a str>,
}

/// What was spent on one thing.
pub(crate) struct Spent {
    pub(crate) currency: Currency,
    pub(crate) estimated: bool,
    pub(crate) route: Option<MatchedRoute>,
    pub(crate) feature: Option<Box<str>>,
    pub(crate) provider: Option<Box<str>>,
    pub(crate) model: Option<Box<str>>,
    /// Billionths of the currency's unit.
    pub(crate) nanos: AtomicU64,
}

impl Spent {
    fn key(&self) -> Key<'_> {
        Key {
            currency: self.currency,
            estimated: self.estimated,
            route: self.route.as_ref().map(MatchedRoute::as_str),
            feature: self.feature.as_deref(),
            provider: self.provider.as_deref(),
            model: self.model.as_deref(),
        }
    }

    /// The label names with their values.
    pub(crate) fn labels(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let key = self.key();
        let optional = [
            ("http.route", key.route),
            ("gambeson.feature", key.feature),
            ("gambeson.provider", key.provider),
            ("gambeson.model", key.model),
        ];
        let certain = [
            ("gambeson.currency", self.currency.as_str()),
            ("gambeson.estimated", if self.estimated { "true" } else { "false" }),
        ];
        certain.into_iter().chain(optional.into_iter().filter_map(|(name, value)| Some((name, value?))))
    }
}

/// All sums; what comes when the table is full is summed up by currency.
pub(crate) struct Costs {
    pub(crate) table: OnceTable<Spent>,
    pub(crate) overflow: OnceTable<(Currency, AtomicU64)>,
}

impl Costs {
    pub(super) fn new(most: usize) -> Self {
        Self { table: OnceTable::new(most), overflow: OnceTable::new(200) }
    }
}

impl Metrics {
    fn spent(&self, cost: &CostRecord) {
        // A counter can't go down: what is given back is the ledger's to know.
        let Ok(nanos) = u64::try_from(cost.amount.nanos()) else { return };
        let key = Key {
            currency: cost.amount.currency(),
            estimated: cost.estimated,
            route: cost.context.route.as_ref().map(MatchedRoute::as_str),
            feature: cost.feature.as_deref(),
            provider: cost.provider.as_deref(),
            model: cost.model.as_deref(),
        };
        let make = || Spent {
            currency: key.currency,
            estimated: key.estimated,
            route: cost.context.route.clone(),
            feature: cost.feature.clone(),
            provider: cost.provider.clone(),
            model: cost.model.clone(),
            nanos: AtomicU64::new(0),
        };
        if let Some(spent) = self.costs.table.get_or_insert(&key, |spent| spent.key() == key, make) {
            spent.nanos.fetch_add(nanos, Ordering::Relaxed);
        } else if let Some((_, sum)) = self.costs.overflow.get_or_insert(
            &key.currency,
            |(currency, _)| *currency == key.currency,
            || (key.currency, AtomicU64::new(0)),
        ) {
            sum.fetch_add(nanos, Ordering::Relaxed);
        }
    }
}

/// Core's [`CostSink`] as the counter `gambeson.cost`: by currency, route, feature, provider and model, never by person.
///
/// Amounts that are given back (below zero) are not counted, since a counter can't go down.
#[derive(Clone)]
pub struct CostCounter(Arc<Metrics>);

impl CostCounter {
    pub(crate) fn of(metrics: Arc<Metrics>) -> Self {
        Self(metrics)
    }
}

impl CostSink for CostCounter {
    fn record(&self, cost: &CostRecord) {
        self.0.spent(cost);
    }
}

impl fmt::Debug for CostCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CostCounter").finish_non_exhaustive()
    }
}
