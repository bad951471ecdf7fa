//! Describes a [`Denylist`].

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Clock, ConfigError, ConfigProblems, Spawn, Timer};

use super::Denylist;
use super::log::DenialLog;
use super::sharing::{Sharing, State, WhenStale};
use crate::seams::Seams;

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
    seams: Seams,
    log: Option<Arc<dyn DenialLog>>,
    poll_every: Duration,
    max_staleness: Duration,
    when_stale: WhenStale,
}

impl DenylistBuilder {
    pub(super) fn new() -> Self {
        Self {
            keep: KEEP,
            capacity: CAPACITY,
            leeway: LEEWAY,
            seams: Seams::default(),
            log: None,
            poll_every: Duration::from_secs(1),
            max_staleness: Duration::from_secs(60),
            when_stale: WhenStale::default(),
        }
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

    /// Shares the list with other instances through this log. See the [module](super) for what happens without it.
    pub fn shared(mut self, log: Arc<dyn DenialLog>) -> Self {
        self.log = Some(log);
        self
    }

    /// How often a shared list asks what the others have denied. Default 1 s, from 100 ms to 1 min.
    pub fn poll_every(self, poll_every: Duration) -> Self {
        Self { poll_every, ..self }
    }

    /// How old what a shared list knows of the others may get. Default 60 s, from twice `poll_every` to 1 day.
    pub fn max_staleness(self, max_staleness: Duration) -> Self {
        Self { max_staleness, ..self }
    }

    /// What happens to tokens when it is older. Default [`WhenStale::Refuse`].
    pub fn when_stale(self, when_stale: WhenStale) -> Self {
        Self { when_stale, ..self }
    }

    /// Another timer, for a shared list.
    pub fn timer(mut self, timer: Arc<dyn Timer>) -> Self {
        self.seams.timer = Some(timer);
        self
    }

    /// Other background tasks, for a shared list.
    pub fn spawn(mut self, spawn: Arc<dyn Spawn>) -> Self {
        self.seams.spawn = Some(spawn);
        self
    }

    /// Another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.seams.clock = Some(clock);
        self
    }

    /// The list.
    ///
    /// # Errors
    /// All problems of the settings.
    pub fn build(mut self) -> Result<Denylist, ConfigError> {
        self.seams.fill_in();
        let mut problems = ConfigProblems::new();
        self.validate(&mut problems);
        problems.check()?;
        let clock =
            self.seams.clock.take().ok_or_else(|| ConfigError::one("denylist.clock", "", "give one"))?;
        let (keep, capacity, leeway) = (self.keep, self.capacity, self.leeway);
        Ok(Denylist::with(keep, capacity, leeway, clock, self.sharing()))
    }

    fn validate(&self, problems: &mut ConfigProblems) {
        if !(1..=30 * 86_400).contains(&self.keep.as_secs()) {
            problems.add("denylist.keep", format!("{:?}", self.keep), "choose between 1 s and 30 days");
        }
        if !(16..=1 << 24).contains(&self.capacity) {
            problems.add("denylist.capacity", self.capacity.to_string(), "choose between 16 and 16777216");
        }
        if self.leeway > Duration::from_secs(300) {
            problems.add("denylist.leeway", format!("{:?}", self.leeway), "at most 5 minutes");
        }
        let (poll, stale) = (self.poll_every, self.max_staleness);
        if !(100..=60_000).contains(&poll.as_millis()) {
            problems.add("denylist.poll-every", format!("{poll:?}"), "choose between 100 ms and 1 min");
        }
        if stale < poll.saturating_mul(2) || stale > Duration::from_secs(86_400) {
            let cure = "choose between twice denylist.poll-every and 1 day";
            problems.add("denylist.max-staleness", format!("{stale:?}"), cure);
        }
        let shares = self.log.is_some();
        for (name, is_missing) in [
            ("clock", self.seams.clock.is_none()),
            ("timer", shares && self.seams.timer.is_none()),
            ("spawn", shares && self.seams.spawn.is_none()),
        ] {
            if is_missing {
                problems.add(format!("denylist.{name}"), "", "give one, or enable the feature `system`");
            }
        }
    }

    fn sharing(self) -> Option<Sharing> {
        Some(Sharing {
            log: self.log?,
            timer: self.seams.timer?,
            spawn: self.seams.spawn?,
            every: self.poll_every,
            max_staleness: self.max_staleness,
            when_stale: self.when_stale,
            state: State::default(),
        })
    }
}
