//! Windows as text, for configuration files.

use std::time::Duration;

use gambeson_core::ConfigError;

use super::calendar::Unit;
use super::{Calendar, Rolling, Window};

impl std::str::FromStr for Window {
    type Err = ConfigError;

    /// Reads `day UTC`, `month Europe/Berlin`, `rolling 1h` or `lifetime`.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let cure = "write for example \"day UTC\", \"month Europe/Berlin\", \"rolling 1h\" or \"lifetime\"";
        let wrong = || ConfigError::one("per", text, cure);
        let (word, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let unit = match word {
            "lifetime" if rest.is_empty() => return Ok(Self::lifetime()),
            "rolling" => {
                return duration(rest.trim()).map(|length| Rolling::new(length).into()).ok_or_else(wrong);
            }
            "minute" => Unit::Minute,
            "hour" => Unit::Hour,
            "day" => Unit::Day,
            "week" => Unit::Week,
            "month" => Unit::Month,
            "year" => Unit::Year,
            _ => return Err(wrong()),
        };
        match rest.trim() {
            "" => Err(ConfigError::one("per", text, "name the time zone too, such as \"day UTC\"")),
            zone => Ok(Calendar::of(unit, zone).into()),
        }
    }
}

/// `30s`, `5m`, `1h`, `7d`.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read() {
        assert_eq!("day UTC".parse(), Ok(Window::from(Calendar::day("UTC"))));
        assert_eq!("rolling 5m".parse(), Ok(Window::from(Rolling::minutes(5))));
        assert_eq!("lifetime".parse(), Ok(Window::lifetime()));
        for wrong in ["", "day", "fortnight UTC", "rolling", "rolling 5", "rolling 5é", "lifetime UTC"] {
            assert!(wrong.parse::<Window>().is_err(), "{wrong}");
        }
    }
}
