//! When a certificate ends, and when its owner is told.

use std::time::Duration;

use gambeson_core::Timestamp;

const DAY: Duration = Duration::from_secs(86_400);

/// How long before the end its owner is told; certificates that live for less than six weeks, a third of their life.
const AHEAD: Duration = Duration::from_secs(14 * 86_400);

/// The term of a certificate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    pub(super) not_after: Timestamp,
    remind: Timestamp,
}

impl Term {
    pub(super) fn new(not_before: Timestamp, not_after: Timestamp) -> Self {
        let ahead = AHEAD.min(not_after.since(not_before) / 3);
        Self { not_after, remind: not_after.minus(ahead) }
    }

    /// The one that ends first.
    pub(super) fn earlier(self, other: Self) -> Self {
        if other.not_after < self.not_after { other } else { self }
    }
}

/// What there is to tell of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum End {
    /// It ends soon.
    Near,
    /// It has ended.
    Past,
}

/// What was told last, and when.
#[derive(Debug, Default)]
pub(super) struct Reminder(Option<(End, Timestamp)>);

impl Reminder {
    /// What to tell now: the same once a day.
    pub(super) fn due(&mut self, term: Term, now: Timestamp) -> Option<End> {
        let end = match now {
            now if now < term.remind => return None,
            now if now <= term.not_after => End::Near,
            _ => End::Past,
        };
        if self.0.is_some_and(|(told, at)| told == end && now < at.plus(DAY)) {
            return None;
        }
        self.0 = Some((end, now));
        Some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: i64) -> Timestamp {
        Timestamp::from_unix_seconds(number * 86_400)
    }

    #[test]
    fn the_end_is_told_of_once_a_day_from_two_weeks_before_on() {
        let (term, mut reminder) = (Term::new(day(0), day(90)), Reminder::default());
        assert_eq!(reminder.due(term, day(75)), None);
        assert_eq!(reminder.due(term, day(76)), Some(End::Near));
        assert_eq!(reminder.due(term, day(76).plus(DAY / 2)), None);
        assert_eq!(reminder.due(term, day(77)), Some(End::Near));
        assert_eq!(reminder.due(term, day(90)), Some(End::Near));
        assert_eq!(reminder.due(term, day(90).plus(Duration::from_secs(1))), Some(End::Past));
        assert_eq!(reminder.due(term, day(91)), None);
        assert_eq!(reminder.due(Term::new(day(90), day(180)), day(92)), None, "renewed");
    }

    #[test]
    fn a_short_life_is_told_of_in_its_last_third() {
        let (term, mut reminder) = (Term::new(day(0), day(6)), Reminder::default());
        assert_eq!(reminder.due(term, day(3)), None);
        assert_eq!(reminder.due(term, day(4)), Some(End::Near));
    }
}
