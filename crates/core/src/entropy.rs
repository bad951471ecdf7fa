//! Randomness through a seam.

use std::fmt;

use crate::sealed::Sealed;
use crate::word::plain_error;

/// Random bytes that can't be guessed. Sealed: the system's (feature `system`), or a fixed one for tests.
pub trait Entropy: Sealed + Send + Sync + fmt::Debug {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// The system had no randomness; whatever wanted it must fail closed.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// The system had no randomness to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntropyError;

plain_error!(EntropyError, |_error| "the system's random source failed");

#[cfg(feature = "test-util")]
mod fixed {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::{Entropy, EntropyError, Sealed};

    /// A counting sequence in place of randomness: the same in each test run. Never for anything real.
    #[derive(Debug, Default)]
    pub struct FixedEntropy {
        next: AtomicU64,
        asked: AtomicU64,
        fails: AtomicBool,
    }

    impl FixedEntropy {
        /// The sequence from this start.
        pub const fn starting_at(start: u64) -> Self {
            Self { next: AtomicU64::new(start), asked: AtomicU64::new(0), fails: AtomicBool::new(false) }
        }

        /// From now on fails, as a system without randomness does, or no longer. What was to be filled then holds zeros.
        pub fn fail(&self, fails: bool) {
            self.fails.store(fails, Ordering::Relaxed);
        }

        /// How often it was asked for bytes.
        pub fn asked(&self) -> u64 {
            self.asked.load(Ordering::Relaxed)
        }
    }

    impl Sealed for FixedEntropy {}

    impl Entropy for FixedEntropy {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            if self.fails.load(Ordering::Relaxed) {
                bytes.fill(0);
                return Err(EntropyError);
            }
            for chunk in bytes.chunks_mut(8) {
                let next = self.next.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
                let mixed = next.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
                chunk.iter_mut().zip(mixed).for_each(|(to, from)| *to = from);
            }
            Ok(())
        }
    }
}
#[cfg(feature = "test-util")]
pub use fixed::FixedEntropy;
