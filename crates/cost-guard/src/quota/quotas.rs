//! The decision over all quotas of a guard.

use std::num::NonZeroU32;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gambeson_core::{ConfigProblems, GcraDecision, Monotonic, RateLimitFields, Timestamp};

use super::spec::{Quota, Rule, Spec};
use super::telemetry;
use crate::keys::ScopeKeys;
use crate::pattern::Dimension;
use crate::window::{Calendar, Period};

/// All quotas of a guard.
#[derive(Debug)]
pub(crate) struct Quotas {
    specs: Vec<(Spec, Window)>,
    pub(super) needs_caller: bool,
    needs_wall: bool,
    overflowed: AtomicU64,
}

/// The window of a calendar that is now, and the latest wall time seen: one that goes back refills nothing.
#[derive(Debug)]
struct Window(Mutex<(Option<Period>, Timestamp)>);

/// What is left of the strictest quota of a scope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    pub(super) quota: usize,
    pub(super) remaining: u32,
    pub(super) reset: Duration,
}

/// A quota that refuses, and when it has more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Over {
    pub(super) quota: usize,
    pub(super) after: Duration,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    monotonic: Monotonic,
    wall: Timestamp,
}

impl Quotas {
    pub(crate) fn new(quotas: &[Quota], environment: Option<&str>, problems: &mut ConfigProblems) -> Self {
        let checked = quotas.iter().enumerate().filter_map(|(index, quota)| {
            quota.checked(&format!("quotas.{index}"), environment.is_some(), problems)
        });
        let start = || Window(Mutex::new((None, Timestamp::from_unix_nanos(i64::MIN))));
        let specs: Vec<(Spec, Window)> = checked.map(|spec| (spec, start())).collect();
        let by_caller = |spec: &Spec| {
            spec.anonymous || spec.pattern.has(Dimension::Subject) || spec.pattern.has(Dimension::Tenant)
        };
        Self {
            needs_caller: specs.iter().any(|(spec, _)| by_caller(spec)),
            needs_wall: specs.iter().any(|(spec, _)| matches!(spec.rule, Rule::Calendar(..))),
            specs,
            overflowed: AtomicU64::new(0),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.specs.is_empty()
    }

    pub(super) fn moment(&self, clock: &dyn gambeson_core::Clock) -> Moment {
        let wall = if self.needs_wall { clock.now() } else { Timestamp::default() };
        Moment { monotonic: clock.monotonic(), wall }
    }

    pub(super) fn fields(&self, quota: usize) -> Option<&RateLimitFields> {
        self.specs.get(quota).map(|(spec, _)| &spec.fields)
    }

    pub(super) fn name(&self, quota: usize) -> &str {
        self.specs.get(quota).map_or("", |(spec, _)| spec.pattern.text())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.specs.iter().map(|(spec, _)| &**spec.pattern.text())
    }

    /// How many scopes are kept.
    pub(super) fn keys(&self) -> usize {
        self.specs.iter().map(|(spec, _)| spec.table.keys()).sum()
    }

    /// Counts one request in every quota of the scope, or in none.
    ///
    /// # Errors
    /// The quota that refuses.
    pub(super) fn take(
        &self,
        keys: &mut ScopeKeys<'_>,
        anonymous: bool,
        now: Moment,
    ) -> Result<Option<Left>, Over> {
        let mut strictest: Option<Left> = None;
        for (quota, (spec, window)) in self.specs.iter().enumerate() {
            let Some(key) = key(spec, keys, anonymous) else { continue };
            match self.one(spec, window, key, now) {
                Ok((remaining, reset)) => {
                    let left = Left { quota, remaining, reset };
                    let stricter = strictest.is_none_or(|other| left.remaining < other.remaining);
                    strictest = if stricter { Some(left) } else { strictest };
                }
                Err(after) => {
                    self.give_back(quota, keys, anonymous, now);
                    return Err(Over { quota, after });
                }
            }
        }
        Ok(strictest)
    }

    fn one(&self, spec: &Spec, window: &Window, key: u128, now: Moment) -> Result<(u32, Duration), Duration> {
        let changed = match &spec.rule {
            Rule::Rate(gcra) => {
                let now = now.monotonic.as_nanos();
                spec.table.change(
                    key,
                    |state| state <= now,
                    |state| match gcra.decide(*state, now, 1) {
                        GcraDecision::Allowed { state: next, remaining, reset } => {
                            *state = next;
                            Ok((remaining, reset))
                        }
                        GcraDecision::Denied { retry_after } => Err(retry_after),
                        _ => Err(gcra.window()),
                    },
                )
            }
            Rule::Calendar(calendar, count) => {
                let (id, left) = window.at(calendar, now.wall);
                spec.table.change(key, |state| state >> 32 != id, |state| count_one(state, id, *count, left))
            }
        };
        if changed.overflowed {
            telemetry::overflow(self.overflowed.fetch_add(1, Ordering::Relaxed) + 1);
        }
        changed.answer
    }

    /// A refused request consumes nothing: what the quotas before `refused` counted goes back.
    fn give_back(&self, refused: usize, keys: &mut ScopeKeys<'_>, anonymous: bool, now: Moment) {
        for (spec, window) in self.specs.iter().take(refused) {
            let Some(key) = key(spec, keys, anonymous) else { continue };
            match &spec.rule {
                Rule::Rate(gcra) => {
                    let step = u64::try_from(gcra.window().as_nanos()).unwrap_or(u64::MAX)
                        / u64::from(gcra.burst().max(1));
                    spec.table.change(key, |_| false, |state| *state = state.saturating_sub(step));
                }
                Rule::Calendar(calendar, _) => {
                    let (id, _) = window.at(calendar, now.wall);
                    spec.table.change(
                        key,
                        |_| false,
                        |state| {
                            if *state >> 32 == id && *state & 0xffff_ffff > 0 {
                                *state -= 1;
                            }
                        },
                    );
                }
            }
        }
    }
}

/// The key of a scope; `None` when the quota does not concern it.
fn key(spec: &Spec, keys: &mut ScopeKeys<'_>, anonymous: bool) -> Option<u128> {
    if spec.anonymous && !anonymous {
        return None;
    }
    match keys.pattern(&spec.pattern) {
        Ok(key) => Some(key),
        // The edge limiter counts them, by address.
        Err(Dimension::Subject | Dimension::Tenant) if anonymous => None,
        // Callers without a tenant, and requests without a route, are counted together.
        Err(_) => Some(0),
    }
}

fn count_one(
    state: &mut u64,
    id: u64,
    count: NonZeroU32,
    left: Duration,
) -> Result<(u32, Duration), Duration> {
    let used = if *state >> 32 == id { *state & 0xffff_ffff } else { 0 };
    let count = u64::from(count.get());
    if used >= count {
        return Err(left);
    }
    *state = id << 32 | (used + 1);
    Ok((u32::try_from(count - used - 1).unwrap_or(u32::MAX), left))
}

impl Window {
    /// The number of the window (its start in seconds, cut to 32 bits) and how long it still lasts.
    fn at(&self, calendar: &Calendar, wall: Timestamp) -> (u64, Duration) {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, watermark) = &mut *guard;
        *watermark = (*watermark).max(wall);
        let now = *watermark;
        let period = known.filter(|period| period.holds(now)).unwrap_or_else(|| calendar.period(now));
        *known = Some(period);
        (period.start.unix_seconds().cast_unsigned() & 0xffff_ffff, period.end.since(wall))
    }
}
