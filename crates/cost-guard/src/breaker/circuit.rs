//! The state of a breaker.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gambeson_core::{Clock, Monotonic};

use super::policy::BreakerPolicy;
use super::telemetry;

/// A circuit breaker's state: to look at, to open and to close by hand. Clones share it.
#[derive(Clone)]
pub struct CircuitBreaker(pub(super) Arc<Circuit>);

/// What a circuit breaker does at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakerState {
    /// Calls go through.
    Closed,
    /// Calls are refused, for so long at least.
    Open {
        /// How long until a probe may go through.
        remaining: Duration,
    },
    /// A few calls go through, to see whether it works again.
    HalfOpen,
}

impl CircuitBreaker {
    /// What it does now.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.0.state()
    }

    /// Opens it for so long (at most [`BreakerPolicy::open_at_most`]): for what only the app, or another layer, knows.
    pub fn trip(&self, time: Duration) {
        let now = self.0.clock.monotonic();
        self.0.lock().open(&self.0, now, time, "tripped");
    }

    /// Closes it.
    pub fn reset(&self) {
        self.0.lock().close(&self.0);
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker").field("name", &self.0.name).field("state", &self.state()).finish()
    }
}

pub(super) struct Circuit {
    pub(super) name: Box<str>,
    pub(super) policy: BreakerPolicy,
    pub(super) clock: Arc<dyn Clock>,
    /// The era, and below it [`CLEAN`] and [`CLOSED`]: all that the calls of a closed breaker look at while none fails.
    word: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    phase: Phase,
    /// Counts the changes of phase: a call is judged only in the phase that it began in.
    era: Era,
    in_a_row: u32,
    /// The last calls, newest in the lowest bit; a set bit is a failure.
    calls: u64,
    counted: u32,
    /// Openings since it was last closed.
    openings: u32,
    /// When the probes under way began; at most as many as the policy allows.
    probes: Vec<(u64, Monotonic)>,
    next_probe: u64,
    successes: u32,
}

#[derive(Debug, Clone, Copy, Default)]
enum Phase {
    #[default]
    Closed,
    Open {
        until: Monotonic,
    },
    HalfOpen,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Good,
    Bad {
        retry_after: Option<Duration>,
    },
    /// The provider won't answer before its own budget is filled.
    Spent {
        retry_after: Option<Duration>,
    },
    /// Nobody knows.
    Unknown,
}

type Era = u64;

/// Calls go through.
const CLOSED: u64 = 1;

/// It is closed and no call that counts has failed: one more good one changes nothing.
const CLEAN: u64 = 2;

const fn era_of(word: u64) -> Era {
    word >> 2
}

/// The era of calls that are only watched: they are judged in none.
const NEVER: Era = Era::MAX;

/// Leave to make one call. Dropping it without an outcome counts nothing and gives a probe's place back.
pub(super) struct Permit {
    circuit: Arc<Circuit>,
    era: Era,
    probe: Option<u64>,
    began: Option<Monotonic>,
}

