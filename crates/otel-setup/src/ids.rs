//! New trace and span ids.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use gambeson_core::Entropy;

/// Makes ids out of random bytes that were fetched in advance, so that a request costs no system call.
pub(crate) struct Ids {
    entropy: Arc<dyn Entropy>,
    pool: Mutex<Pool>,
}

struct Pool {
    bytes: [u8; 2_048],
    used: usize,
}

impl Ids {
    pub(crate) fn new(entropy: Arc<dyn Entropy>) -> Self {
        let pool = Pool { bytes: [0; 2_048], used: 2_048 };
        Self { entropy, pool: Mutex::new(pool) }
    }

    /// The id of a new span; `None` when the system has no randomness.
    pub(crate) fn span(&self) -> Option<[u8; 8]> {
        self.take()
    }

    /// The ids of a new trace and of its first span; `None` when the system has no randomness.
    pub(crate) fn trace_and_span(&self) -> Option<([u8; 16], [u8; 8])> {
        let random: [u8; 24] = self.take()?;
        let (trace, span) = random.split_at(16);
        Some((trace.try_into().ok()?, span.try_into().ok()?))
    }

    fn take<const N: usize>(&self) -> Option<[u8; N]> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.used + N > pool.bytes.len() {
            // Never hand out old bytes, even if filling fails half-way.
            pool.used = pool.bytes.len();
            self.entropy.fill(&mut pool.bytes).ok()?;
            pool.used = 0;
        }
        let taken = pool.bytes.get(pool.used..pool.used + N)?.try_into().ok()?;
        pool.used += N;
        Some(taken)
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ids").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ() {
        let ids = Ids::new(Arc::new(gambeson_core::FixedEntropy::starting_at(7)));
        let mut seen = std::collections::HashSet::new();
        assert!((0..500).all(|_| seen.insert(ids.trace_and_span().unwrap().1)));
        assert!((0..500).all(|_| seen.insert(ids.span().unwrap())));
    }
}
