//! What is left.

use std::sync::Arc;

use gambeson_core::{Money, Timestamp};

use super::Shared;
use crate::ledger::{Plan, Standing};
use crate::money::money;
use crate::scope::Scope;

/// How a budget stands for a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remaining {
    /// The budget's name.
    pub budget: Arc<str>,
    /// The limit.
    pub limit: Money,
    /// What is spent in this window.
    pub spent: Money,
    /// What is held for requests under way.
    pub held: Money,
    /// What is left: the limit without both.
    pub left: Money,
    /// When there is more; `None`: never, or (rolling) when nothing is spent.
    pub resets_at: Option<Timestamp>,
    /// Whether callers share it, so that a page for one of them should not show it.
    pub shared: bool,
}

impl Shared {
    pub(super) fn remaining(&self, scope: &Scope<'_>) -> Vec<Remaining> {
        let mut plan = Plan::default();
        if self.plan(scope, true, &mut plan).is_err() {
            return Vec::new();
        }
        let of = |nanos| money(nanos, self.currency);
        let standing = self.ledger.standing(&plan, self.now()).into_iter();
        let told = standing.filter_map(|(budget, Standing { spent, held, resets_at })| {
            let spec = self.ledger.specs().get(usize::from(budget))?;
            Some(Remaining {
                budget: spec.name.clone(),
                limit: of(spec.limit),
                spent: of(spent),
                held: of(held),
                left: of(spec.limit.saturating_sub(spent.saturating_add(held))),
                resets_at,
                shared: spec.shared,
            })
        });
        told.collect()
    }
}
