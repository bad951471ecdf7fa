//! Short lists that need no allocation.

/// How many budgets a guard may have.
pub(crate) const MAX_BUDGETS: usize = 12;

/// How many budgets a caller's places are remembered for.
pub(crate) const HINTS: usize = 4;

/// Which budgets a scope spends from, and the key in each.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) tree: usize,
    pub(crate) caller: u128,
    /// Where the scopes of the first budgets were found the last time. A wrong one costs a look into the index, no more.
    pub(crate) hints: [u32; HINTS],
    /// Whether some were found elsewhere this time.
    pub(crate) moved: bool,
    budgets: [u8; MAX_BUDGETS],
    keys: [u128; MAX_BUDGETS],
    length: usize,
}

impl Plan {
    /// Adds a budget; one more than there is room for is not added, which the builder of a guard rules out.
    pub(crate) fn push(&mut self, budget: u8, key: u128) {
        if let (Some(slot), Some(place)) = (self.keys.get_mut(self.length), self.budgets.get_mut(self.length))
        {
            (*slot, *place) = (key, budget);
            self.length += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = (u8, u128)> + '_ {
        self.budgets.iter().copied().zip(self.keys.iter().copied()).take(self.length)
    }

    pub(super) fn hint(&self, budget: u8) -> Option<u32> {
        self.hints.get(usize::from(budget)).copied()
    }

    #[cold]
    pub(super) fn move_hint(&mut self, budget: u8, place: u32) {
        if let Some(hint) = self.hints.get_mut(usize::from(budget)) {
            (*hint, self.moved) = (place, true);
        }
    }
}

/// Where a hold is booked: a few entries in place, further ones in a box.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    pub(super) caller: u128,
    pub(super) tree: usize,
    first: [Entry; HINTS],
    more: Option<Box<[Entry; MAX_BUDGETS - HINTS]>>,
    length: usize,
}

/// One budget of a hold: the place stays good while the hold is open.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) place: u32,
    pub(super) budget: u8,
}

impl Entries {
    pub(super) fn of(plan: &Plan) -> Self {
        Self { tree: plan.tree, caller: plan.caller, ..Self::default() }
    }

    pub(super) fn push(&mut self, entry: Entry) {
        let slot = match self.length.checked_sub(HINTS) {
            None => self.first.get_mut(self.length),
            Some(place) => self.more.get_or_insert_default().get_mut(place),
        };
        if let Some(slot) = slot {
            *slot = entry;
            self.length += 1;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        let more = self.more.iter().flat_map(|more| more.iter());
        self.first.iter().chain(more).take(self.length).copied()
    }
}
