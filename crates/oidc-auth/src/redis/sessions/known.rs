//! The sessions that this instance has seen: so that a person stays the same principal from request to request, and long answers
//! end when another instance ends the session.

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gambeson_core::Timestamp;

use crate::login::{Session, SessionKey};

/// So many at most.
const MOST: usize = 20_000;

#[derive(Default)]
pub(super) struct Known(Mutex<State>);

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
    /// ends the long answers of the old one.
    pub(super) fn note(&self, key: SessionKey, version: u64, session: Session, now: Timestamp) -> Session {
        let digest = session.principal_digest();
        let mut state = self.state();
        if state.ended.contains(&key) || state.ended_before.contains(&key) {
            session.end();
            return session;
        }
        state.make_room(now);
        match state.sessions.entry(key) {
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whoever goes takes its long answers along: nobody could end them later.
    fn make_room(&mut self, now: Timestamp) {
        if self.sessions.len() < MOST {
            return;
        }
        self.sessions.retain(|_, seen| now < seen.session.ends_at());
        while self.sessions.len() >= MOST
            && let Some(key) = self.sessions.keys().next().copied()
            && let Some(seen) = self.sessions.remove(&key)
        {
            seen.session.end();
        }
    }
}
