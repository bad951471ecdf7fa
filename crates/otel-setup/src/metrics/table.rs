//! A table that only grows, up to a cap, and is read without a lock.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Write-once entries, found by hash and open addressing. An entry never moves and never goes.
pub(crate) struct OnceTable<T> {
    slots: Box<[OnceLock<Box<T>>]>,
    taken: AtomicUsize,
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
        let mut new: Option<Box<T>> = None;
        let mut make = Some(make);
        for step in 0..self.slots.len() {
            let slot = self.slots.get((start + step) & (self.slots.len() - 1))?;
            if let Some(found) = slot.get() {
                if is(found) {
                    self.give_back(new.is_some());
                    return Some(found);
                }
                continue;
            }
            if new.is_none() {
                new = Some(Box::new(self.reserve().then_some(make.take()?)?()));
            }
            match slot.set(new.take()?) {
                Ok(()) => return slot.get().map(|entry| &**entry),
                Err(mine) => new = Some(mine),
            }
            // Another thread was faster: it may have put the same entry here.
            if let Some(found) = slot.get().filter(|found| is(found)) {
                self.give_back(true);
                return Some(found);
            }
        }
        self.give_back(new.is_some());
        None
    }

    /// All entries, in no particular order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|slot| slot.get().map(|entry| &**entry))
    }

    fn reserve(&self) -> bool {
        let more = |taken| (taken < self.most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give_back(&self, reserved: bool) {
        if reserved {
            self.taken.fetch_sub(1, Ordering::Relaxed);
        }
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
