//! Describes a [`Denylist`].

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Clock, ConfigError, ConfigProblems};

use super::Denylist;

/// The default of `max_token_lifetime`, and time for clocks that differ.
pub(super) const KEEP: Duration = Duration::from_secs(25 * 3_600);
pub(super) const CAPACITY: usize = 65_536;
/// As verifiers have it.
pub(super) const LEEWAY: Duration = Duration::from_secs(30);

/// Describes a [`Denylist`] piece by piece.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct DenylistBuilder {
    keep: Duration,
    capacity: usize,
    leeway: Duration,
    clock: Option<Arc<dyn Clock>>,
}

impl DenylistBuilder {
    pub(super) fn new() -> Self {
        Self { keep: KEEP, capacity: CAPACITY, leeway: LEEWAY, clock: None }
    }

    /// How long a denial is kept. It must outlast every token: a verifier whose `max_token_lifetime` and `leeway` are longer together
    /// is not built. Default 25 h, at most 30 days.
    pub fn keep(self, keep: Duration) -> Self {
        Self { keep, ..self }
    }

    /// How many denials there are at most; one takes some 50 bytes. Default 65,536, from 16 to 16,777,216.
    pub fn capacity(self, capacity: usize) -> Self {
        Self { capacity, ..self }
    }

    /// How far the issuer's clock may be ahead of ours: what is issued within this time after a denial that does not say
    /// [when](super::Denial::issued_until) is denied too. Default 30 s, at most 5 min; a verifier whose leeway is more is not built.
    pub fn leeway(self, leeway: Duration) -> Self {
        Self { leeway, ..self }
    }

    /// Another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The list.
    ///
    /// # Errors
    /// All problems of the settings.
    pub fn build(mut self) -> Result<Denylist, ConfigError> {
        #[cfg(feature = "system")]
        self.clock.get_or_insert_with(|| Arc::new(gambeson_core::SystemClock::new()));
        let mut problems = ConfigProblems::new();
        if !(1..=30 * 86_400).contains(&self.keep.as_secs()) {
            problems.add("denylist.keep", format!("{:?}", self.keep), "choose between 1 s and 30 days");
        }
        if !(16..=1 << 24).contains(&self.capacity) {
            problems.add("denylist.capacity", self.capacity.to_string(), "choose between 16 and 16777216");
        }
        if self.leeway > Duration::from_secs(300) {
            problems.add("denylist.leeway", format!("{:?}", self.leeway), "at most 5 minutes");
        }
        if self.clock.is_none() {
            problems.add("denylist.clock", "", "give one, or enable the feature `system`");
        }
        problems.check()?;
        let clock = self.clock.take().ok_or_else(|| ConfigError::one("denylist.clock", "", "give one"))?;
        Ok(Denylist::with(self.keep, self.capacity, self.leeway, clock))
    }
}
