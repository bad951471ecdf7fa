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
    swept: Option<u64>,
}

impl Level {
    /// The number of the window around now.
    #[inline]
    pub(super) fn seq(&mut self, spec: &Spec, now: &Now) -> u64 {
        match &spec.window {
            Kind::Lifetime => 0,
            Kind::Rolling(rolling) => rolling.step_at(now.monotonic.as_nanos()),
            Kind::Calendar(calendar) => {
                let period = match &self.period {
                    Some(period) if period.holds(now.wall) => period,
                    _ => self.period.insert(calendar.period(now.wall)),
                };
                period.start.unix_nanos().cast_unsigned()
            }
        }
    }

    /// The place of a scope, made if need be; `None` when there is no room.
    #[inline]
    pub(super) fn place(
        &mut self,
        spec: &Spec,
        count: Option<&AtomicUsize>,
        key: u128,
        seq: u64,
        hint: Option<u32>,
    ) -> Option<u32> {
        if hint.and_then(|hint| self.cells.get(hint as usize)).is_some_and(|cell| cell.is_of(key)) {
            return hint;
        }
        match self.index.get(&key) {
            Some(place) => Some(*place),
            None => self.make(spec, count?, key, seq),
        }
    }

    #[cold]
    fn make(&mut self, spec: &Spec, count: &AtomicUsize, key: u128, seq: u64) -> Option<u32> {
        if count.load(Ordering::Relaxed) >= spec.max_keys {
            return None;
        }
        let place = match self.free.pop() {
            Some(place) => place,
            None => u32::try_from(self.cells.len()).ok()?,
        };
        match self.cells.get_mut(place as usize) {
            Some(cell) => *cell = Cell::new(key, seq),
            None => self.cells.push(Cell::new(key, seq)),
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
            let cell = cells.get_mut(*place as usize);
            let idle = cell.as_ref().is_none_or(|cell| cell.is_idle(&spec.window, seq));
            if idle {
                // Nobody's: a hint that led here leads nowhere now.
                cell.into_iter().for_each(|cell| *cell = Cell::default());
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

/// Whether what is asked for fits.
#[inline]
pub(super) fn check(spec: &Spec, cell: &Cell, seq: u64, ask: &Ask, caller_holds: u64) -> Option<Breach> {
    let (spent, held) = cell.standing(seq);
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

/// What a hold asks of a budget.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
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
