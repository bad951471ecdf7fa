//! Windows of the calendar, in any time zone.

use std::fmt;

use gambeson_core::{ConfigError, Timestamp};
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, ZonedDateTime};

/// A minute, hour, day, week, month or year of the calendar in a time zone.
///
/// Days and longer start at the first moment of the local day, so that a day of a clock change has 23 or 25 hours.
/// Hours and minutes are 60 minutes and 60 seconds long, also there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    unit: Unit,
    zone: Zone,
    week_start: WeekStart,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// A zone by its name; one that is not known is told when the guard is built.
#[derive(Debug, Clone)]
struct Zone {
    name: Box<str>,
    zone: Option<TimeZone>,
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

/// On which day a week starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WeekStart {
    /// Monday (ISO 8601).
    #[default]
    Monday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

/// One window: from `start` until before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

impl Period {
    pub(crate) fn holds(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}

macro_rules! units {
    ($($(#[$doc:meta])* $name:ident, $unit:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// The zone is an IANA name such as `UTC` or `Europe/Berlin`; an unknown one is refused when the guard is built.
        #[must_use]
        pub fn $name(zone: &str) -> Self {
            Self::of(Unit::$unit, zone)
        }
    )+};
}

impl Calendar {
    units! {
        /// A minute.
        minute, Minute;
        /// An hour.
        hour, Hour;
        /// A day.
        day, Day;
        /// A week, from Monday unless said.
        week, Week;
        /// A month.
        month, Month;
        /// A year.
        year, Year;
    }

    pub(super) fn of(unit: Unit, zone: &str) -> Self {
        let found = if zone == "UTC" { Some(TimeZone::UTC) } else { TimeZone::get(zone).ok() };
        Self { unit, zone: Zone { name: zone.into(), zone: found }, week_start: WeekStart::default() }
    }

    /// On which day weeks start; Monday unless said.
    #[must_use]
    pub fn week_start(self, week_start: WeekStart) -> Self {
        Self { week_start, ..self }
    }

    /// How long such a window usually is.
    pub(crate) fn usual_length(&self) -> std::time::Duration {
        let days = match self.unit {
            Unit::Minute => return std::time::Duration::from_secs(60),
            Unit::Hour => return std::time::Duration::from_secs(3_600),
            Unit::Day => 1,
            Unit::Week => 7,
            Unit::Month => 30,
            Unit::Year => 365,
        };
        std::time::Duration::from_secs(days * 86_400)
    }

    /// What is wrong with it.
    pub(crate) fn check(&self, field: &str) -> Result<(), ConfigError> {
        match self.zone.zone {
            Some(_) => Ok(()),
            None => Err(ConfigError::one(
                field,
                &*self.zone.name,
                "no such time zone: write an IANA name such as Europe/Berlin",
            )),
        }
    }

    /// The window around `at`. At the ends of the calendar it is the rest of time.
    pub(crate) fn period(&self, at: Timestamp) -> Period {
        let whole =
            Period { start: Timestamp::from_unix_nanos(i64::MIN), end: Timestamp::from_unix_nanos(i64::MAX) };
        self.try_period(at).filter(|period| period.holds(at)).unwrap_or(whole)
    }

    fn try_period(&self, at: Timestamp) -> Option<Period> {
        let instant = jiff::Timestamp::from_nanosecond(at.unix_nanos().into()).ok()?;
        let local = instant.to_zoned_datetime(self.zone.zone.clone()?);
        match self.unit {
            Unit::Minute => Some(elapsed(at, seconds_into(&local, 60), 60)),
            Unit::Hour => Some(elapsed(at, seconds_into(&local, 3_600), 3_600)),
            Unit::Day => self.days(local.date(), Span::new().days(1)),
            Unit::Week => {
                let first = match self.week_start {
                    WeekStart::Monday => Weekday::Monday,
                    WeekStart::Saturday => Weekday::Saturday,
                    WeekStart::Sunday => Weekday::Sunday,
                };
                let back = local.weekday().since(first);
                self.days(local.date().checked_sub(Span::new().days(back)).ok()?, Span::new().weeks(1))
            }
            Unit::Month => self.days(local.date().first_of_month(), Span::new().months(1)),
            Unit::Year => self.days(local.date().first_of_year(), Span::new().years(1)),
        }
    }

    fn days(&self, first: Date, length: Span) -> Option<Period> {
        let zone = self.zone.zone.clone()?;
        let start_of = |date: Date| stamp(&date.to_zoned_datetime(zone.clone()).ok()?);
        Some(Period { start: start_of(first)?, end: start_of(first.checked_add(length).ok()?)? })
    }
}

fn stamp(zoned: &ZonedDateTime) -> Option<Timestamp> {
    Some(Timestamp::from_unix_nanos(i64::try_from(zoned.timestamp().as_nanosecond()).ok()?))
}

/// Seconds since the local clock last showed a full minute or hour.
fn seconds_into(local: &ZonedDateTime, length: i64) -> i64 {
    (i64::from(local.minute()) * 60 + i64::from(local.second())) % length
}

fn elapsed(at: Timestamp, into: i64, length: i64) -> Period {
    let start = Timestamp::from_unix_seconds(at.unix_seconds() - into);
    Period { start, end: Timestamp::from_unix_seconds(start.unix_seconds() + length) }
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Minute => "minute",
            Unit::Hour => "hour",
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Year => "year",
        };
        write!(f, "{unit} {}", self.zone.name)
    }
}

#[cfg(test)]
mod tests;
