//! Logout tokens that came by: each counts once.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gambeson_core::Timestamp;

use super::super::random::sha256;

/// How many are remembered. Only the provider's own tokens get here, so that many at a time are many log-outs. One that is forgotten
/// early, or comes to another instance, ends nothing that its person has begun since.
const MOST: usize = 8_192;

#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    names: HashSet<[u8; 32]>,
    /// Oldest first, with the time from which its token is over.
    order: VecDeque<(Timestamp, [u8; 32])>,
}

impl Seen {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        self.state().names.contains(&sha256(id.as_bytes()))
    }

    /// `false` when it is known already.
    pub(super) fn remember(&self, id: &str, until: Timestamp, now: Timestamp) -> bool {
        let (mut state, name) = (self.state(), sha256(id.as_bytes()));
        while state.order.front().is_some_and(|(until, _)| *until <= now) || state.order.len() >= MOST {
            let Some((_, oldest)) = state.order.pop_front() else { break };
            state.names.remove(&oldest);
        }
        let is_new = state.names.insert(name);
        if is_new {
            state.order.push_back((until, name));
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded_and_forgotten_in_time() {
        let (seen, at) = (Seen::default(), Timestamp::from_unix_seconds);
        assert!(seen.remember("a", at(10), at(0)));
        assert!(!seen.remember("a", at(20), at(0)));
        assert!(seen.knows("a") && !seen.knows("b"));
        seen.remember("b", at(20), at(10));
        assert!(!seen.knows("a") && seen.knows("b"));
        (0..MOST).for_each(|id| assert!(seen.remember(&id.to_string(), at(99), at(11))));
        assert!(!seen.knows("b") && seen.knows("0"));
        let state = seen.state();
        assert_eq!((state.names.len(), state.order.len()), (MOST, MOST));
    }
}
