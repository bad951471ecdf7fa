//! Which traces are recorded.

use std::time::Duration;

use gambeson_core::ConfigProblems;

use crate::traceparent::Parent;

/// Which traces are recorded, and which single spans are kept nevertheless.
///
/// The decision falls before anything is built, by the last seven bytes of the trace id, so that services with different shares
/// record the same traces as far as they can (W3C Trace Context level 2, random trace id).
///
/// ```
/// use std::time::Duration;
/// use gambeson_otel_setup::Sampling;
///
/// let sampling = Sampling::parent_ratio(0.1).keep_errors(true).keep_slower_than(Duration::from_millis(800));
/// assert_ne!(sampling, Sampling::default());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
pub struct Sampling {
    /// The share of traces, 0 to 1.
    ratio: f64,
    /// Whether the flag of a trusted neighbour decides where there is one.
    follow_parent: bool,
    keep_errors: bool,
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    keep_slower_than: Option<Duration>,
}

impl Default for Sampling {
    /// Every trace, unless a trusted neighbour did not record it; then its failed requests.
    fn default() -> Self {
        Self::parent_ratio(1.0)
    }
}

impl Sampling {
    /// This share (0 to 1) of the traces that begin here; a trace that a trusted neighbour began is recorded when it is recorded
    /// there. Keeps errors.
    #[must_use]
    pub const fn parent_ratio(ratio: f64) -> Self {
        Self { ratio, follow_parent: true, keep_errors: true, keep_slower_than: None }
    }

    /// This share (0 to 1) of all traces, whatever a neighbour did. Keeps errors.
    #[must_use]
    pub const fn ratio(ratio: f64) -> Self {
        Self { follow_parent: false, ..Self::parent_ratio(ratio) }
    }

    /// Every trace, whatever a neighbour did.
    #[must_use]
    pub const fn always() -> Self {
        Self::ratio(1.0)
    }

    /// No trace and no error either.
    #[must_use]
    pub const fn never() -> Self {
        Self { keep_errors: false, ..Self::ratio(0.0) }
    }

    /// Whether the server span of a request that failed (by a fault of the server: status from 500 on, service or body failed) is
    /// kept although its trace is not recorded. It has no children then, and the attribute `gambeson.sampled_late`.
    #[must_use]
    pub const fn keep_errors(self, keep: bool) -> Self {
        Self { keep_errors: keep, ..self }
    }

    /// Keeps the server span of a request that took longer, as with errors. Default: none.
    #[must_use]
    pub const fn keep_slower_than(self, limit: Duration) -> Self {
        Self { keep_slower_than: Some(limit), ..self }
    }

    pub(crate) fn check(&self, problems: &mut ConfigProblems) {
        if !(0.0..=1.0).contains(&self.ratio) {
            problems.add("telemetry.sampling.ratio", self.ratio.to_string(), "give a share from 0 to 1");
        }
    }

    /// Whether the trace is recorded.
    pub(crate) fn records(&self, trace_id: &[u8; 16], parent: Option<&Parent>) -> bool {
        match parent {
            Some(parent) if self.follow_parent => parent.sampled(),
            _ => within(self.ratio, trace_id),
        }
    }

    /// Whether the span of a request that is over is kept although the trace is not recorded.
    pub(crate) fn keeps(&self, failed: bool, took: Duration) -> bool {
        (failed && self.keep_errors) || self.keep_slower_than.is_some_and(|limit| took > limit)
    }
}

/// Whether the random part of the id lies in the upper share.
fn within(ratio: f64, trace_id: &[u8; 16]) -> bool {
    // 53 of the 56 bits: as many as a double holds exactly.
    const RANGE: f64 = (1_u64 << 53) as f64;
    let [_, _, _, _, _, _, _, _, _, random @ ..] = *trace_id;
    let random = random.into_iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(byte));
    (random >> 3) as f64 >= (1.0 - ratio) * RANGE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(high: u8) -> [u8; 16] {
        let mut id = [1; 16];
        id[9] = high;
        id
    }

    #[test]
    fn the_share_is_taken_from_the_upper_end() {
        let half = Sampling::ratio(0.5);
        assert!(half.records(&id(0x80), None) && !half.records(&id(0x7f), None));
        assert!(Sampling::always().records(&[0; 16], None));
        assert!(!Sampling::never().records(&[0xff; 16], None));
    }

    #[test]
    fn late_spans_are_those_that_failed_or_were_slow() {
        let ms = Duration::from_millis;
        assert!(Sampling::default().keeps(true, ms(1)) && !Sampling::default().keeps(false, ms(10_000)));
        let slow = Sampling::never().keep_slower_than(ms(5));
        assert!(slow.keeps(false, ms(6)) && !slow.keeps(true, ms(5)));
    }

    #[test]
    fn a_share_beyond_the_whole_is_a_problem() {
        for ratio in [-0.1, 1.1, f64::NAN] {
            let mut problems = ConfigProblems::new();
            Sampling::ratio(ratio).check(&mut problems);
            assert!(!problems.is_empty(), "{ratio}");
        }
    }
}
