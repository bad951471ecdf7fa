//! Tokens that were refused a moment ago.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gambeson_core::Monotonic;

use crate::cache::CacheKey;

const TTL: Duration = Duration::from_secs(10);
const MOST: usize = 1_024;

/// Bounded, and apart from what is kept of good tokens. By the clock that never goes back, or a wall clock that is set back would make a
/// refusal last.
#[derive(Default)]
pub(super) struct Refused(Mutex<State>);

#[derive(Default)]
struct State {
    known: HashSet<CacheKey>,
    /// Oldest first, with its end.
    order: VecDeque<(Monotonic, CacheKey)>,
}

impl Refused {
    pub(super) fn knows(&self, name: &CacheKey, now: Monotonic) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { known, order } = &mut *state;
        while let Some((_, old)) = order.front().copied().filter(|(until, _)| *until <= now) {
            order.pop_front();
            known.remove(&old);
        }
        known.contains(name)
    }

    pub(super) fn remember(&self, name: CacheKey, now: Monotonic) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { known, order } = &mut *state;
        if !known.insert(name) {
            return;
        }
        order.push_back((now.plus(TTL), name));
        if order.len() > MOST
            && let Some((_, oldest)) = order.pop_front()
        {
            known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded_in_time_and_number() {
        let refused = Refused::default();
        let name = |n: u32| CacheKey::new(&[0; 32], n.to_string().as_bytes());
        let at = |seconds| Monotonic::default().plus(Duration::from_secs(seconds));
        refused.remember(name(0), at(0));
        assert!(refused.knows(&name(0), at(9)) && !refused.knows(&name(0), at(10)));
        for n in 0..5_000 {
            refused.remember(name(n), at(20));
        }
        assert_eq!(refused.0.lock().unwrap().known.len(), MOST);
        assert!(refused.knows(&name(4_999), at(20)) && !refused.knows(&name(0), at(20)));
    }
}
