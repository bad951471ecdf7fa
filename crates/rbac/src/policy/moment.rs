//! Moments as a policy writes them.

use std::fmt::Display;

use gambeson_core::Timestamp;
use toml::Spanned;
use toml::de::DeValue;
use toml::value::{Datetime, Offset};

use crate::finding::Findings;

/// A moment with its offset from UTC (RFC 3339), as a text or as TOML's own kind of value.
pub(super) fn moment(
    value: &Spanned<DeValue<'_>>,
    place: impl Display,
    findings: &mut Findings<'_>,
) -> Option<Timestamp> {
    let written = match value.get_ref() {
        DeValue::Datetime(written) => Some(*written),
        DeValue::String(text) => text.parse().ok(),
        _ => None,
    };
    let moment = written.and_then(timestamp);
    if moment.is_none() {
        let cure = "write date, time and offset, such as \"2027-01-31T00:00:00Z\"";
        findings.error("moment", value.span().start, format!("{place} is not a moment"), cure);
    }
    moment
}

/// The moment that a text of RFC 3339 names.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok().and_then(timestamp)
}

fn timestamp(written: Datetime) -> Option<Timestamp> {
    let (date, time, offset) = (written.date?, written.time?, written.offset?);
    let minutes_ahead = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let days = days_since_1970(i64::from(date.year), i64::from(date.month), i64::from(date.day));
    let minutes = i64::from(time.hour) * 60 + i64::from(time.minute) - minutes_ahead;
    let seconds = days * 86_400 + minutes * 60 + i64::from(time.second.unwrap_or(0));
    Some(Timestamp::from_unix_seconds(seconds))
}

/// The day of a Gregorian date: 400-year cycles of 146,097 days, years starting in March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let year_of_cycle = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
    year.div_euclid(400) * 146_097 + day_of_cycle - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_that_a_timestamp_shows() {
        for (written, shown) in [
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
            ("2000-02-29T23:59:59Z", "2000-02-29T23:59:59.000Z"),
            ("2027-01-31T00:00:00+01:00", "2027-01-30T23:00:00.000Z"),
            ("2100-03-01T00:30:00-02:30", "2100-03-01T03:00:00.000Z"),
        ] {
            let moment = timestamp(written.parse().unwrap()).unwrap();
            assert_eq!(moment.to_string(), shown, "{written}");
        }
        assert_eq!(timestamp("2027-01-31".parse().unwrap()), None);
        assert_eq!(timestamp("2027-01-31T00:00:00".parse().unwrap()), None);
    }
}
