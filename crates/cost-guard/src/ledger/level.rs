//! All scopes of one budget.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use gambeson_core::Timestamp;

use super::cell::Cell;
use super::{Breach, Now};
use crate::budget::Spec;
use crate::keys::BuildAsIs;
use crate::window::{Kind, Period};

/// All scopes of one budget, in one tree.
#[derive(Debug, Default)]
pub(super) struct Level {
    period: Option<Period>,
    index: HashMap<u128, u32, BuildAsIs>,
    pub(super) cells: Vec<Cell>,
    free: Vec<u32>,
    /// What each caller holds of a budget that callers share; only callers with holds.
    shares: HashMap<u128, u64, BuildAsIs>,
    swept: Option<u64>,
}

impl Level {
    /// The number of the window around now.
    pub(super) fn seq(&mut self, spec: &Spec, now: &Now) -> u64 {
        match &spec.window {
            Kind::Lifetime => 0,
            Kind::Rolling(rolling) => rolling.step_at(now.monotonic.as_nanos()),
            Kind::Calendar(calendar) => {
                let period = match self.period {
                    Some(period) if period.holds(now.wall) => period,
                    _ => calendar.period(now.wall),
                };
                self.period = Some(period);
                period.start.unix_nanos().cast_unsigned()
            }
        }
    }

    /// The place of a scope, made if need be; `None` when there is no room.
    pub(super) fn place(&mut self, spec: &Spec, count: &AtomicUsize, key: u128, seq: u64) -> Option<u32> {
        if let Some(place) = self.index.get(&key) {
            return Some(*place);
        }
        if count.load(Ordering::Relaxed) >= spec.max_keys {
            return None;
        }
        let place = match self.free.pop() {
            Some(place) => place,
            None => u32::try_from(self.cells.len()).ok()?,
        };
        match self.cells.get_mut(place as usize) {
            Some(cell) => *cell = Cell::new(seq),
            None => self.cells.push(Cell::new(seq)),
        }
        self.index.insert(key, place);
        count.fetch_add(1, Ordering::Relaxed);
        Some(place)
    }

    /// Forgets scopes that forgetting changes nothing for, and says whether there were some. It looks at most once a window, so
    /// that a full table stays fast.
    pub(super) fn sweep(&mut self, spec: &Spec, count: &AtomicUsize, seq: u64) -> bool {
        if self.swept.replace(seq) == Some(seq) {
            return false;
        }
        let Self { index, cells, free, .. } = self;
        let before = free.len();
        index.retain(|_, place| {
            let idle = cells.get(*place as usize).is_none_or(|cell| cell.is_idle(&spec.window, seq));
            if idle {
                free.push(*place);
                count.fetch_sub(1, Ordering::Relaxed);
            }
            !idle
        });
        free.len() > before
    }

    pub(super) fn cell(&mut self, place: u32) -> Option<&mut Cell> {
        self.cells.get_mut(place as usize)
    }

    /// Whether `more` fits, for a hold that has `has` already.
    pub(super) fn check(&self, spec: &Spec, place: u32, seq: u64, ask: &Ask) -> Option<Breach> {
        let cell = self.cells.get(place as usize)?;
        let (spent, held) = cell.standing(seq);
        let caller_holds = self.shares.get(&ask.caller).copied().unwrap_or(0);
        let others = caller_holds.saturating_sub(ask.has);
        if ask.has.saturating_add(ask.more) > spec.cap {
            Some(Breach::Cap)
        } else if spent.saturating_add(held).saturating_add(ask.more) > spec.limit {
            Some(Breach::Exhausted)
        } else if ask.new && cell.holds() >= spec.max_holds {
            Some(Breach::Holds)
        } else if spec.shared && others > 0 && caller_holds.saturating_add(ask.more) > spec.share {
            Some(Breach::Share)
        } else {
            None
        }
    }

    /// Holds what fits.
    pub(super) fn hold(&mut self, spec: &Spec, place: u32, seq: u64, ask: &Ask) {
        if let Some(cell) = self.cell(place) {
            cell.hold(seq, ask.more, ask.new);
        }
        if spec.shared && ask.caller != 0 && ask.more > 0 {
            let share = self.shares.entry(ask.caller).or_default();
            *share = share.saturating_add(ask.more);
        }
    }

    /// Gives back what a caller held.
    pub(super) fn unhold(&mut self, spec: &Spec, caller: u128, held: u64) {
        if spec.shared
            && caller != 0
            && held > 0
            && let Some(share) = self.shares.get_mut(&caller)
        {
            *share = share.saturating_sub(held);
            if *share == 0 {
                self.shares.remove(&caller);
            }
        }
    }

    /// What is spent and held now, and when there is more.
    pub(super) fn standing(&mut self, spec: &Spec, key: u128, now: &Now) -> Standing {
        let seq = self.seq(spec, now);
        let cell = self.index.get(&key).and_then(|place| self.cells.get_mut(*place as usize));
        let (mut spent, mut held, mut oldest) = (0, 0, None);
        if let Some(cell) = cell {
            cell.roll(&spec.window, seq, &spec.alerts);
            (spent, held) = cell.standing(seq);
            oldest = cell.oldest_step();
        }
        let resets_at = match &spec.window {
            Kind::Lifetime => None,
            Kind::Calendar(_) => self.period.map(|period| period.end),
            Kind::Rolling(rolling) => {
                oldest.map(|step| now.wall.plus(rolling.leaves_in(seq.saturating_sub(step))))
            }
        };
        Standing { spent, held, resets_at }
    }

    pub(super) fn keys(&self) -> usize {
        self.index.len()
    }
}

/// What a hold asks of a budget.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    /// Whose share of a shared budget it is; 0: nobody's.
    pub(super) caller: u128,
    /// What the hold has already.
    pub(super) has: u64,
    /// What it wants in addition.
    pub(super) more: u64,
    /// Whether it is a new one.
    pub(super) new: bool,
}

/// What a scope of a budget has spent and holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) spent: u64,
    pub(crate) held: u64,
    pub(crate) resets_at: Option<Timestamp>,
}
