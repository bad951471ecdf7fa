//! From when until when a grant holds.

use gambeson_core::Timestamp;

/// From a moment on, until just before another; by the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Window {
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

impl Window {
    /// Whether it is open for good.
    pub(crate) fn is_always(self) -> bool {
        self == Self::default()
    }

    pub(crate) fn is_open(self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| now >= from) && self.until.is_none_or(|until| now < until)
    }

    /// Whether there is a moment at which it is open.
    pub(crate) fn can_open(self) -> bool {
        !matches!((self.from, self.until), (Some(from), Some(until)) if from >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_moment_is_in_and_the_last_is_out() {
        let at = Timestamp::from_unix_seconds;
        let window = Window { from: Some(at(10)), until: Some(at(20)) };
        let open: Vec<bool> = [9, 10, 19, 20].map(|now| window.is_open(at(now))).into();
        assert_eq!(open, [false, true, true, false]);
        assert!(Window::default().is_open(at(0)) && Window::default().is_always());
        assert!(window.can_open() && !Window { from: Some(at(20)), ..window }.can_open());
    }
}
