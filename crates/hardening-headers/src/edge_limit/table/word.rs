//! The one atomic operation that the table needs, so that a model checker can stand in for it.

use std::sync::atomic::{AtomicU64, Ordering};

/// A 64-bit word that is read, and replaced if nobody else did so first.
///
/// Nothing else hangs on the word, so no ordering between words is asked for.
pub(in crate::edge_limit) trait Word {
    fn new(value: u64) -> Self;
    fn load(&self) -> u64;
    fn replace(&self, seen: u64, next: u64) -> bool;
}

impl Word for AtomicU64 {
    fn new(value: u64) -> Self {
        Self::new(value)
    }

    fn load(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }

    fn replace(&self, seen: u64, next: u64) -> bool {
        self.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
impl Word for loom::sync::atomic::AtomicU64 {
    fn new(value: u64) -> Self {
        Self::new(value)
    }

    fn load(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }

    fn replace(&self, seen: u64, next: u64) -> bool {
        self.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
