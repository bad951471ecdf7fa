//! A table that only grows, up to a cap, and is read without a lock; only a new entry takes one.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Write-once entries, found by hash and open addressing. An entry never moves and never goes.
pub(crate) struct OnceTable<T> {
    slots: Box<[OnceLock<Box<T>>]>,
    taken: AtomicUsize,
    inserting: Mutex<()>,
    most: usize,
    seed: u64,
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
            seed: RandomState::new().hash_one(0),
        }
    }

    /// The entry that `is` names, made when it is new; `None` when it is new and the table is full.
    pub(crate) fn get_or_insert(
        &self,
        key: &impl Hash,
        is: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
    ) -> Option<&T> {
        let mut mixer = Mixer(self.seed);
        key.hash(&mut mixer);
        let start = usize::try_from(mixer.finish() & 0xffff_ffff).unwrap_or(0);
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

/// A short keyed hash: a request must not pay for more. Who finds collisions nevertheless makes a search as long as the table,
/// which is capped, and no longer.
struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, word: u64) {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        self.0 = (self.0 ^ word).wrapping_mul(ODD).rotate_left(29);
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.mix(u64::from_le_bytes(*word)));
        if rest.is_empty() {
            return;
        }
        // The last eight bytes again in part: dearer to take apart than to mix twice.
        let last = bytes.last_chunk().map(|word| u64::from_le_bytes(*word));
        self.mix(last.unwrap_or_else(|| rest.iter().fold(1, |word, byte| word << 8 | u64::from(*byte))));
    }

    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.mix(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.mix(value as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
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
