//! Short lists that need no allocation.

/// How many budgets a guard may have.
pub(crate) const MAX_BUDGETS: usize = 12;

/// At most [`MAX_BUDGETS`] things.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Short<T> {
    items: [T; MAX_BUDGETS],
    length: usize,
}

impl<T: Copy> Short<T> {
    /// Adds it; one more than there is room for is not added, which the builder of a guard rules out.
    pub(crate) fn push(&mut self, item: T) {
        if let Some(slot) = self.items.get_mut(self.length) {
            *slot = item;
            self.length += 1;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.items.iter().take(self.length).copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }
}

/// Which budgets a scope spends from, by place and key.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Plan {
    pub(crate) tree: usize,
    pub(crate) caller: u128,
    pub(crate) keys: Short<(u8, u128)>,
}

/// Where a hold is booked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Entries {
    pub(super) tree: usize,
    pub(super) caller: u128,
    pub(super) items: Short<Entry>,
}

/// One budget of a hold: the place stays good while the hold is open.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) place: u32,
    pub(super) budget: u8,
}