impl Circuit {
    pub(super) fn new(name: &str, policy: BreakerPolicy, clock: Arc<dyn Clock>) -> Self {
        Self { name: name.into(), policy, clock, word: AtomicU64::new(CLOSED), inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> BreakerState {
        match self.lock().phase {
            Phase::Closed => BreakerState::Closed,
            Phase::HalfOpen => BreakerState::HalfOpen,
            Phase::Open { until } => match until.since(self.clock.monotonic()) {
                Duration::ZERO => BreakerState::HalfOpen,
                remaining => BreakerState::Open { remaining },
            },
        }
    }

    /// Leave to call, or how long to wait.
    pub(super) fn admit(self: &Arc<Self>) -> Result<Permit, Duration> {
        let began = || self.policy.slow_after.map(|_| self.clock.monotonic());
        let word = self.word.load(Ordering::Acquire);
        if word & CLOSED != 0 {
            let era = era_of(word);
            return Ok(Permit { circuit: Arc::clone(self), era, probe: None, began: began() });
        }
        let now = self.clock.monotonic();
        let mut inner = self.lock();
        match inner.admit(self, now) {
            Ok(probe) => {
                let era = inner.era;
                drop(inner);
                Ok(Permit { circuit: Arc::clone(self), era, probe, began: Some(now) })
            }
            Err(wait) => {
                drop(inner);
                self.observed(wait)
            }
        }
    }

    fn observed(self: &Arc<Self>, wait: Duration) -> Result<Permit, Duration> {
        if self.policy.mode.enforces(self.clock.now()) {
            return Err(wait);
        }
        telemetry::observed(&self.name);
        Ok(Permit { circuit: Arc::clone(self), era: NEVER, probe: None, began: None })
    }
}

impl Inner {
    /// `Ok(None)`: closed; `Ok(Some)`: a probe.
    fn admit(&mut self, circuit: &Circuit, now: Monotonic) -> Result<Option<u64>, Duration> {
        if let Phase::Open { until } = self.phase {
            let wait = until.since(now);
            if !wait.is_zero() {
                return Err(wait);
            }
            self.change(circuit, Phase::HalfOpen);
            telemetry::half_open(&circuit.name);
        }
        if let Phase::Closed = self.phase {
            return Ok(None);
        }
        let deadline = circuit.policy.probe_deadline;
        if self.probes.iter().any(|(_, began)| now.since(*began) >= deadline) {
            let time = self.backed_off(&circuit.policy);
            self.open(circuit, now, time, "a probe took too long");
            return Err(time);
        }
        if self.probes.len() >= circuit.policy.probes as usize {
            return Err(Duration::from_secs(1));
        }
        let probe = self.next_probe;
        self.next_probe += 1;
        self.probes.push((probe, now));
        Ok(Some(probe))
    }

    fn change(&mut self, circuit: &Circuit, phase: Phase) {
        self.phase = phase;
        self.era += 1;
        (self.in_a_row, self.calls, self.counted, self.successes) = (0, 0, 0, 0);
        self.probes.clear();
        self.publish(circuit);
    }

    fn publish(&self, circuit: &Circuit) {
        let bits = match self.phase {
            Phase::Closed if self.is_clean(&circuit.policy) => CLOSED | CLEAN,
            Phase::Closed => CLOSED,
            Phase::Open { .. } | Phase::HalfOpen => 0,
        };
        circuit.word.store(self.era << 2 | bits, Ordering::Release);
    }

    fn is_clean(&self, policy: &BreakerPolicy) -> bool {
        self.in_a_row == 0 && self.counted >= policy.window && self.calls & mask(policy) == 0
    }

    fn open(&mut self, circuit: &Circuit, now: Monotonic, time: Duration, why: &'static str) {
        let time = time.min(circuit.policy.open_at_most);
        self.openings = self.openings.saturating_add(1);
        self.change(circuit, Phase::Open { until: now.plus(time) });
        telemetry::opened(&circuit.name, why, time);
    }

    fn close(&mut self, circuit: &Circuit) {
        self.openings = 0;
        self.change(circuit, Phase::Closed);
        telemetry::closed(&circuit.name);
    }

    /// How long the next opening lasts: twice as long as the one before.
    fn backed_off(&self, policy: &BreakerPolicy) -> Duration {
        let factor = 1_u32.checked_shl(self.openings.min(16)).unwrap_or(1);
        policy.open_for.saturating_mul(factor).min(policy.open_at_most)
    }

    fn settle(&mut self, circuit: &Circuit, probe: Option<u64>, outcome: Outcome) {
        if let Some(probe) = probe {
            self.probes.retain(|(other, _)| *other != probe);
        }
        let policy = &circuit.policy;
        let later = |least: Duration, asked: Option<Duration>| asked.unwrap_or_default().max(least);
        match (self.phase, outcome) {
            (_, Outcome::Unknown) | (Phase::Open { .. }, _) => {}
            (_, Outcome::Spent { retry_after }) => {
                let time = retry_after.unwrap_or(policy.quota_open_for);
                self.open(circuit, circuit.clock.monotonic(), time, "the provider's budget is spent");
            }
            (Phase::HalfOpen, Outcome::Good) => {
                self.successes += 1;
                if self.successes >= policy.successes {
                    self.close(circuit);
                }
            }
            (Phase::HalfOpen, Outcome::Bad { retry_after }) => {
                let time = later(self.backed_off(policy), retry_after);
                self.open(circuit, circuit.clock.monotonic(), time, "a probe failed");
            }
            (Phase::Closed, outcome) => {
                self.count(policy.window, outcome != Outcome::Good);
                self.publish(circuit);
                if let (Outcome::Bad { retry_after }, true) = (outcome, self.is_over(policy)) {
                    let time = later(policy.open_for, retry_after);
                    self.open(circuit, circuit.clock.monotonic(), time, "calls fail");
                }
            }
        }
    }

    fn count(&mut self, window: u32, failed: bool) {
        self.in_a_row = if failed { self.in_a_row.saturating_add(1) } else { 0 };
        self.calls = self.calls << 1 | u64::from(failed);
        self.counted = self.counted.saturating_add(1).min(window);
    }

    fn is_over(&self, policy: &BreakerPolicy) -> bool {
        let failed = (self.calls & mask(policy)).count_ones();
        let rate = self.counted >= policy.window && failed * 100 >= policy.window * u32::from(policy.percent);
        self.in_a_row >= policy.in_a_row || rate
    }
}

/// The bits of the calls that count.
fn mask(policy: &BreakerPolicy) -> u64 {
    u64::MAX >> (64 - policy.window.clamp(1, 64))
}

impl Permit {
    /// Whether the breaker has changed since leave was given.
    pub(super) fn is_stale(&self) -> bool {
        self.era != NEVER && era_of(self.circuit.word.load(Ordering::Acquire)) != self.era
    }

    /// Says how the call ended.
    pub(super) fn end(mut self, outcome: Outcome) {
        let slow = self.is_slow();
        self.settle(if slow && outcome == Outcome::Good {
            Outcome::Bad { retry_after: None }
        } else {
            outcome
        });
    }

    fn is_slow(&self) -> bool {
        match (self.circuit.policy.slow_after, self.began) {
            (Some(limit), Some(began)) => self.circuit.clock.monotonic().since(began) >= limit,
            _ => false,
        }
    }

    fn settle(&mut self, outcome: Outcome) {
        let era = std::mem::replace(&mut self.era, NEVER);
        if era == NEVER {
            return;
        }
        let word = self.circuit.word.load(Ordering::Acquire);
        if outcome == Outcome::Good && word & CLEAN != 0 && era_of(word) == era {
            return;
        }
        let mut inner = self.circuit.lock();
        if inner.era == era {
            inner.settle(&self.circuit, self.probe, outcome);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let outcome = if self.is_slow() { Outcome::Bad { retry_after: None } } else { Outcome::Unknown };
        // A closed breaker has nothing to learn from a call that nobody waited for.
        if outcome != Outcome::Unknown || self.probe.is_some() {
            self.settle(outcome);
        }
    }
}

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Circuit")
            .field("name", &self.name)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
