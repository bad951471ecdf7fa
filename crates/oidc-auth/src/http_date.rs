//! The issuer's clock, as its answers tell it.

use http::{HeaderMap, header};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What the clock of who answered says, in seconds since 1970: `Date` (RFC 9110 §6.6.1), and the time that a cache has kept the
/// answer (`Age`, RFC 9111 §5.1). `None` where the answer does not say.
pub(crate) fn clock_of(headers: &HeaderMap) -> Option<i64> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let age: i64 = text(header::AGE).and_then(|age| age.trim().parse().ok()).unwrap_or_default();
    text(header::DATE).and_then(http_date).map(|date| date.saturating_add(age.max(0)))
}

/// Seconds since 1970 of an IMF-fixdate, such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
fn http_date(text: &str) -> Option<i64> {
    let mut parts = text.trim().split_ascii_whitespace().skip(1);
    let day: i64 = parts.next()?.parse().ok()?;
    let name = parts.next()?;
    let month = i64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()?;
    let year: i64 = parts.next()?.parse().ok()?;
    let mut time = parts.next()?.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let sound =
        (1..=31).contains(&day) && (1970..=9999).contains(&year) && hour < 24 && minute < 60 && second <= 60;
    (sound && parts.next() == Some("GMT")).then(|| {
        // Days of the proleptic Gregorian calendar, with years that begin in March.
        let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
        let of_year = (153 * month + 2) / 5 + day - 1;
        let days = 365 * year + year / 4 - year / 100 + year / 400 + of_year - 719_468;
        days * 86_400 + hour * 3_600 + minute * 60 + second
    })
}

#[cfg(test)]
mod tests {
    use super::http_date;

    #[test]
    fn dates_of_http_are_read() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 29 Feb 2024 23:59:59 GMT", Some(1_709_251_199)),
            ("Tue, 24 Nov 2026 13:00:00 GMT", Some(1_795_525_200)),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun, 99 Nov 1994 08:49:37 GMT", None),
            ("", None),
        ] {
            assert_eq!(http_date(text), seconds, "{text}");
        }
    }
}
