//! Violations in a table of fixed size.

use super::violation::Violation;

/// At most so many violations, each once. Rooms are few, so looking through them all costs little.
#[derive(Debug)]
pub(super) struct Table {
    entries: Vec<Violation>,
    most: usize,
}

/// What became of a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noted {
    /// It is there already.
    Again,
    /// It is new.
    New,
    /// It is new, and took the place of another.
    InPlace,
}

impl Table {
    pub(super) fn new(most: usize) -> Self {
        Self { entries: Vec::new(), most: most.max(1) }
    }

    /// Counts it where it is known. Where there is no room it takes the place of what was reported least often, and of that
    /// the one that was not reported for longest: what many browsers report stays.
    pub(super) fn note(&mut self, violation: Violation) -> Noted {
        if let Some(known) = self.entries.iter_mut().find(|known| known.is_like(&violation)) {
            known.count = known.count.saturating_add(violation.count);
            known.last = known.last.max(violation.last);
            if known.sample.is_none() {
                known.sample = violation.sample;
            }
            return Noted::Again;
        }
        if self.entries.len() < self.most {
            self.entries.push(violation);
            return Noted::New;
        }
        if let Some(least) = self.entries.iter_mut().min_by_key(|known| (known.count, known.last)) {
            *least = violation;
        }
        Noted::InPlace
    }

    pub(super) fn entries(&self) -> &[Violation] {
        &self.entries
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}
