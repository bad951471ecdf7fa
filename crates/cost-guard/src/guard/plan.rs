//! Which budgets a scope spends from.

use super::Shared;
use crate::denied::{Denied, DeniedKind, Violation};
use crate::keys::ScopeKeys;
use crate::ledger::{Breach, Entries, HINTS, Plan, Standing, Violated};
use crate::money::money;
use crate::pattern::Dimension;
use crate::scope::Scope;

impl Shared {
    /// Gives `keys` what is known of the scope's caller, and `hints` where the caller's accounts were the last time.
    #[inline]
    pub(crate) fn recall(&self, keys: &mut ScopeKeys<'_>, scope: &Scope<'_>, hints: &mut [u32; HINTS]) {
        let Some(principal) = scope.principal else { return };
        let known = self.memo.with(principal.id(), |known| {
            keys.remember(known);
            *hints = known.hints;
        });
        if known.is_none() {
            self.remember(keys, scope, *hints);
        }
    }

    #[cold]
    fn remember(&self, keys: &mut ScopeKeys<'_>, scope: &Scope<'_>, hints: [u32; HINTS]) {
        if let (Some(principal), Some(known)) = (scope.principal, keys.caller()) {
            self.memo.set(principal.id(), known.with(hints), self.ledger.most_keys());
        }
    }

    /// Holds an amount in every budget of the scope, or in none.
    pub(super) fn hold(&self, scope: &Scope<'_>, amount: u64, force: bool) -> Result<Entries, Denied> {
        let mut plan = Plan::default();
        self.plan(scope, force, &mut plan)?;
        let entries = self.ledger.reserve(&mut plan, amount, self.now(), force);
        if plan.moved {
            self.remember(&mut self.ring.scoped(scope), scope, plan.hints);
        }
        entries.map_err(|violated| self.denied(&violated, amount))
    }

    /// The budgets of this scope; with `lenient`, those that can be told.
    pub(super) fn plan(&self, scope: &Scope<'_>, lenient: bool, plan: &mut Plan) -> Result<(), Denied> {
        let mut keys = self.ring.scoped(scope);
        self.recall(&mut keys, scope, &mut plan.hints);
        if !lenient && self.stops.stops(&mut keys) {
            return Err(Denied::new(DeniedKind::Stopped, "spending is stopped by the kill switch"));
        }
        let anonymous = scope.principal.is_none();
        let (mut covered, mut missing) = (false, None);
        for (index, spec) in (0_u8..).zip(self.ledger.specs()) {
            if spec.only.as_ref().is_some_and(|only| scope.feature != Some(only))
                || spec.anonymous && !anonymous
            {
                continue;
            }
            covered |= spec.anonymous;
            match keys.pattern(&spec.pattern) {
                Ok(key) => plan.push(index, key),
                Err(Dimension::Subject | Dimension::Tenant) if anonymous => {
                    missing = missing.or(Some((spec, Dimension::Subject, true)));
                }
                Err(dimension) => missing = Some((spec, dimension, false)),
            }
        }
        plan.caller = keys.dimension(Dimension::Subject).unwrap_or(0);
        plan.tree = keys.combined(self.ledger.common()).map_or(0, |key| self.ledger.tree_of(key));
        match missing {
            Some((spec, dimension, coverable)) if !(lenient || coverable && covered) => {
                Err(unattributed(&spec.name, dimension))
            }
            _ if plan.is_empty() && !lenient => {
                let text = "no budget covers this scope: add one (unbudgeted spending is refused)";
                Err(Denied::new(DeniedKind::Unattributed, text))
            }
            _ => Ok(()),
        }
    }

    /// The refusal of what these budgets refuse.
    pub(crate) fn denied(&self, violated: &[Violated], amount: u64) -> Denied {
        let violations = violated.iter().filter_map(|one| self.violation(one)).collect();
        let any = |breach| violated.iter().any(|one| one.breach == breach);
        // What would fit but for requests under way may fit in a moment.
        let spent = violated
            .iter()
            .any(|one| one.breach == Breach::Exhausted && !self.fits_without_holds(one, amount));
        let (kind, text) = if spent {
            (DeniedKind::Exhausted, "the budget is used up")
        } else if any(Breach::Cap) {
            (DeniedKind::TooLarge, "this costs more than one request may")
        } else if any(Breach::Full) {
            (DeniedKind::Full, "no room to count one more scope: raise max_keys")
        } else {
            (DeniedKind::Busy, "other requests hold the budget")
        };
        let text = format!("{text}: {} wanted", money(amount, self.currency));
        Denied::with(kind, text, violations)
    }

    fn fits_without_holds(&self, one: &Violated, amount: u64) -> bool {
        let limit = self.ledger.specs().get(usize::from(one.budget)).map_or(0, |spec| spec.limit);
        one.standing.spent.saturating_add(amount) <= limit
    }

    fn violation(&self, one: &Violated) -> Option<Violation> {
        let spec = self.ledger.specs().get(usize::from(one.budget))?;
        let Standing { spent, held, resets_at } = one.standing;
        let of = |nanos| money(nanos, self.currency);
        Some(Violation {
            budget: spec.name.clone(),
            limit: of(spec.limit),
            spent: of(spent),
            held: of(held),
            left: of(spec.limit.saturating_sub(spent.saturating_add(held))),
            resets_at,
            own: !spec.shared,
        })
    }
}

fn unattributed(budget: &str, dimension: Dimension) -> Denied {
    let dimension = dimension.as_str();
    let cure = match dimension {
        "subject" => "; the anonymous need a budget of their own (Budget::anonymous)",
        _ => "",
    };
    let text = format!("budget {budget:?} counts by {{{dimension}}}, which this scope does not have{cure}");
    Denied::new(DeniedKind::Unattributed, text)
}
