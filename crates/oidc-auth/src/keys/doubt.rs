//! How often wrong signatures under known names may ask for the keys.

use std::time::Duration;

use gambeson_core::Monotonic;

/// The longest rest: a key that was replaced under its name while somebody forges is noticed after so long.
const LONGEST: Duration = Duration::from_secs(60);

/// Doubt whether the known keys are still the published ones. Whoever forges tokens can raise it at any rate, so each fetch
/// that was made for it in vain puts the next one off for twice as long.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// The number of the fetch that was asked for.
    raised: Option<u64>,
    vain: u32,
    rests_until: Monotonic,
}

impl Doubt {
    /// Whether to ask for the fetch of the number `next`.
    pub(super) fn raise(&mut self, now: Monotonic, next: u64) -> bool {
        if self.raised.is_some() || now < self.rests_until {
            return false;
        }
        self.raised = Some(next);
        true
    }

    /// The fetch of this number has ended, with other keys or not.
    pub(super) fn settle(&mut self, now: Monotonic, ended: u64, news: bool) {
        if news {
            *self = Self::default();
        } else if self.raised.take_if(|raised| *raised <= ended).is_some() {
            self.vain = self.vain.saturating_add(1);
            let rest = Duration::from_secs(2 << self.vain.min(5)).min(LONGEST);
            self.rests_until = now.plus(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::default().plus(Duration::from_secs(seconds))
    }

    #[test]
    fn each_vain_fetch_doubles_the_rest_and_news_end_it() {
        let mut doubt = Doubt::default();
        let mut now = 0;
        for (fetch, rest) in (1..).zip([4, 8, 16, 32, 60, 60, 60]) {
            assert!(doubt.raise(at(now), fetch) && !doubt.raise(at(now), fetch), "one fetch is enough");
            doubt.settle(at(now), fetch, false);
            assert!(!doubt.raise(at(now + rest - 1), fetch + 1), "rests for {rest} s");
            now += rest;
        }
        doubt.settle(at(now), 8, true);
        assert!(doubt.raise(at(now), 9));
        doubt.settle(at(now), 9, false);
        assert!(doubt.raise(at(now + 4), 10), "it begins anew");
    }

    #[test]
    fn a_fetch_that_was_under_way_before_settles_nothing() {
        let mut doubt = Doubt::default();
        assert!(doubt.raise(at(0), 5));
        doubt.settle(at(0), 4, false);
        assert!(!doubt.raise(at(0), 6), "still asked for");
        doubt.settle(at(1), 5, false);
        assert!(!doubt.raise(at(4), 6) && doubt.raise(at(5), 6));
        doubt.settle(at(5), 6, false);
    }
}
