//! What is known of callers that were here before: the keys of their names, and where their accounts are.
//!
//! It is found by [`Principal::id`], which no other principal of this process has or had, and the whole id is compared: callers
//! can't be mixed up. A slot holds one caller, the last that came by; whoever makes up a million callers makes others
//! slower by a hash, no more.
//!
//! [`Principal::id`]: gambeson_core::Principal::id

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use crate::ledger::HINTS;

/// Slots are made so many at a time.
const CHUNK: usize = 1_024;

/// 8 MB of slots at most.
const CHUNKS: usize = 128;

pub(crate) struct Memo {
    chunks: Box<[OnceLock<Box<[Slot]>>]>,
    /// How many slots are in use less one; a power of two less one.
    mask: AtomicUsize,
}

/// One cache line.
#[derive(Default)]
#[repr(align(64))]
struct Slot(Mutex<(u64, Known)>);

/// What is known of one caller.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Known {
    subject: [u64; 2],
    tenant: [u64; 2],
    pub(crate) hints: [u32; HINTS],
}

impl Known {
    pub(crate) fn new(subject: u128, tenant: Option<u128>) -> Self {
        Self { subject: halves(subject), tenant: halves(tenant.unwrap_or(0)), hints: [0; HINTS] }
    }

    pub(crate) fn with(self, hints: [u32; HINTS]) -> Self {
        Self { hints, ..self }
    }

    pub(crate) fn subject(&self) -> u128 {
        whole(self.subject)
    }

    pub(crate) fn tenant(&self) -> Option<u128> {
        Some(whole(self.tenant)).filter(|tenant| *tenant != 0)
    }
}

/// Two numbers, so that a slot is no larger than a cache line.
const fn halves(key: u128) -> [u64; 2] {
    [key as u64, (key >> 64) as u64]
}

const fn whole([low, high]: [u64; 2]) -> u128 {
    low as u128 | (high as u128) << 64
}

impl Memo {
    /// Looks at what is known of a caller; `None` too while another thread looks at the same slot.
    #[inline]
    pub(crate) fn with<T>(&self, id: u64, look: impl FnOnce(&Known) -> T) -> Option<T> {
        let place = self.place(id);
        let slot = self.chunks.get(place / CHUNK)?.get()?.get(place % CHUNK)?;
        let slot = slot.0.try_lock().ok()?;
        (slot.0 == id).then(|| look(&slot.1))
    }

    /// Remembers a caller, when this many are to be expected.
    pub(crate) fn set(&self, id: u64, known: Known, callers: usize) {
        let slots = callers.saturating_mul(2).clamp(CHUNK, CHUNK * CHUNKS).next_power_of_two();
        self.mask.fetch_max(slots - 1, Ordering::Relaxed);
        let place = self.place(id);
        let Some(chunk) = self.chunks.get(place / CHUNK) else { return };
        let chunk = chunk.get_or_init(|| (0..CHUNK).map(|_| Slot::default()).collect());
        if let Some(mut slot) = chunk.get(place % CHUNK).and_then(|slot| slot.0.try_lock().ok()) {
            *slot = (id, known);
        }
    }

    fn place(&self, id: u64) -> usize {
        // Ids are numbered in their order: callers of the same time meet in no slot.
        id as usize & self.mask.load(Ordering::Relaxed)
    }
}

impl Default for Memo {
    fn default() -> Self {
        Self { chunks: (0..CHUNKS).map(|_| OnceLock::new()).collect(), mask: AtomicUsize::new(CHUNK - 1) }
    }
}

impl std::fmt::Debug for Memo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memo")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_known_by_the_whole_id_only() {
        let memo = Memo::default();
        let get = |id| memo.with(id, |known| *known);
        assert!(get(5).is_none());
        memo.set(5, Known::new(1 << 100 | 7, Some(9)), 1);
        let known = get(5).unwrap();
        assert_eq!((known.subject(), known.tenant()), (1 << 100 | 7, Some(9)));
        // Another caller takes the slot; the first is not known any more, and neither is anybody else.
        memo.set(5 + CHUNK as u64, Known::new(3, None), 1);
        assert!(get(5).is_none() && get(5 + 2 * CHUNK as u64).is_none());
        assert_eq!(get(5 + CHUNK as u64).unwrap().tenant(), None);
        memo.set(6, Known::new(4, None), usize::MAX);
        assert_eq!(get(6).unwrap().subject(), 4);
        assert_eq!(size_of::<Slot>(), 64);
    }
}
