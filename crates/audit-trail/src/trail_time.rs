//! What time it is for retention: a clock that leaps must not throw a trail away.

use std::time::Duration;

use gambeson_core::{Clock, Monotonic, Timestamp};

/// A step of the clock by more than this is not believed before as much has passed since.
pub(crate) const LEAP: Duration = Duration::from_secs(86_400);

/// The wall clock, as far as it is believed.
///
/// It is held against the monotonic clock while the trail is open, and against the trail's own records when it is opened: so neither a clock that is wrong
/// for some hours nor a restart meanwhile drops anything. A stop of more than a day is taken for a leap too, which only delays dropping.
#[derive(Debug, Default)]
pub(crate) struct TrailTime {
    /// When the clock was last looked at, and what it showed.
    looked: Option<Monotonic>,
    shown: Option<Timestamp>,
    believed: Timestamp,
    /// What it showed when it had leapt.
    leapt: Option<Timestamp>,
    /// The leap that was told last.
    told: Option<Timestamp>,
}

impl TrailTime {
    /// Takes the time of one of the trail's own records.
    pub(crate) fn read(&mut self, at: Timestamp) {
        self.advance(at, Duration::ZERO);
    }

    /// The time to go by.
    pub(crate) fn now(&mut self, clock: &dyn Clock) -> Timestamp {
        let monotonic = clock.monotonic();
        let passed = self.looked.map_or(Duration::ZERO, |looked| monotonic.since(looked));
        self.looked = Some(monotonic);
        self.advance(clock.now(), passed);
        self.believed
    }

    /// By how much the clock is not believed; once for each leap.
    pub(crate) fn newly_ahead(&mut self) -> Option<Duration> {
        let new = self.leapt != self.told;
        self.told = self.leapt;
        let shown = self.leapt.and(self.shown).filter(|_| new)?;
        Some(shown.since(self.believed))
    }

    /// The clock shows `now`, and `passed` since it was last looked at.
    fn advance(&mut self, now: Timestamp, passed: Duration) {
        let leaps = self.shown.is_some_and(|shown| now > shown.plus(passed).plus(LEAP));
        let expected = self.believed.plus(passed);
        let near = self.shown.is_none() || now <= expected.plus(LEAP);
        let confirmed = self.leapt.is_some_and(|leapt| !leaps && now >= leapt.plus(LEAP));
        let new = leaps || self.leapt.is_some_and(|leapt| now < leapt);
        self.shown = Some(now);
        if near || confirmed {
            (self.believed, self.leapt) = (now, None);
            return;
        }
        self.believed = expected;
        if new {
            self.leapt = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);
    const YEAR: Duration = Duration::from_secs(365 * 86_400);

    fn start() -> Timestamp {
        Timestamp::from_unix_seconds(1_795_421_730)
    }

    /// Reads these times, and says what is believed after each.
    fn read(times: &[Timestamp]) -> Vec<Timestamp> {
        let mut time = TrailTime::default();
        let each = times.iter().map(|at| {
            time.read(*at);
            time.believed
        });
        each.collect()
    }

    #[test]
    fn what_goes_on_by_steps_of_a_day_is_believed() {
        let times: Vec<_> = (0..5).map(|day| start().plus(LEAP * day)).collect();
        assert_eq!(read(&times), times);
    }

    #[test]
    fn a_leap_is_believed_when_a_day_has_passed_since() {
        let wrong = start().plus(YEAR);
        let (before, after) = (wrong.plus(LEAP - HOUR), wrong.plus(LEAP));
        assert_eq!(read(&[start(), wrong, before, after]), [start(), start(), start(), after]);
    }

    #[test]
    fn a_clock_that_is_put_right_is_believed_at_once() {
        let (wrong, right) = (start().plus(YEAR), start().plus(HOUR));
        let again = wrong.plus(LEAP * 2);
        assert_eq!(read(&[start(), wrong, right, again]), [start(), start(), right, right]);
        let earlier = start().minus(YEAR);
        assert_eq!(read(&[start(), earlier]), [start(), earlier]);
    }

    #[test]
    fn while_the_clock_is_not_believed_time_goes_on() {
        let mut time = TrailTime::default();
        time.read(start());
        for hours in 1..5 {
            time.advance(start().plus(YEAR + HOUR * hours), HOUR);
            assert_eq!(time.believed, start().plus(HOUR * hours));
        }
        // Put right to within a day, it is believed.
        time.advance(start().plus(LEAP + HOUR * 5), HOUR);
        assert_eq!(time.believed, start().plus(LEAP + HOUR * 5));
    }

    #[test]
    fn the_day_may_pass_without_a_record() {
        let mut time = TrailTime::default();
        let wrong = start().plus(YEAR);
        [start(), wrong].into_iter().for_each(|at| time.read(at));
        time.advance(wrong.plus(LEAP * 3), LEAP * 3);
        assert_eq!(time.believed, wrong.plus(LEAP * 3));
    }

    #[test]
    fn each_leap_is_told_once() {
        let mut time = TrailTime::default();
        let mut told = |at: Timestamp| {
            time.read(at);
            time.newly_ahead()
        };
        let wrong = start().plus(YEAR);
        assert_eq!([told(start()), told(wrong), told(wrong.plus(HOUR))], [None, Some(YEAR), None]);
        assert_eq!([told(start()), told(wrong), told(wrong)], [None, Some(YEAR), None]);
    }

    /// Neither a second leap nor a step back to a time that is still wrong confirms the first leap.
    #[test]
    fn a_leap_is_not_confirmed_by_another() {
        let wrong = start().plus(YEAR);
        for other in [wrong.plus(YEAR), wrong.minus(LEAP * 30)] {
            let last = other.plus(LEAP);
            assert_eq!(read(&[start(), wrong, other, other.plus(HOUR)]), [start(); 4]);
            assert_eq!(read(&[start(), wrong, other, last])[3], last);
        }
    }
}
