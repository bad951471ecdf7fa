//! What one scope of one budget has spent and holds.

use std::collections::VecDeque;

use crate::window::{Kind, Rolling};

/// One scope of one budget, in one cache line. Amounts are nano-units.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Cell {
    /// Whose it is; 0: nobody's.
    key: u128,
    /// The window that `spent` is of: the start of a calendar window, the step of a rolling one, 0 for good.
    seq: u64,
    spent: u64,
    held: u64,
    past: Option<Box<Pasts>>,
    /// Open holds of this window; of a rolling one, all.
    open: u32,
    /// A bit for each alert that was given in this window.
    alerted: u8,
}

/// What most scopes of a calendar have nothing of.
#[derive(Debug, Default)]
struct Pasts {
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

/// Out of line: most scopes have none.
impl Pasts {
    #[cold]
    fn of(&self, seq: u64) -> Option<&Past> {
        self.earlier.iter().find(|past| past.seq == seq)
    }

    #[cold]
    fn of_mut(&mut self, seq: u64) -> Option<&mut Past> {
        self.earlier.iter_mut().find(|past| past.seq == seq)
    }

    #[cold]
    fn open(&self, current: u32) -> u32 {
        self.earlier.iter().fold(current, |sum, past| sum.saturating_add(past.open))
    }
}

impl Cell {
    pub(super) fn new(key: u128, seq: u64) -> Self {
        Self { key, seq, ..Self::default() }
    }

    #[inline]
    pub(super) fn is_of(&self, key: u128) -> bool {
        self.key == key
    }

    fn past(&mut self) -> &mut Pasts {
        self.past.get_or_insert_default()
    }

    /// Goes on to the window `seq`.
    #[inline]
    pub(super) fn roll(&mut self, window: &Kind, seq: u64, alerts: &[(u8, u64)]) {
        if self.seq != seq {
            self.roll_on(window, seq, alerts);
        }
    }

    #[cold]
    fn roll_on(&mut self, window: &Kind, seq: u64, alerts: &[(u8, u64)]) {
        match window {
            Kind::Rolling(_) => self.step(seq, alerts),
            Kind::Calendar(_) | Kind::Lifetime => {
                if self.open > 0 {
                    let Self { seq, spent, held, open, .. } = *self;
                    self.past().earlier.push(Past { seq, spent, held, open });
                }
                (self.seq, self.spent, self.held, self.open, self.alerted) = (seq, 0, 0, 0, 0);
            }
        }
    }

    fn step(&mut self, seq: u64, alerts: &[(u8, u64)]) {
        self.seq = seq;
        if let Some(past) = &mut self.past {
            while let Some((step, spent)) = past.steps.front()
                && *step < Rolling::first_counting(seq)
            {
                self.spent = self.spent.saturating_sub(*spent);
                past.steps.pop_front();
            }
        }
        for (bit, _) in alerts.iter().enumerate().filter(|(_, (_, amount))| self.spent < *amount) {
            self.alerted &= !mask(bit);
        }
    }

    /// What is spent and held in the window `seq`, which is the current one or one with holds.
    #[inline]
    pub(super) fn standing(&self, seq: u64) -> (u64, u64) {
        let past = self.past.as_ref().and_then(|past| past.of(seq));
        past.map_or((self.spent, self.held), |past| (past.spent, past.held))
    }

    /// Holds more in the window `seq`, by a new hold or by one that is there.
    #[inline]
    pub(super) fn hold(&mut self, seq: u64, amount: u64, new: bool) {
        let past = self.past.as_mut().and_then(|past| past.of_mut(seq));
        let (held, open) = match past {
            Some(past) => (&mut past.held, &mut past.open),
            None => (&mut self.held, &mut self.open),
        };
        *held = held.saturating_add(amount);
        *open = open.saturating_add(u32::from(new));
    }

    /// Open holds of all windows.
    #[inline]
    pub(super) fn holds(&self) -> u32 {
        self.past.as_ref().map_or(self.open, |past| past.open(self.open))
    }

    /// Turns what a hold of the window `seq` held into what was spent.
    #[inline]
    pub(super) fn settle(&mut self, window: &Kind, seq: u64, held: u64, spent: u64) {
        if self.past.is_some() && self.settle_earlier(seq, held, spent) {
            return;
        }
        self.held = self.held.saturating_sub(held);
        self.open = self.open.saturating_sub(1);
        match window {
            Kind::Rolling(_) => self.book_step(seq, spent),
            Kind::Calendar(_) | Kind::Lifetime => self.spent = self.spent.saturating_add(spent),
        }
    }

    /// Whether it was a window that is over.
    fn settle_earlier(&mut self, seq: u64, held: u64, spent: u64) -> bool {
        let Some(past) = self.past.as_mut().and_then(|past| past.of_mut(seq)) else { return false };
        past.held = past.held.saturating_sub(held);
        past.spent = past.spent.saturating_add(spent);
        past.open = past.open.saturating_sub(1);
        let pasts = self.past();
        pasts.earlier.retain(|past| past.open > 0);
        if pasts.earlier.is_empty() && pasts.steps.is_empty() {
            self.past = None;
        }
        true
    }

    fn book_step(&mut self, seq: u64, spent: u64) {
        if spent == 0 || seq < Rolling::first_counting(self.seq) {
            return;
        }
        self.spent = self.spent.saturating_add(spent);
        let steps = &mut self.past().steps;
        match steps.binary_search_by_key(&seq, |(step, _)| *step) {
            Ok(place) => {
                if let Some((_, sum)) = steps.get_mut(place) {
                    *sum = sum.saturating_add(spent);
                }
            }
            Err(place) => steps.insert(place, (seq, spent)),
        }
    }

    /// The alerts that are due now, each told once a window.
    #[inline]
    pub(super) fn due_alerts(&mut self, window: &Kind, seq: u64, alerts: &[(u8, u64)]) -> Option<(u8, u64)> {
        if alerts.is_empty() {
            return None;
        }
        // A rolling window has moved on when a slow call settles, and the call still counts in it.
        if self.seq != seq && !matches!(window, Kind::Rolling(_)) {
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
            Kind::Rolling(_) => self
                .past
                .as_ref()
                .and_then(|past| past.steps.back())
                .is_none_or(|(step, _)| *step < Rolling::first_counting(seq)),
        };
        self.holds() == 0 && (over || self.spent == 0)
    }

    /// The oldest step of a rolling window in which something was spent.
    pub(super) fn oldest_step(&self) -> Option<u64> {
        self.past.as_ref()?.steps.front().map(|(step, _)| *step)
    }
}

/// The bit of an alert; a budget has at most eight.
fn mask(bit: usize) -> u8 {
    u32::try_from(bit).ok().and_then(|bit| 1_u8.checked_shl(bit)).unwrap_or(0)
}
