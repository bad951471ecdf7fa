//! Time and timers through a seam, so that tests are exact and frozen functions are survived.

use std::fmt;
use std::time::Duration;

use crate::BoxFuture;
use crate::sealed::Sealed;

/// A moment on a clock that never goes back; nanoseconds since an arbitrary start of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Monotonic(u64);

impl Monotonic {
    /// The moment this many nanoseconds after the clock's start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time that passed since `earlier`; zero when that is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The moment `duration` later, at most the end of the clock (584 years).
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// A moment on the wall clock; nanoseconds since 1970-01-01T00:00:00Z, which lasts until the year 2262.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment this many seconds after 1970 (a JWT's NumericDate); clamped to the range.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// The moment this many nanoseconds after 1970.
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Nanoseconds since 1970.
    pub const fn unix_nanos(self) -> i64 {
        self.0
    }

    /// The moment `duration` later, clamped to the range.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// The moment `duration` earlier, clamped to the range.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// The time that passed since `earlier`; zero when that is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// RFC 3339 in UTC with milliseconds, for example `2026-11-23T08:15:30.250Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.unix_seconds();
        let (year, month, day) = civil_date(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        let millis = self.0.rem_euclid(1_000_000_000) / 1_000_000;
        // By hand: records and log lines are full of these, and a format of seven numbers costs several times as much.
        let date = (year * 100 + month) * 100 + day;
        let mut digits = (((date * 100 + hour) * 100 + minute) * 100 + second) * 1_000 + millis;
        let mut text = *b"0000-00-00T00:00:00.000Z";
        for place in text.iter_mut().rev().filter(|place| **place == b'0') {
            *place += (digits % 10) as u8;
            digits /= 10;
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

/// The Gregorian date of a day counted from 1970-01-01: 400-year cycles of 146,097 days, years starting in March.
fn civil_date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let cycle = shifted.div_euclid(146_097);
    let day_of_cycle = shifted.rem_euclid(146_097);
    let year_of_cycle =
        (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_cycle + cycle * 400 + i64::from(month <= 2), month, day)
}

/// Tells the time. Sealed: [`SystemClock`](crate) (feature `system`) or a manual one (feature `test-util`).
pub trait Clock: Sealed + Send + Sync + fmt::Debug {
    /// The moment on the clock that never goes back: for durations, rates and cooldowns.
    fn monotonic(&self) -> Monotonic;

    /// The wall clock: for expiry and for records. Never coarse: a frozen process thaws late.
    fn now(&self) -> Timestamp;
}

/// Wakes a waiting future. Sealed like [`Clock`].
pub trait Timer: Sealed + Send + Sync + fmt::Debug {
    /// Resolves when the monotonic clock has reached `deadline`.
    fn until(&self, deadline: Monotonic) -> BoxFuture<()>;
}

#[cfg(feature = "test-util")]
mod manual {
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
    use std::task::{Poll, Waker};
    use std::time::Duration;

    use super::{BoxFuture, Clock, Monotonic, Sealed, Timer, Timestamp};

    /// A clock and timer that move only when told to. Clones share the time.
    #[derive(Debug, Clone, Default)]
    pub struct ManualClock(Arc<Mutex<State>>);

    #[derive(Debug, Default)]
    struct State {
        monotonic: Monotonic,
        now: Timestamp,
        sleepers: Vec<(Monotonic, Waker)>,
    }

    impl ManualClock {
        /// A clock whose wall time is `now` and whose monotonic time is one hour after its start.
        pub fn at(now: Timestamp) -> Self {
            let monotonic = Monotonic::default().plus(Duration::from_secs(3_600));
            Self(Arc::new(Mutex::new(State { monotonic, now, sleepers: Vec::new() })))
        }

        /// Lets time pass on both clocks and wakes the timers that have come due.
        pub fn advance(&self, duration: Duration) {
            let mut state = self.state();
            state.monotonic = state.monotonic.plus(duration);
            state.now = state.now.plus(duration);
            let now = state.monotonic;
            let (due, rest) = std::mem::take(&mut state.sleepers).into_iter().partition(|(at, _)| *at <= now);
            state.sleepers = rest;
            drop(state);
            let due: Vec<(Monotonic, Waker)> = due;
            due.into_iter().for_each(|(_, waker)| waker.wake());
        }

        /// Sets the wall clock, as an administrator or a time server would; monotonic time stays.
        pub fn set(&self, now: Timestamp) {
            self.state().now = now;
        }

        /// How many timers are waiting.
        pub fn sleepers(&self) -> usize {
            self.state().sleepers.len()
        }

        fn state(&self) -> MutexGuard<'_, State> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl Sealed for ManualClock {}

    impl Clock for ManualClock {
        fn monotonic(&self) -> Monotonic {
            self.state().monotonic
        }

        fn now(&self) -> Timestamp {
            self.state().now
        }
    }

    impl Timer for ManualClock {
        fn until(&self, deadline: Monotonic) -> BoxFuture<()> {
            let clock = self.clone();
            Box::pin(std::future::poll_fn(move |context| {
                let mut state = clock.state();
                if state.monotonic >= deadline {
                    return Poll::Ready(());
                }
                // One task may wait for several moments; only the same wait is not noted twice.
                state.sleepers.retain(|(at, waker)| *at != deadline || !waker.will_wake(context.waker()));
                state.sleepers.push((deadline, context.waker().clone()));
                Poll::Pending
            }))
        }
    }
}
#[cfg(feature = "test-util")]
pub use manual::ManualClock;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_read_as_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_795_421_730, "2026-11-23T08:15:30.000Z"),
            (-1, "1969-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(Timestamp::from_unix_seconds(seconds).to_string(), text);
        }
    }

    #[test]
    fn time_arithmetic_saturates() {
        let end = Timestamp::from_unix_seconds(i64::MAX);
        assert_eq!(end.plus(Duration::MAX), Timestamp::from_unix_nanos(i64::MAX));
        assert_eq!(Timestamp::default().since(end), Duration::ZERO);
        assert_eq!(Monotonic::from_nanos(1).since(Monotonic::from_nanos(2)), Duration::ZERO);
    }
}
