//! What was seen of one subject.

use std::time::{Duration, Instant};

use http::StatusCode;

use crate::Row;

const CRATE: &str = "oidc-auth";

/// Two seconds, less what two requests may be late on their way to the server.
const WINDOW: Duration = Duration::from_millis(1_950);

/// The answers to valid tokens, and what the issuer was asked.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) unauthorized: u32,
    pub(super) other_refusals: u32,
    /// From the swap to the first token of the new key that was accepted.
    pub(super) delay: Option<Duration>,
    pub(super) longest: Duration,
    /// The requests to the issuer between the start of the flood and the swap.
    pub(super) asked: Vec<Instant>,
    pub(super) junk_per_second: f64,
}

impl Seen {
    pub(super) fn refused(&mut self, status: StatusCode) {
        match status {
            StatusCode::UNAUTHORIZED => self.unauthorized += 1,
            _ => self.other_refusals += 1,
        }
    }

    pub(super) fn quiet_rows(&self, subject: &'static str) -> Vec<Row> {
        vec![
            row(subject, "rotation_false_401", "count", f64::from(self.unauthorized)),
            row(subject, "rotation_other_refusals", "count", f64::from(self.other_refusals)),
            self.delay_row(subject, "rotation_delay"),
        ]
    }

    pub(super) fn flooded_rows(&self, subject: &'static str) -> Vec<Row> {
        vec![
            row(subject, "junk_kids_per_second", "per_second", self.junk_per_second.round()),
            row(subject, "junk_kid_fetches_per_2s", "count", most_within(&self.asked, WINDOW) as f64),
            row(subject, "junk_kid_false_401", "count", f64::from(self.unauthorized)),
            row(subject, "junk_kid_other_refusals", "count", f64::from(self.other_refusals)),
            self.delay_row(subject, "junk_kid_rotation_delay"),
        ]
    }

    fn delay_row(&self, subject: &'static str, case: &'static str) -> Row {
        let known = row(subject, case, "ms", self.delay.unwrap_or(self.longest).as_secs_f64() * 1e3);
        match self.delay {
            Some(_) => known,
            None => Row { unit: "ms or more", ..known },
        }
    }
}

fn row(subject: &'static str, case: &'static str, metric: &'static str, value: f64) -> Row {
    Row { krate: CRATE, case, subject, metric, value, unit: metric }
}

/// How many of these moments lie within one stretch of time at most.
fn most_within(moments: &[Instant], stretch: Duration) -> usize {
    let within = |(first, start): (usize, &Instant)| {
        moments.iter().skip(first).take_while(|moment| moment.duration_since(*start) < stretch).count()
    };
    moments.iter().enumerate().map(within).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_stretch_counts() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(most_within(&[], WINDOW), 0);
        assert_eq!(most_within(&[at(0), at(1_951), at(3_980)], WINDOW), 1);
        assert_eq!(most_within(&[at(0), at(5_000), at(5_100), at(6_949)], WINDOW), 3);
    }

    #[test]
    fn who_never_accepts_is_told_with_the_time_that_was_waited() {
        let never = Seen { longest: Duration::from_secs(9), ..Seen::default() };
        let rows = never.quiet_rows("peer");
        let delay = rows.iter().find(|row| row.case == "rotation_delay").expect("a delay");
        assert_eq!((delay.value, delay.unit), (9_000.0, "ms or more"));
    }
}
