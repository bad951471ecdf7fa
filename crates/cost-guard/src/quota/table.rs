//! Who has used how much of a quota: a table of fixed capacity that forgets nobody who owes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::keys::BuildAsIs;

/// How many locks the scopes are spread over.
const SHARDS: usize = 16;

/// One number a scope, 0 for a new one.
#[derive(Debug)]
pub(super) struct Table {
    shards: Box<[Mutex<Shard>]>,
    overflow: Mutex<u64>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Shard {
    states: HashMap<u128, u64, BuildAsIs>,
    /// How many are to be refused room before it is worth looking for idle ones again.
    patience: usize,
}

/// What a change found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Changed<T> {
    pub(super) answer: T,
    /// Whether the scope found no room and was counted with others like it.
    pub(super) overflowed: bool,
}

impl Table {
    pub(super) fn new(keys: usize) -> Self {
        let shards = SHARDS.min(keys).max(1);
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            overflow: Mutex::new(0),
            capacity: keys / shards,
        }
    }

    /// Lets `change` turn the state of a scope into the next one. `idle` says of which states forgetting changes nothing.
    pub(super) fn change<T>(
        &self,
        key: u128,
        idle: impl Fn(u64) -> bool,
        change: impl FnOnce(&mut u64) -> T,
    ) -> Changed<T> {
        let place = usize::try_from((key >> 64) as u32).unwrap_or(0) % self.shards.len().max(1);
        if let Some(shard) = self.shards.get(place) {
            let mut shard = lock(shard);
            if let Some(state) = shard.states.get_mut(&key) {
                return Changed { answer: change(state), overflowed: false };
            }
            if shard.has_room(self.capacity, idle) {
                let answer = change(shard.states.entry(key).or_default());
                return Changed { answer, overflowed: false };
            }
        }
        Changed { answer: change(&mut lock(&self.overflow)), overflowed: true }
    }

    /// How many scopes are kept.
    pub(super) fn keys(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).states.len()).sum()
    }
}

impl Shard {
    fn has_room(&mut self, capacity: usize, idle: impl Fn(u64) -> bool) -> bool {
        if self.states.len() < capacity {
            return true;
        }
        if self.patience > 0 {
            self.patience -= 1;
            return false;
        }
        self.states.retain(|_, state| !idle(*state));
        // A look costs as much as the table is long: shared by that many refusals, each costs little.
        let found = self.states.len() < capacity;
        self.patience = if found { 0 } else { capacity / 8 };
        found
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
