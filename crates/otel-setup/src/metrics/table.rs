//! A table that only grows, up to a cap, and is read without a lock; only a new entry takes one.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Write-once entries, found by hash and open addressing. An entry never moves and never goes.
pub(crate) struct OnceTable<T> {
    slots: Box<[OnceLock<Box<T>>]>,
    taken: AtomicUsize,
    inserting: Mutex<()>,
    most: usize,
    hasher: RandomState,
}

impl<T> OnceTable<T> {
    /// A table of at most `most` entries.
    pub(crate) fn new(most: usize) -> Self {
        let slots = (2 * most.max(1)).next_power_of_two();
        Self {
            slots: (0..slots).map(|_| OnceLock::new()).collect(),
            taken: AtomicUsize::new(0),
            inserting: Mutex::new(()),
            most,
            hasher: RandomState::new(),
        }
    }

    /// The entry that `is` names, made when it is new; `None` when it is new and the table is full.
    pub(crate) fn get_or_insert(
        &self,
        key: &impl Hash,
        is: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
    ) -> Option<&T> {
        let start = usize::try_from(self.hasher.hash_one(key) & 0xffff_ffff).unwrap_or(0);
        // Asked before the search: when it was full by then, the search saw all entries there will ever be.
        let full = self.taken.load(Ordering::Acquire) >= self.most;
        match self.find(start, &is) {
            Ok(found) => return Some(found),
            Err(_) if full => return None,
            Err(_) => {}
        }
        let _one_at_a_time = self.inserting.lock().unwrap_or_else(PoisonError::into_inner);
        match self.find(start, &is) {
            Ok(found) => Some(found),
            Err(free) => {
                let taken = self.taken.load(Ordering::Relaxed);
                let slot = free.filter(|_| taken < self.most)?;
                let entry = slot.get_or_init(|| Box::new(make()));
                self.taken.store(taken + 1, Ordering::Release);
                Some(entry)
            }
        }
    }

    /// The entry, or the slot that it would go to.
    fn find(&self, start: usize, is: &impl Fn(&T) -> bool) -> Result<&T, Option<&OnceLock<Box<T>>>> {
        for step in 0..self.slots.len() {
            let Some(slot) = self.slots.get((start + step) & (self.slots.len() - 1)) else { break };
            match slot.get() {
                Some(found) if is(found) => return Ok(found),
                Some(_) => {}
                None => return Err(Some(slot)),
            }
        }
        Err(None)
    }

    /// All entries, in no particular order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|slot| slot.get().map(|entry| &**entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stay_and_the_cap_holds() {
        let table = OnceTable::new(3);
        for number in 0..10_u32 {
            let found = table.get_or_insert(&number, |entry| *entry == number, || number).copied();
            assert_eq!(found, (number < 3).then_some(number));
        }
        assert_eq!(table.get_or_insert(&2_u32, |entry| *entry == 2, || unreachable!()), Some(&2));
        assert_eq!(table.entries().count(), 3);
    }

    #[test]
    fn threads_agree_on_one_entry() {
        for _ in 0..200 {
            one_round();
        }
    }

    /// As many entries as the table takes, so that a place taken twice for one entry would be missed by another.
    fn one_round() {
        let table = OnceTable::new(64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..64_u32 {
                        table.get_or_insert(&number, |entry| *entry == number, || number).unwrap();
                    }
                });
            }
        });
        let mut all: Vec<u32> = table.entries().copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..64).collect::<Vec<_>>());
    }
}
