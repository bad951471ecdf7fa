//! What a policy says of a permission or a route beside who may: how they must be signed in, and what the others are told.

use std::fmt::Display;
use std::time::Duration;

use super::document::At;
use super::fields::{Fields, text, texts};
use crate::finding::Findings;
use crate::log_in::LogIn;

/// What a policy says of a route beside who may call it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// How the caller must be signed in.
    pub(crate) log_in: Option<LogIn>,
    /// Whether those who may not are told that there is no such thing; `None`: as the policy has it for all routes.
    pub(crate) hidden: Option<bool>,
}

impl Terms {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Reads `acr` and `max_age`.
pub(super) fn log_in(
    fields: &Fields<'_, '_>,
    place: impl Display,
    findings: &mut Findings<'_>,
) -> Option<LogIn> {
    let contexts = fields.get("acr").map(|value| {
        let contexts = texts(value, format_args!("`acr` in {place}"), findings);
        let sound = |context: &At<String>| {
            !context.value.is_empty() && context.value.bytes().all(|byte| matches!(byte, b'!'..=b'~'))
        };
        if contexts.is_empty() || !contexts.iter().all(sound) {
            let message = format!("`acr` in {place} names no authentication context");
            let cure = "write one or several, such as [\"phr\"]; the provider says which ones there are";
            findings.error("acr", value.span().start, message, cure);
        }
        contexts.into_iter().map(|context| context.value.into()).collect::<Box<[Box<str>]>>()
    });
    let max_age =
        fields.get("max_age").and_then(|value| text(value, format_args!("`max_age` in {place}"), findings));
    let max_age = max_age.and_then(|text| {
        let read = duration(&text.value);
        if read.is_none() {
            let message = format!("`max_age` in {place} is `{}`", text.value);
            findings.error(
                "duration",
                text.at,
                message,
                "write a whole number and s, m, h or d, such as \"10m\"",
            );
        }
        read
    });
    (contexts.is_some() || max_age.is_some())
        .then(|| LogIn { contexts: contexts.unwrap_or_default(), max_age })
}

/// Reads `forbidden`: what those are told who may not.
pub(super) fn hidden(
    fields: &Fields<'_, '_>,
    place: impl Display,
    findings: &mut Findings<'_>,
) -> Option<bool> {
    let said = text(fields.get("forbidden")?, format_args!("`forbidden` in {place}"), findings)?;
    match said.value.as_str() {
        "forbidden" => Some(false),
        "not-found" => Some(true),
        other => {
            let message = format!("unknown answer `{other}`");
            findings.error(
                "unknown-answer",
                said.at,
                message,
                "write \"forbidden\" (403) or \"not-found\" (404)",
            );
            None
        }
    }
}

/// A whole number of seconds, minutes, hours or days, at most a hundred years.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let of_unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = digits.then_some(number)?.parse::<u64>().ok()?.checked_mul(of_unit)?;
    (seconds <= 36_525 * 86_400).then_some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        let good = [("0s", 0), ("10m", 600), ("1h", 3_600), ("30d", 2_592_000)];
        good.into_iter().for_each(|(text, seconds)| {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        });
        for bad in
            ["", "m", "10", "+1m", "1.5h", "1w", "-1s", " 1s", "1 s", "99999999999999999999s", "40000d", "é"]
        {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
