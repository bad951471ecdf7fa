//! The memory ledger: exact over every budget that a scope spends from, in one step under one lock.
//!
//! One lock guards one *tree*. When all budgets tell apart by some dimension (say `{tenant}`), scopes that differ in it can
//! never meet in a budget, and are spread over several trees; otherwise there is one.

mod cell;
mod entries;
mod level;
mod shares;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gambeson_core::{Monotonic, Timestamp};

use entries::Entry;
pub(crate) use entries::{Entries, HINTS, MAX_BUDGETS, Plan};
pub(crate) use level::Standing;
use level::{Ask, Level, check};
use shares::Shares;

use crate::budget::Spec;
use crate::pattern::Dimension;

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) wall: Timestamp,
    pub(crate) monotonic: Monotonic,
}

/// Why a budget refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breach {
    /// It is spent or held.
    Exhausted,
    /// More than one request may hold.
    Cap,
    /// More than one caller may hold of a shared budget.
    Share,
    /// Too many holds at a time.
    Holds,
    /// No room for one more scope.
    Full,
}

/// A budget that refuses, and how it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Violated {
    pub(crate) budget: u8,
    pub(crate) breach: Breach,
    pub(crate) standing: Standing,
}

/// An alert that is due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    pub(crate) budget: u8,
    pub(crate) percent: u8,
    pub(crate) spent: u64,
}

/// Every budget's scopes in memory.
#[derive(Debug)]
pub(crate) struct Ledger {
    specs: Box<[Spec]>,
    counts: Box<[AtomicUsize]>,
    trees: Box<[Mutex<Tree>]>,
    common: Vec<Dimension>,
}

#[derive(Debug)]
struct Tree {
    /// The latest wall time seen: one that goes back never brings an earlier, unspent window.
    watermark: Timestamp,
    levels: Box<[Level]>,
    shares: Shares,
}

/// A power of two.
const TREES: usize = 16;

impl Ledger {
    pub(crate) fn new(specs: Vec<Spec>) -> Self {
        let shared = |dimension: &Dimension| specs.iter().all(|spec| spec.pattern.has(*dimension));
        let common: Vec<Dimension> = Dimension::ALL
            .into_iter()
            .filter(|dimension| *dimension != Dimension::Environment && shared(dimension))
            .collect();
        let count = if common.is_empty() || specs.is_empty() { 1 } else { TREES };
        let level = |_: &Spec| Level::default();
        let tree = || Tree {
            watermark: Timestamp::from_unix_nanos(i64::MIN),
            levels: specs.iter().map(level).collect(),
            shares: Shares::default(),
        };
        Self {
            counts: specs.iter().map(|_| AtomicUsize::new(0)).collect(),
            trees: (0..count).map(|_| Mutex::new(tree())).collect(),
            specs: specs.into(),
            common,
        }
    }

    pub(crate) fn specs(&self) -> &[Spec] {
        &self.specs
    }

    /// The dimensions that choose the tree.
    pub(crate) fn common(&self) -> &[Dimension] {
        &self.common
    }

    /// The tree of a key of the common dimensions.
    pub(crate) fn tree_of(&self, key: u128) -> usize {
        // The low bits choose the bucket within a table already.
        (key >> 96) as usize & self.trees.len().saturating_sub(1)
    }

    /// Holds `amount` in every budget of the plan, or in none.
    ///
    /// # Errors
    /// Every budget that refuses. Nothing is consumed then.
    pub(crate) fn reserve(
        &self,
        plan: &mut Plan,
        amount: u64,
        now: Now,
        force: bool,
    ) -> Result<Entries, Vec<Violated>> {
        let first = self.try_reserve(plan, amount, now, force);
        let full = |violated: &Violated| violated.breach == Breach::Full;
        match first {
            // The room that other trees take may be free by now.
            Err(violated) if violated.iter().any(full) && self.sweep(now) => {
                self.try_reserve(plan, amount, now, force)
            }
            answer => answer,
        }
    }

    /// Forgets, in all trees, the scopes that forgetting changes nothing for; says whether there were some.
    fn sweep(&self, now: Now) -> bool {
        let mut swept = false;
        for tree in 0..self.trees.len() {
            let Some(mut tree) = self.tree(tree) else { continue };
            let now = tree.at(now);
            for budget in (0_u8..).take(self.specs.len()) {
                let count = self.counts.get(usize::from(budget));
                if let (Some((spec, level)), Some(count)) = (self.parts(&mut tree.levels, budget), count) {
                    let seq = level.seq(spec, &now);
                    swept |= level.sweep(spec, count, seq);
                }
            }
        }
        swept
    }

    fn try_reserve(
        &self,
        plan: &mut Plan,
        amount: u64,
        now: Now,
        force: bool,
    ) -> Result<Entries, Vec<Violated>> {
        let mut entries = Entries::of(plan);
        let Some(mut tree) = self.tree(plan.tree) else { return Ok(entries) };
        let now = tree.at(now);
        let Tree { levels, shares, .. } = &mut *tree;
        let ask = Ask { has: 0, more: amount, new: true };
        let mut violated = Vec::new();
        let share = shares.of(plan.caller);
        for (budget, key) in plan.keys() {
            let Some((spec, level)) = self.parts(levels, budget) else { continue };
            let seq = level.seq(spec, &now);
            let hint = plan.hint(budget);
            let count = self.counts.get(usize::from(budget));
            let place = level.place(spec, count, key, seq, hint);
            let breach = match place.and_then(|place| Some((place, level.cell(place)?))) {
                None => Some(Breach::Full),
                Some((place, cell)) => {
                    cell.roll(&spec.window, seq, &spec.alerts);
                    entries.push(Entry { seq, place, budget });
                    check(spec, cell, seq, &ask, of_budget(share, budget))
                }
            };
            if let Some(breach) = breach {
                violated.push(Violated { budget, breach, standing: level.standing(spec, key, &now) });
            }
        }
        if !violated.is_empty() && !force {
            return Err(violated);
        }
        self.hold(&mut tree, &entries, &ask);
        drop(tree);
        for Entry { place, budget, .. } in entries.iter() {
            if plan.hint(budget).is_some_and(|hint| hint != place) {
                plan.move_hint(budget, place);
            }
        }
        Ok(entries)
    }

