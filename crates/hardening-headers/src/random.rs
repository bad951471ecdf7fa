//! Random bytes for ids and nonces, without a system call each.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gambeson_core::{Entropy, EntropyError};

const SHARDS: usize = 8;
const BUFFER: usize = 1024;

thread_local! {
    static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
}
static NEXT_SHARD: AtomicUsize = AtomicUsize::new(0);

/// Bytes from an [`Entropy`] source, fetched a kilobyte at a time; each byte is given out once and wiped.
pub(crate) struct RandomPool {
    source: Arc<dyn Entropy>,
    shards: [Mutex<Shard>; SHARDS],
}

struct Shard {
    bytes: [u8; BUFFER],
    left: usize,
}

impl RandomPool {
    /// An empty pool over this source.
    pub(crate) fn new(source: Arc<dyn Entropy>) -> Self {
        let shard = || Mutex::new(Shard { bytes: [0; BUFFER], left: 0 });
        Self { source, shards: std::array::from_fn(|_| shard()) }
    }

    /// Where the bytes come from.
    pub(crate) fn source(&self) -> Arc<dyn Entropy> {
        Arc::clone(&self.source)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// The source failed while the pool was empty.
    pub(crate) fn take<const N: usize>(&self) -> Result<[u8; N], EntropyError> {
        let Some(shard) = self.shards.get(shard_of_thread()) else { return self.fresh() };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if shard.left < N {
            // What a source that fails leaves behind is not random.
            shard.left = 0;
            self.source.fill(&mut shard.bytes)?;
            shard.left = BUFFER;
        }
        // From the end, so that what is left is always the beginning.
        let left = shard.left;
        let Some(given) = shard.bytes.get_mut(..left).and_then(<[u8]>::last_chunk_mut) else {
            return self.fresh();
        };
        let bytes = std::mem::replace(given, [0; N]);
        shard.left = left.saturating_sub(N);
        Ok(bytes)
    }

    /// Bytes that were never in the pool.
    fn fresh<const N: usize>(&self) -> Result<[u8; N], EntropyError> {
        let mut bytes = [0; N];
        self.source.fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// Threads spread over the shards, so that they seldom wait for each other.
fn shard_of_thread() -> usize {
    SHARD.with(|shard| {
        if shard.get() == usize::MAX {
            shard.set(NEXT_SHARD.fetch_add(1, Ordering::Relaxed) % SHARDS);
        }
        shard.get()
    })
}

impl fmt::Debug for RandomPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RandomPool").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gambeson_core::FixedEntropy;

    #[test]
    fn no_bytes_are_given_out_twice() {
        let pool = RandomPool::new(Arc::new(FixedEntropy::default()));
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1000 {
            assert!(seen.insert(pool.take::<16>().unwrap()));
        }
    }

    /// A source that fails may leave anything behind, zeros for example: that is no randomness for who asks next for less.
    #[test]
    fn what_a_failed_source_leaves_is_given_to_nobody() {
        let source = Arc::new(FixedEntropy::default());
        let pool = RandomPool::new(Arc::<FixedEntropy>::clone(&source));
        // Of the 1024 bytes 16 are left.
        for _ in 0..56 {
            pool.take::<18>().unwrap();
        }
        source.fail(true);
        pool.take::<18>().unwrap_err();
        pool.take::<4>().unwrap_err();
        source.fail(false);
        assert_ne!(pool.take::<4>().unwrap(), [0; 4]);
    }

    #[test]
    fn what_was_given_out_is_wiped() {
        let pool = RandomPool::new(Arc::new(FixedEntropy::default()));
        let given = pool.take::<16>().unwrap();
        assert_ne!(given, [0; 16]);
        let shard = pool.shards[shard_of_thread()].lock().unwrap();
        assert_eq!(shard.bytes[shard.left..], [0; 16]);
    }
}
