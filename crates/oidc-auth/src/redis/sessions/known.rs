//! The sessions that this instance has seen: so that a person stays the same principal from request to request, and long answers
//! end when another instance ends the session.

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gambeson_core::Timestamp;

use crate::login::{Session, SessionKey};

pub(super) struct Known {
    /// So many at most.
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sessions: HashMap<SessionKey, Seen>,
    /// Those that were ended a moment ago: an answer that was under way may still bring them.
    ended: HashSet<SessionKey>,
    ended_before: HashSet<SessionKey>,
}

struct Seen {
    version: u64,
    /// Of the principal.
    digest: [u8; 32],
    session: Session,
}

impl Known {
    pub(super) fn new(most: usize) -> Self {
        Self { most, state: Mutex::default() }
    }

    /// The session in this version, if it was seen.
    pub(super) fn get(&self, key: &SessionKey, version: u64) -> Option<Session> {
        let state = self.state();
        state.sessions.get(key).filter(|seen| seen.version == version).map(|seen| seen.session.clone())
    }

    /// Whether the principal that was seen under this key is another than the session's, or none was.
    pub(super) fn differs(&self, key: &SessionKey, session: &Session) -> bool {
        let digest = session.principal_digest();
        self.state().sessions.get(key).is_none_or(|seen| seen.digest != digest)
    }

    /// Notes a session, and gives it the principal that is known already while nothing about it changed. One that is another now
    /// ends the long answers of the old one. `None` for a session that was ended meanwhile.
    pub(super) fn note(
        &self,
        key: SessionKey,
        version: u64,
        session: Session,
        now: Timestamp,
    ) -> Option<Session> {
        let digest = session.principal_digest();
        let mut state = self.state();
        if state.ended.contains(&key) || state.ended_before.contains(&key) {
            session.end();
            return None;
        }
        state.make_room(self.most, now);
        Some(match state.sessions.entry(key) {
            Slot::Vacant(slot) => slot.insert(Seen { version, digest, session }).session.clone(),
            Slot::Occupied(mut slot) => {
                let seen = slot.get_mut();
                let session = match seen.digest == digest {
                    true => session.with_principal(seen.session.principal().clone()),
                    false => session,
                };
                if version > seen.version {
                    if seen.digest != digest {
                        seen.session.end();
                    }
                    *seen = Seen { version, digest, session: session.clone() };
                }
                session
            }
        })
    }

    /// The session is not there any more. Of one that was never seen nothing is noted: strangers can ask for any.
    pub(super) fn gone(&self, key: &SessionKey) {
        if self.state().sessions.contains_key(key) {
            self.end(key);
        }
    }

    /// The session is over.
    pub(super) fn end(&self, key: &SessionKey) {
        let mut state = self.state();
        state.ended.insert(*key);
        if let Some(seen) = state.sessions.remove(key) {
            seen.session.end();
        }
    }

    /// The session has another principal from this version on.
    pub(super) fn end_before(&self, key: &SessionKey, version: u64) {
        let mut state = self.state();
        if state.sessions.get(key).is_some_and(|seen| seen.version < version)
            && let Some(seen) = state.sessions.remove(key)
        {
            seen.session.end();
        }
    }

    /// What became of them is not known.
    pub(super) fn end_all(&self) {
        for (_, seen) in self.state().sessions.drain() {
            seen.session.end();
        }
    }

    /// Lets go of what was ended before the last turn.
    pub(super) fn turn(&self) {
        let mut state = self.state();
        state.ended_before = std::mem::take(&mut state.ended);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whoever goes takes its long answers along: nobody could end them later. An eighth goes at a time, so that not each new session
    /// has all looked through.
    fn make_room(&mut self, most: usize, now: Timestamp) {
        if self.sessions.len() < most {
            return;
        }
        let left = most - most.div_ceil(8);
        self.sessions.retain(|_, seen| now < seen.session.ends_at());
        let beyond = self.sessions.len().saturating_sub(left);
        let keys: Vec<SessionKey> = self.sessions.keys().take(beyond).copied().collect();
        for seen in keys.iter().filter_map(|key| self.sessions.remove(key)) {
            seen.session.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use gambeson_core::Principal;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_000);

    fn session() -> Session {
        Session::of(Principal::user("https://id.example", "alice").build(), NOW)
    }

    fn key(number: u8) -> SessionKey {
        SessionKey::from_bytes([number; 32])
    }

    #[test]
    fn a_session_that_was_ended_is_not_given_out_again() {
        let known = Known::new(100);
        assert!(known.note(key(1), 1, session(), NOW).is_some());
        known.gone(&key(1));
        let late = session();
        assert!(known.note(key(1), 1, late.clone(), NOW).is_none(), "an answer that was under way");
        assert!(late.principal().end_signal().has_ended());
        known.turn();
        assert!(known.note(key(1), 1, session(), NOW).is_none());
        known.turn();
        assert!(known.note(key(1), 1, session(), NOW).is_some(), "forgotten after two turns");
    }

    #[test]
    fn sessions_that_nobody_has_take_no_room() {
        let known = Known::new(100);
        (0..=255).for_each(|number| known.gone(&key(number)));
        assert!(known.state().ended.is_empty() && known.state().sessions.is_empty());
    }

    #[test]
    fn many_go_at_a_time_with_their_long_answers() {
        let known = Known::new(16);
        let first: Vec<Session> =
            (0..16).filter_map(|number| known.note(key(number), 1, session(), NOW)).collect();
        assert_eq!((first.len(), known.state().sessions.len()), (16, 16));
        known.note(key(16), 1, session(), NOW).unwrap();
        assert_eq!(known.state().sessions.len(), 15, "an eighth went");
        let ended = first.iter().filter(|session| session.principal().end_signal().has_ended());
        assert_eq!(ended.count(), 2);
    }
}
