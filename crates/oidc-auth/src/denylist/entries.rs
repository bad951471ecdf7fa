//! The entries: bounded, in shards, each lock held for one look.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use gambeson_core::Timestamp;

use super::log::LoggedDenial;

const SHARDS: usize = 16;

#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// Tokens with an `iat` up to this second are denied.
    pub(super) issued_until: i64,
    /// From then on no token is left that it could meet.
    pub(super) keep_until: Timestamp,
}

type Shard = RwLock<HashMap<[u8; 16], Entry>>;

pub(super) struct Entries {
    per_shard: usize,
    shards: [Shard; SHARDS],
}

impl Entries {
    pub(super) fn new(capacity: usize) -> Self {
        Self { per_shard: capacity.div_ceil(SHARDS), shards: Default::default() }
    }

    /// `false` when there is no room, even after those that are over have gone.
    pub(super) fn insert(&self, name: [u8; 16], entry: Entry, now: Timestamp) -> bool {
        let Some(lock) = self.shard(&name) else { return false };
        let mut shard = lock.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = shard.get_mut(&name) {
            there.issued_until = there.issued_until.max(entry.issued_until);
            there.keep_until = there.keep_until.max(entry.keep_until);
            return true;
        }
        if shard.len() >= self.per_shard {
            shard.retain(|_, entry| now < entry.keep_until);
        }
        let room = shard.len() < self.per_shard;
        if room {
            shard.insert(name, entry);
        }
        room
    }

    /// Denials that are over still answer while they are there: they meet no token that lives.
    pub(super) fn issued_until(&self, name: &[u8; 16]) -> Option<i64> {
        let shard = self.shard(name)?.read().unwrap_or_else(PoisonError::into_inner);
        shard.get(name).map(|entry| entry.issued_until)
    }

    /// Those that still count, as others have to hear of them.
    pub(super) fn all(&self, now: Timestamp) -> Vec<LoggedDenial> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            let live = shard.iter().filter(|(_, entry)| now < entry.keep_until);
            all.extend(live.map(|(name, entry)| {
                LoggedDenial::new(*name, entry.issued_until, entry.keep_until.since(now))
            }));
        }
        all
    }

    pub(super) fn len(&self) -> usize {
        let count = |shard: &Shard| shard.read().unwrap_or_else(PoisonError::into_inner).len();
        self.shards.iter().map(count).sum()
    }

    fn shard(&self, name: &[u8; 16]) -> Option<&Shard> {
        let last = name.last().copied().unwrap_or_default();
        self.shards.get(usize::from(last) % SHARDS)
    }
}
