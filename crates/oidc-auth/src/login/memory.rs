//! Sessions in the memory of this process.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use gambeson_core::{Answer, Subject, Timestamp};

use super::session::{Session, SessionKey};
use super::store::{SessionStore, SessionStoreError, SessionStoreErrorKind, StoredSession};

/// How many sessions come between two looks for those that are over.
const SWEEP_EVERY: u64 = 256;

/// Keeps sessions in this process: they end with it, and a second instance of the app does not know them.
///
/// Bounded: a person has so many sessions at most, of which the oldest goes when there would be one more; when the store is
/// full of live sessions the next log-in is refused, nobody else's session is taken away for it.
pub struct MemorySessions {
    capacity: usize,
    per_subject: usize,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    entries: HashMap<SessionKey, Entry>,
    /// Oldest first.
    subjects: HashMap<Subject, VecDeque<SessionKey>>,
    created: u64,
}

struct Entry {
    session: Session,
    version: u64,
    last_seen: AtomicI64,
}

impl Entry {
    fn last_seen(&self) -> Timestamp {
        Timestamp::from_unix_nanos(self.last_seen.load(Ordering::Relaxed))
    }
}

impl State {
    fn remove(&mut self, key: &SessionKey) -> Option<Session> {
        let Entry { session, .. } = self.entries.remove(key)?;
        if let Some(keys) = self.subjects.get_mut(session.subject()) {
            keys.retain(|other| other != key);
            if keys.is_empty() {
                self.subjects.remove(session.subject());
            }
        }
        session.end();
        Some(session)
    }

    fn sweep(&mut self, now: Timestamp) {
        let over = |(key, entry): (&SessionKey, &Entry)| {
            entry.session.is_over(entry.last_seen(), now).then_some(*key)
        };
        let over: Vec<SessionKey> = self.entries.iter().filter_map(over).collect();
        for key in &over {
            self.remove(key);
        }
    }

    fn oldest_beyond(&self, subject: &Subject, most: usize) -> Option<SessionKey> {
        let keys = self.subjects.get(subject)?;
        keys.front().filter(|_| keys.len() >= most).copied()
    }
}

impl Default for MemorySessions {
    fn default() -> Self {
        Self { capacity: 100_000, per_subject: 10, state: RwLock::default() }
    }
}

impl MemorySessions {
    /// A store for 100,000 sessions, 10 of each person.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another number of sessions, at least 1. A session takes a few kilobytes: its claims and its ID token.
    #[must_use]
    pub fn capacity(self, capacity: usize) -> Self {
        Self { capacity: capacity.max(1), ..self }
    }

    /// Another number of sessions of one person, at least 1.
    #[must_use]
    pub fn per_subject(self, per_subject: usize) -> Self {
        Self { per_subject: per_subject.max(1), ..self }
    }

