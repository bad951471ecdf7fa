//! Rate limits of many keys in a fixed piece of memory.

#[cfg(test)]
mod tests;
mod word;

use gambeson_core::{Gcra, GcraDecision};

use super::rate::UNIT_BITS;
use word::Word;

/// Entries of a set: a key is kept in one of them or not at all.
const WAYS: usize = 4;
/// Bits of an entry that hold the theoretical arrival time; the rest are the key's tag.
const TIME_BITS: u32 = 48;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;
/// Lost races on one entry before a request is counted in the overflow bucket instead.
const TRIES: usize = 64;

type Atomic = std::sync::atomic::AtomicU64;

/// A 4-way set-associative table of rate-limit states, and one state that all share who find no room.
///
/// An entry whose time is past is idle: it says no more than an empty one, and can be given away. An entry whose time is
/// still to come is a debt, and is never given away.
pub(super) struct Table<W = Atomic> {
    sets: Box<[[W; WAYS]]>,
    mask: u64,
    overflow: W,
}

/// What the table says about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) decision: GcraDecision,
    /// Whether the key found no room and was counted with the others that found none.
    pub(super) overflowed: bool,
}

/// The entry of a key: its own, or an idle one that it may take over.
struct Slot<'a, W> {
    word: &'a W,
    seen: u64,
    state: u64,
}

impl<W: Word> Table<W> {
    /// A table of at most the power of two that holds `bytes`.
    pub(super) fn new(bytes: usize) -> Self {
        let sets = (bytes / (WAYS * size_of::<u64>())).max(1).next_power_of_two();
        let sets: Box<[_]> = (0..sets).map(|_| std::array::from_fn(|_| W::new(0))).collect();
        let mask = u64::try_from(sets.len()).unwrap_or(1).saturating_sub(1);
        Self { sets, mask, overflow: W::new(0) }
    }

    /// The memory that the entries take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.sets)
    }

    /// Takes `cost` units for the key of this hash at `now` nanoseconds.
    pub(super) fn take(&self, hash: u64, now: u64, gcra: &Gcra, cost: u32) -> Taken {
        let now = floor(now);
        let (decision, overflowed) = self.update(hash, now, |state| {
            let decision = gcra.decide(state, now, cost);
            let next = match decision {
                GcraDecision::Allowed { state, .. } => Some(state),
                _ => None,
            };
            (next, decision)
        });
        Taken { decision, overflowed }
    }

    /// Charges the key of this hash without asking whether it fits; says whether it found no room.
    pub(super) fn charge(&self, hash: u64, now: u64, gcra: &Gcra, cost: u32) -> bool {
        let now = floor(now);
        self.update(hash, now, |state| (Some(gcra.charge(state, now, cost)), ())).1
    }

    /// Lets `change` turn the key's state into the next one and an answer; `None` leaves it as it is.
    fn update<T>(&self, hash: u64, now: u64, change: impl Fn(u64) -> (Option<u64>, T)) -> (T, bool) {
        let tag = hash >> TIME_BITS;
        for _ in 0..TRIES {
            let Some(slot) = self.slot(hash, tag, now) else { break };
            let (next, answer) = change(slot.state);
            match next {
                Some(next) if !slot.word.replace(slot.seen, pack(tag, next)) => {}
                _ => return (answer, false),
            }
        }
        loop {
            let seen = self.overflow.load();
            let (next, answer) = change(unpack(seen));
            match next {
                Some(next) if !self.overflow.replace(seen, pack(0, next)) => {}
                _ => return (answer, true),
            }
        }
    }

    /// The entry of the tag in the hash's set, else the entry that has been idle longest; `None` when all hold debts.
    fn slot(&self, hash: u64, tag: u64, now: u64) -> Option<Slot<'_, W>> {
        let set = self.sets.get(usize::try_from(hash & self.mask).ok()?)?;
        let mut idle: Option<Slot<'_, W>> = None;
        for word in set {
            let seen = word.load();
            let state = unpack(seen);
            if seen >> TIME_BITS == tag && seen != 0 {
                return Some(Slot { word, seen, state });
            }
            if state <= now && idle.as_ref().is_none_or(|best| state < best.state) {
                idle = Some(Slot { word, seen, state });
            }
        }
        idle
    }
}

/// `now` in whole units of the table.
fn floor(nanos: u64) -> u64 {
    nanos >> UNIT_BITS << UNIT_BITS
}

fn pack(tag: u64, nanos: u64) -> u64 {
    tag << TIME_BITS | (nanos >> UNIT_BITS).min(TIME_MASK)
}

fn unpack(word: u64) -> u64 {
    (word & TIME_MASK) << UNIT_BITS
}

impl<W: Word> std::fmt::Debug for Table<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}
