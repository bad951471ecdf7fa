//! What one scope of one budget has spent and holds.

use std::collections::VecDeque;

use crate::window::{Kind, Rolling};

/// One scope of one budget. Amounts are nano-units.
#[derive(Debug, Default)]
pub(super) struct Cell {
    /// The window that `spent` is of: the start of a calendar window, the step of a rolling one, 0 for good.
    seq: u64,
    spent: u64,
    held: u64,
    /// Open holds of this window; of a rolling one, all.
    open: u32,
    /// A bit for each alert that was given in this window.
    alerted: u8,
    /// Windows that are over, but have holds.
    earlier: Vec<Past>,
    /// What was spent in each step of a rolling window.
    steps: VecDeque<(u64, u64)>,
}

#[derive(Debug)]
struct Past {
    seq: u64,
    spent: u64,
    held: u64,
    open: u32,
}

impl Cell {
    pub(super) fn new(seq: u64) -> Self {
        Self { seq, ..Self::default() }
    }

    /// Goes on to the window `seq`.
    pub(super) fn roll(&mut self, window: &Kind, seq: u64, alerts: &[(u8, u64)]) {
        if self.seq == seq {
            return;
        }
        match window {
            Kind::Rolling(_) => self.step(seq, alerts),
            Kind::Calendar(_) | Kind::Lifetime => {
                if self.open > 0 {
                    let Self { seq, spent, held, open, .. } = *self;
                    self.earlier.push(Past { seq, spent, held, open });
                }
                (self.seq, self.spent, self.held, self.open, self.alerted) = (seq, 0, 0, 0, 0);
            }
        }
    }

    fn step(&mut self, seq: u64, alerts: &[(u8, u64)]) {
        self.seq = seq;
        while let Some((step, spent)) = self.steps.front()
            && *step < Rolling::first_counting(seq)
        {
            self.spent = self.spent.saturating_sub(*spent);
            self.steps.pop_front();
        }
        for (bit, _) in alerts.iter().enumerate().filter(|(_, (_, amount))| self.spent < *amount) {
            self.alerted &= !mask(bit);
        }
    }

    /// What is spent and held in the window `seq`, which is the current one or one with holds.
    pub(super) fn standing(&self, seq: u64) -> (u64, u64) {
        match self.earlier.iter().find(|past| past.seq == seq) {
            Some(past) => (past.spent, past.held),
            None => (self.spent, self.held),
        }
    }

    /// Holds more in the window `seq`, by a new hold or by one that is there.
    pub(super) fn hold(&mut self, seq: u64, amount: u64, new: bool) {
        let (held, open) = match self.earlier.iter_mut().find(|past| past.seq == seq) {
            Some(past) => (&mut past.held, &mut past.open),
            None => (&mut self.held, &mut self.open),
        };
        *held = held.saturating_add(amount);
        *open = open.saturating_add(u32::from(new));
    }

    /// Open holds of all windows.
    pub(super) fn holds(&self) -> u32 {
        self.earlier.iter().fold(self.open, |sum, past| sum.saturating_add(past.open))
    }

    /// Turns what a hold of the window `seq` held into what was spent.
    pub(super) fn settle(&mut self, window: &Kind, seq: u64, held: u64, spent: u64) {
        if let Some(place) = self.earlier.iter().position(|past| past.seq == seq) {
            if let Some(past) = self.earlier.get_mut(place) {
                past.held = past.held.saturating_sub(held);
                past.spent = past.spent.saturating_add(spent);
                past.open = past.open.saturating_sub(1);
            }
            self.earlier.retain(|past| past.open > 0);
            return;
        }
        self.held = self.held.saturating_sub(held);
        self.open = self.open.saturating_sub(1);
        match window {
            Kind::Rolling(_) => self.book_step(seq, spent),
            Kind::Calendar(_) | Kind::Lifetime => self.spent = self.spent.saturating_add(spent),
        }
    }

    fn book_step(&mut self, seq: u64, spent: u64) {
        if spent == 0 || seq < Rolling::first_counting(self.seq) {
            return;
        }
        self.spent = self.spent.saturating_add(spent);
        match self.steps.binary_search_by_key(&seq, |(step, _)| *step) {
            Ok(place) => {
                if let Some((_, sum)) = self.steps.get_mut(place) {
                    *sum = sum.saturating_add(spent);
                }
            }
            Err(place) => self.steps.insert(place, (seq, spent)),
        }
    }

    /// The alerts that are due now, each told once a window.
    pub(super) fn due_alerts(&mut self, window: &Kind, seq: u64, alerts: &[(u8, u64)]) -> Option<(u8, u64)> {
        // A rolling window has moved on when a slow call settles, and the call still counts in it.
        let other = self.seq != seq && !matches!(window, Kind::Rolling(_));
        if other || alerts.is_empty() {
            return None;
        }
        let mut due = None;
        for (bit, (percent, amount)) in alerts.iter().enumerate() {
            let mask = mask(bit);
            if self.spent >= *amount && self.alerted & mask == 0 {
                self.alerted |= mask;
                due = due.max(Some((*percent, self.spent)));
            }
        }
        due
    }

    /// Whether forgetting it forgets nothing: no holds, and nothing spent that still counts.
    pub(super) fn is_idle(&self, window: &Kind, seq: u64) -> bool {
        let over = match window {
            Kind::Lifetime => false,
            Kind::Calendar(_) => self.seq != seq,
            Kind::Rolling(_) => {
                self.steps.back().is_none_or(|(step, _)| *step < Rolling::first_counting(seq))
            }
        };
        self.holds() == 0 && (over || self.spent == 0)
    }

    /// The oldest step of a rolling window in which something was spent.
    pub(super) fn oldest_step(&self) -> Option<u64> {
        self.steps.front().map(|(step, _)| *step)
    }
}

/// The bit of an alert; a budget has at most eight.
fn mask(bit: usize) -> u8 {
    u32::try_from(bit).ok().and_then(|bit| 1_u8.checked_shl(bit)).unwrap_or(0)
}
