//! Spans of time as a policy writes them.

use std::time::Duration;

/// `90s`, `30m`, `1h`, `1h30m`: whole hours, minutes and seconds, the larger first. `None`: not of that shape, or zero.
pub(super) fn span(text: &str) -> Option<Duration> {
    let (mut seconds, mut rest, mut largest) = (0u64, text, u64::MAX);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = (rest.get(..digits)?, rest.get(digits..)?);
        let one = match unit.chars().next()? {
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        if one >= largest {
            return None;
        }
        largest = one;
        seconds = number.parse::<u64>().ok()?.checked_mul(one)?.checked_add(seconds)?;
        rest = unit.get(1..)?;
    }
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_one_spelling() {
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("1h", 3_600), ("1h30m", 5_400), ("1h1s", 3_601)]
        {
            assert_eq!(span(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "0s", "1", "h", "1d", "30m1h", "1h1h", "-1h", "1.5h", "1 h", "99999999999999999999h"]
        {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
