//! The dates that cookies carry (RFC 6265bis §5.1.1).

use gambeson_core::Timestamp;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// When a cookie ends, written in any of the ways that browsers read.
pub(super) fn cookie_date(text: &str) -> Option<Timestamp> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    let divides = |c: char| !(c.is_ascii_alphanumeric() || c == ':' || u32::from(c) > 0x7e);
    for word in text.split(divides).filter(|word| !word.is_empty()) {
        if time.is_none()
            && let Some(found) = time_of(word)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = number(word, 1..=2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = month_of(word)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = number(word, 2..=4)
        {
            year = Some(found);
        }
    }
    let ((hour, minute, second), day, month) = (time?, day?, month?);
    let year = match year? {
        year @ 70..=99 => year + 1_900,
        year @ 0..=69 => year + 2_000,
        year => year,
    };
    let is_sound = (1..=31).contains(&day) && year >= 1_601 && hour <= 23 && minute <= 59 && second <= 59;
    is_sound.then(|| {
        let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
        Timestamp::from_unix_seconds(seconds)
    })
}

/// `hh:mm:ss`, one or two digits each.
fn time_of(word: &str) -> Option<(i64, i64, i64)> {
    let mut parts = word.splitn(3, ':').map(|part| number(part, 1..=2));
    Some((parts.next()??, parts.next()??, parts.next()??))
}

/// The digits at the beginning, if there are so many.
fn number(word: &str, digits: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    word.get(..end).filter(|found| digits.contains(&found.len()))?.parse().ok()
}

/// From 0, by the first three letters.
fn month_of(word: &str) -> Option<i64> {
    let name = word.get(..3)?.to_ascii_lowercase();
    i64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()
}

/// Days since 1970 in the proleptic Gregorian calendar, with years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let of_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_browsers_read_them() {
        let at = |text: &str| cookie_date(text).map(|at| at.to_string());
        for same in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "6 november 94 8:49:37",
        ] {
            assert_eq!(at(same).as_deref(), Some("1994-11-06T08:49:37.000Z"), "{same}");
        }
        assert_eq!(at("Thu, 01 Jan 1970 00:00:00 GMT").as_deref(), Some("1970-01-01T00:00:00.000Z"));
        assert_eq!(at("Thu, 29 Feb 2024 23:59:59 GMT").as_deref(), Some("2024-02-29T23:59:59.000Z"));
        for none in ["", "tomorrow", "06 Nov 1994", "06 Nov 1994 24:00:00", "32 Nov 1994 08:49:37", "0"] {
            assert_eq!(at(none), None, "{none}");
        }
    }
}