    /// Holds what fits.
    fn hold(&self, tree: &mut Tree, entries: &Entries, ask: &Ask) {
        let Tree { levels, shares, .. } = tree;
        let mut share = if ask.more > 0 { shares.entry(entries.caller) } else { None };
        let mut shared = false;
        for Entry { seq, place, budget } in entries.iter() {
            let Some((spec, level)) = self.parts(levels, budget) else { continue };
            if let Some(cell) = level.cell(place) {
                cell.hold(seq, ask.more, ask.new);
            }
            if spec.shared
                && let Some(share) = share.as_mut().and_then(|share| share.get_mut(usize::from(budget)))
            {
                *share = share.saturating_add(ask.more);
                shared = true;
            }
        }
        if !shared {
            // Where callers share nothing, there is nothing to keep.
            shares.tidy(entries.caller);
        }
    }

    /// Holds `more` in every budget of a hold that has `has` already, or leaves it as it is.
    ///
    /// # Errors
    /// The budgets that refuse, and why.
    pub(crate) fn extend(
        &self,
        entries: &Entries,
        has: u64,
        more: u64,
        now: Now,
        force: bool,
    ) -> Result<(), Vec<Violated>> {
        let Some(mut tree) = self.tree(entries.tree) else { return Ok(()) };
        let now = tree.at(now);
        let Tree { levels, shares, .. } = &mut *tree;
        let ask = Ask { has, more, new: false };
        let mut violated = Vec::new();
        let share = shares.of(entries.caller);
        for Entry { seq, place, budget } in entries.iter() {
            let Some((spec, level)) = self.parts(levels, budget) else { continue };
            let Some(cell) = level.cell(place) else { continue };
            if let Some(breach) = check(spec, cell, seq, &ask, of_budget(share, budget)) {
                let (spent, held) = cell.standing(seq);
                let resets_at = level.standing(spec, 0, &now).resets_at;
                violated.push(Violated { budget, breach, standing: Standing { spent, held, resets_at } });
            }
        }
        if !violated.is_empty() && !force {
            return Err(violated);
        }
        self.hold(&mut tree, entries, &ask);
        Ok(())
    }

    /// Ends a hold: what was held is free, what was spent is booked to the windows of the reservation.
    pub(crate) fn settle(&self, entries: &Entries, held: u64, spent: u64) -> Vec<Due> {
        let mut due = Vec::new();
        let Some(mut tree) = self.tree(entries.tree) else { return due };
        let Tree { levels, shares, .. } = &mut *tree;
        let mut share = if held > 0 { shares.get_mut(entries.caller) } else { None };
        for Entry { seq, place, budget } in entries.iter() {
            let Some((spec, level)) = self.parts(levels, budget) else { continue };
            if spec.shared
                && let Some(share) = share.as_mut().and_then(|share| share.get_mut(usize::from(budget)))
            {
                *share = share.saturating_sub(held);
            }
            let Some(cell) = level.cell(place) else { continue };
            cell.settle(&spec.window, seq, held, spent);
            if let Some((percent, spent)) = cell.due_alerts(&spec.window, seq, &spec.alerts) {
                due.push(Due { budget, percent, spent });
            }
        }
        if held > 0 {
            shares.tidy(entries.caller);
        }
        due
    }

    /// How the budgets of a plan stand.
    pub(crate) fn standing(&self, plan: &Plan, now: Now) -> Vec<(u8, Standing)> {
        let Some(mut tree) = self.tree(plan.tree) else { return Vec::new() };
        let now = tree.at(now);
        let of = |(budget, key): (u8, u128)| {
            let (spec, level) = self.parts(&mut tree.levels, budget)?;
            Some((budget, level.standing(spec, key, &now)))
        };
        plan.keys().filter_map(of).collect()
    }

    /// How many scopes the largest budget keeps.
    pub(crate) fn most_keys(&self) -> usize {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).max().unwrap_or(0)
    }

    /// How many scopes are kept.
    pub(crate) fn keys(&self) -> usize {
        let of = |tree: &Mutex<Tree>| lock(tree).levels.iter().map(Level::keys).sum::<usize>();
        self.trees.iter().map(of).sum()
    }

    fn tree(&self, tree: usize) -> Option<MutexGuard<'_, Tree>> {
        self.trees.get(tree).map(lock)
    }

    fn parts<'a>(&'a self, levels: &'a mut [Level], budget: u8) -> Option<(&'a Spec, &'a mut Level)> {
        let place = usize::from(budget);
        Some((self.specs.get(place)?, levels.get_mut(place)?))
    }
}

fn of_budget(share: Option<&[u64; MAX_BUDGETS]>, budget: u8) -> u64 {
    share.and_then(|share| share.get(usize::from(budget))).copied().unwrap_or(0)
}

fn lock(tree: &Mutex<Tree>) -> MutexGuard<'_, Tree> {
    tree.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tree {
    fn at(&mut self, now: Now) -> Now {
        self.watermark = self.watermark.max(now.wall);
        Now { wall: self.watermark, ..now }
    }
}