    /// How many sessions it holds, those included that are over and not swept yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().entries.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn add(&self, key: SessionKey, session: Session, now: Timestamp) -> Result<(), SessionStoreError> {
        let mut state = self.write();
        state.created += 1;
        if state.created.is_multiple_of(SWEEP_EVERY) || state.entries.len() >= self.capacity {
            state.sweep(now);
        }
        while let Some(oldest) = state.oldest_beyond(session.subject(), self.per_subject) {
            state.remove(&oldest);
        }
        if state.entries.len() >= self.capacity {
            return Err(SessionStoreError::new(SessionStoreErrorKind::Full));
        }
        state.subjects.entry(session.subject().clone()).or_default().push_back(key);
        state.entries.insert(key, Entry { session, version: 1, last_seen: now.unix_nanos().into() });
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionStore for MemorySessions {
    fn create(
        &self,
        key: SessionKey,
        session: Session,
        now: Timestamp,
    ) -> Answer<Result<(), SessionStoreError>> {
        Answer::Ready(self.add(key, session, now))
    }

    fn load(&self, key: &SessionKey) -> Answer<Result<Option<StoredSession>, SessionStoreError>> {
        let state = self.read();
        let found = state.entries.get(key);
        Answer::Ready(Ok(
            found.map(|entry| StoredSession::new(entry.session.clone(), entry.version, entry.last_seen()))
        ))
    }

    fn replace(
        &self,
        key: &SessionKey,
        version: u64,
        session: Session,
    ) -> Answer<Result<Option<u64>, SessionStoreError>> {
        let mut state = self.write();
        let entry = state.entries.get_mut(key);
        Answer::Ready(Ok(entry.filter(|entry| entry.version == version).map(|entry| {
            entry.session = session;
            entry.version += 1;
            entry.version
        })))
    }

    fn touch(&self, key: &SessionKey, now: Timestamp) -> Answer<Result<(), SessionStoreError>> {
        if let Some(entry) = self.read().entries.get(key) {
            entry.last_seen.fetch_max(now.unix_nanos(), Ordering::Relaxed);
        }
        Answer::Ready(Ok(()))
    }

    fn remove(&self, key: &SessionKey) -> Answer<Result<Option<Session>, SessionStoreError>> {
        Answer::Ready(Ok(self.write().remove(key)))
    }

    fn remove_all(&self, subject: &Subject) -> Answer<Result<u64, SessionStoreError>> {
        let mut state = self.write();
        let keys = state.subjects.get(subject).cloned().unwrap_or_default();
        let ended = keys.iter().filter_map(|key| state.remove(key)).count();
        Answer::Ready(Ok(ended as u64))
    }
}

impl fmt::Debug for MemorySessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySessions")
            .field("sessions", &self.len())
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use gambeson_core::{FixedEntropy, Principal};

    use super::super::random::Random;
    use super::super::session::{Grant, SessionLifetime};
    use super::*;

    fn session(name: &str, now: i64) -> Session {
        let grant = Grant { id_token: "".into(), refresh_token: None, refresh_at: None, scope: "".into() };
        let now = Timestamp::from_unix_seconds(now);
        Session::new(Principal::user("i", name).build(), now, SessionLifetime::default(), grant)
    }

    fn add(store: &MemorySessions, name: &str, at: i64) -> Result<SessionKey, SessionStoreErrorKind> {
        let entropy = FixedEntropy::starting_at(store.read().created * 4);
        let key = SessionKey::of(&Random::new(&entropy).unwrap());
        let added = store.add(key, session(name, at), Timestamp::from_unix_seconds(at));
        added.map(|()| key).map_err(|error| error.kind())
    }

    fn there(store: &MemorySessions, key: &SessionKey) -> bool {
        store.load(key).ready().ok().unwrap().unwrap().is_some()
    }

    #[test]
    fn nobody_loses_a_session_to_somebody_else() {
        let store = MemorySessions::new().capacity(3).per_subject(2);
        let bob = add(&store, "bob", 0).unwrap();
        let first = add(&store, "alice", 0).unwrap();
        let old = store.load(&first).ready().ok().unwrap().unwrap().unwrap();
        let second = add(&store, "alice", 1).unwrap();
        let third = add(&store, "alice", 2).unwrap();
        assert!(!there(&store, &first) && old.session.principal().end_signal().has_ended());
        assert!(there(&store, &second) && there(&store, &third) && there(&store, &bob));
        assert_eq!(add(&store, "carol", 3), Err(SessionStoreErrorKind::Full));
        assert!(there(&store, &bob));
        let later = 8 * 3_600;
        assert!(add(&store, "carol", later).is_ok(), "what is over makes room");
        assert_eq!((store.len(), store.read().subjects.len()), (1, 1));
    }

    #[test]
    fn replaced_by_version_only() {
        let store = MemorySessions::new();
        let key = add(&store, "alice", 0).unwrap();
        let replace =
            |version| store.replace(&key, version, session("alice", 1)).ready().ok().unwrap().unwrap();
        assert_eq!((replace(1), replace(1), replace(2)), (Some(2), None, Some(3)));
        let alice = session("alice", 0).subject().clone();
        assert_eq!(store.remove_all(&alice).ready().ok().unwrap().unwrap(), 1);
        assert_eq!(replace(3), None);
        assert!(store.is_empty() && store.read().subjects.is_empty());
    }
}
