//! The arithmetic of rate limits.

use std::time::Duration;

/// The generic cell rate algorithm: `burst` at once, then one every `period / burst`… as a pure function.
///
/// The state of one key is a single number, the *theoretical arrival time* in nanoseconds; where it is kept is the
/// caller's business. A fresh key's state is 0.
///
/// ```
/// use gambeson_core::{Gcra, GcraDecision};
/// use std::time::Duration;
///
/// let limit = Gcra::new(1, Duration::from_secs(1), 2).unwrap(); // one a second, two at once
/// let now = 5_000_000_000;
/// let GcraDecision::Allowed { state, remaining, .. } = limit.decide(0, now, 1) else { panic!() };
/// assert_eq!(remaining, 1);
/// let GcraDecision::Allowed { state, .. } = limit.decide(state, now, 1) else { panic!() };
/// assert_eq!(limit.decide(state, now, 1), GcraDecision::Denied { retry_after: Duration::from_secs(1) });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gcra {
    interval: u64,
    tolerance: u64,
    burst: u32,
}

/// What the algorithm says about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GcraDecision {
    /// It fits.
    Allowed {
        /// The key's new state.
        state: u64,
        /// How much would fit right after it.
        remaining: u32,
        /// When the key is as good as new again.
        reset: Duration,
    },
    /// It does not fit; the state stays as it is.
    Denied {
        /// When it would fit; [`Duration::MAX`] when it never will, being larger than the burst.
        retry_after: Duration,
    },
}

impl Gcra {
    /// `count` per `period`, of which `burst` may come at once; `None` when one of them is zero.
    pub fn new(count: u32, period: Duration, burst: u32) -> Option<Self> {
        let interval = u64::try_from(period.as_nanos()).ok()?.checked_div(u64::from(count))?;
        let tolerance = interval.checked_mul(u64::from(burst))?;
        (tolerance > 0).then_some(Self { interval, tolerance, burst })
    }

    /// How many may come at once.
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// How long a full burst takes to come back.
    pub const fn window(&self) -> Duration {
        Duration::from_nanos(self.tolerance)
    }

    /// Decides about `cost` units at `now` (monotonic nanoseconds) for a key in this state. `cost` 0 only looks.
    pub fn decide(&self, state: u64, now: u64, cost: u32) -> GcraDecision {
        let step = self.interval.saturating_mul(u64::from(cost));
        let next = state.max(now).saturating_add(step);
        let limit = now.saturating_add(self.tolerance);
        if next > limit {
            let never = cost > self.burst;
            let wait = if never { Duration::MAX } else { Duration::from_nanos(next - limit) };
            return GcraDecision::Denied { retry_after: wait };
        }
        GcraDecision::Allowed {
            state: next,
            remaining: u32::try_from((limit - next) / self.interval).unwrap_or(u32::MAX),
            reset: Duration::from_nanos(next - now),
        }
    }

    /// The state after a charge that is not asked about: a penalty. At most one burst of debt is kept.
    pub fn charge(&self, state: u64, now: u64, cost: u32) -> u64 {
        let step = self.interval.saturating_mul(u64::from(cost));
        let ceiling = now.saturating_add(self.tolerance.saturating_mul(2));
        state.max(now).saturating_add(step).min(ceiling)
    }
}
