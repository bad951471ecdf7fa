//! Whether the clocks agree, by the `Date` of the issuer's answer (RFC 9110 §6.6.1).

use std::time::Duration;

use gambeson_core::Timestamp;
use http::HeaderMap;

use super::Report;
use crate::http_date::clock_of;

/// Compares.
pub(super) fn examine(headers: &HeaderMap, now: Timestamp, leeway: Duration, report: &mut Report) {
    let Some(theirs) = clock_of(headers) else {
        let cure = "compare the clocks by hand; tokens are refused where they differ by more than the leeway";
        return report.weak("clock", "the answer has no Date to compare with", cure);
    };
    let ahead = now.unix_seconds().saturating_sub(theirs);
    let side = if ahead < 0 { "behind" } else { "ahead of" };
    let what = format!("this clock is {} s {side} the issuer's", ahead.unsigned_abs());
    match ahead.unsigned_abs() {
        0..=5 => report.good("clock", what),
        seconds if seconds <= leeway.as_secs() => report.weak("clock", what, "synchronise both clocks (NTP)"),
        _ => {
            let cure = "good tokens are refused, or expired ones taken: synchronise this machine's clock (NTP), then the issuer's";
            report.bad("clock", what, cure);
        }
    }
}
