//! Sessions in the memory of this process.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use gambeson_core::{Answer, Subject, Timestamp};

use super::memory_index::Index;
use super::session::{Session, SessionKey};
use super::store::{
    ProviderSession, SessionStore, SessionStoreError, SessionStoreErrorKind, SessionsOf, StoredSession,
};

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
    subjects: Index<Subject>,
    provider_sessions: Index<ProviderSession>,
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
    fn insert(&mut self, key: SessionKey, entry: Entry) {
        self.subjects.add(entry.session.subject().clone(), key);
        if let Some(provider_session) = entry.session.provider_session() {
            self.provider_sessions.add(provider_session, key);
        }
        self.entries.insert(key, entry);
    }

    fn remove(&mut self, key: &SessionKey) -> Option<Session> {
        let Entry { session, .. } = self.entries.remove(key)?;
        self.subjects.remove(session.subject(), key);
        if let Some(provider_session) = session.provider_session() {
            self.provider_sessions.remove(&provider_session, key);
        }
        session.end();
        Some(session)
    }

    fn has(&self, key: &SessionKey, version: Option<u64>) -> bool {
        let entry = self.entries.get(key);
        entry.is_some_and(|entry| version.is_none_or(|version| entry.version == version))
    }

    fn falls_under(&self, key: &SessionKey, of: &SessionsOf, until: Option<Timestamp>) -> bool {
        let Some(Entry { session, .. }) = self.entries.get(key) else { return false };
        let names_none = || session.principal().session_id().is_none();
        until.is_none_or(|until| session.created_at() < until)
            && (!matches!(of, SessionsOf::SubjectWithoutSid(_)) || names_none())
    }

    fn replace(&mut self, key: &SessionKey, session: Session) -> Option<u64> {
        let entry = self.entries.get_mut(key)?;
        let (old, new) = (entry.session.provider_session(), session.provider_session());
        entry.session = session;
        entry.version += 1;
        let version = entry.version;
        if old != new {
            old.iter().for_each(|old| self.provider_sessions.remove(old, key));
            new.into_iter().for_each(|new| self.provider_sessions.add(new, *key));
        }
        Some(version)
    }

    fn sweep_of(&mut self, keys: &[SessionKey], now: Timestamp) {
        for key in keys {
            let entry = self.entries.get(key);
            if entry.is_some_and(|entry| entry.session.is_over(entry.last_seen(), now)) {
                self.remove(key);
            }
        }
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
        if state.subjects.oldest_beyond(session.subject(), self.per_subject).is_some() {
            // What is over gives its place first: a device that is in use is not signed out for it.
            let theirs = state.subjects.of(session.subject());
            state.sweep_of(&theirs, now);
        }
        while let Some(oldest) = state.subjects.oldest_beyond(session.subject(), self.per_subject) {
            state.remove(&oldest);
        }
        if state.entries.len() >= self.capacity {
            return Err(SessionStoreError::new(SessionStoreErrorKind::Full));
        }
        state.insert(key, Entry { session, version: 1, last_seen: now.unix_nanos().into() });
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
        let there = state.has(key, Some(version));
        Answer::Ready(Ok(there.then(|| state.replace(key, session)).flatten()))
    }

    fn touch(&self, key: &SessionKey, now: Timestamp) -> Answer<Result<(), SessionStoreError>> {
        if let Some(entry) = self.read().entries.get(key) {
            entry.last_seen.fetch_max(now.unix_nanos(), Ordering::Relaxed);
        }
        Answer::Ready(Ok(()))
    }

    fn remove(
        &self,
        key: &SessionKey,
        version: Option<u64>,
    ) -> Answer<Result<Option<Session>, SessionStoreError>> {
        let mut state = self.write();
        let there = state.has(key, version);
        Answer::Ready(Ok(there.then(|| state.remove(key)).flatten()))
    }

    fn end_all(&self, of: &SessionsOf, until: Option<Timestamp>) -> Answer<Result<u64, SessionStoreError>> {
        let mut state = self.write();
        let mut keys = match of {
            SessionsOf::Subject(subject) | SessionsOf::SubjectWithoutSid(subject) => {
                state.subjects.of(subject)
            }
            SessionsOf::ProviderSession(provider_session) => state.provider_sessions.of(provider_session),
        };
        keys.retain(|key| state.falls_under(key, of, until));
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
        begun(Principal::user("i", name).build(), now)
    }

    fn begun(principal: Principal, now: i64) -> Session {
        let grant = Grant { id_token: "".into(), refresh_token: None, refresh_at: None, scope: "".into() };
        Session::new(principal, Timestamp::from_unix_seconds(now), SessionLifetime::default(), grant)
    }

    fn of(name: &str, sid: Option<&str>) -> Session {
        let builder = Principal::user("i", name);
        begun(sid.into_iter().fold(builder, |builder, sid| builder.session_id(sid)).build(), 0)
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
    fn what_is_over_gives_its_place_before_what_is_used() {
        let store = MemorySessions::new().per_subject(2);
        let (old, newer) = (add(&store, "alice", 0).unwrap(), add(&store, "alice", 1).unwrap());
        // The older one is in use, the newer one was left idle.
        let _ = store.touch(&old, Timestamp::from_unix_seconds(1_700)).ready();
        let third = add(&store, "alice", 1_900).unwrap();
        assert_eq!([old, newer, third].map(|key| there(&store, &key)), [true, false, true]);
    }

    #[test]
    fn replaced_and_removed_by_version_only() {
        let store = MemorySessions::new();
        let key = add(&store, "alice", 0).unwrap();
        let replace =
            |version| store.replace(&key, version, session("alice", 1)).ready().ok().unwrap().unwrap();
        let remove = |version| store.remove(&key, version).ready().ok().unwrap().unwrap().is_some();
        assert_eq!((replace(1), replace(1), replace(2)), (Some(2), None, Some(3)));
        assert_eq!(
            (remove(Some(2)), remove(Some(3)), remove(Some(3)), remove(None)),
            (false, true, false, false)
        );
        assert_eq!(replace(3), None);
        assert!(store.is_empty() && store.read().subjects.len() == 0);
    }

    fn end_all(store: &MemorySessions, of: &SessionsOf) -> u64 {
        store.end_all(of, None).ready().ok().unwrap().unwrap()
    }

    fn provider_session(sid: &str) -> SessionsOf {
        SessionsOf::ProviderSession(ProviderSession::new("i", sid))
    }

    #[test]
    fn ended_by_person_and_by_log_in_at_the_provider() {
        let store = MemorySessions::new();
        let add = |name: &str, sid| {
            let entropy = FixedEntropy::starting_at(store.read().created * 4);
            let key = SessionKey::of(&Random::new(&entropy).unwrap());
            store.add(key, of(name, sid), Timestamp::default()).unwrap();
            key
        };
        let (desk, phone, other) = (add("alice", Some("a")), add("alice", Some("b")), add("bob", Some("c")));
        let nameless = add("alice", None);
        assert_eq!(end_all(&store, &provider_session("x")), 0);
        let foreign = ProviderSession::new("another issuer", "a");
        assert_eq!(end_all(&store, &SessionsOf::ProviderSession(foreign)), 0);
        let principal = store.load(&desk).ready().ok().unwrap().unwrap().unwrap().session;
        assert_eq!(end_all(&store, &provider_session("a")), 1);
        assert!(principal.principal().end_signal().has_ended());
        assert_eq!([desk, phone, nameless, other].map(|key| there(&store, &key)), [false, true, true, true]);
        store.replace(&phone, 1, of("alice", Some("new"))).ready().ok().unwrap().unwrap();
        assert_eq!(end_all(&store, &provider_session("b")), 0, "the provider gave it another name");
        let alice = SessionsOf::Subject(of("alice", None).subject().clone());
        assert_eq!((end_all(&store, &alice), end_all(&store, &alice)), (2, 0));
        assert!(there(&store, &other));
        assert_eq!(end_all(&store, &provider_session("c")), 1);
        let state = store.read();
        assert_eq!((state.entries.len(), state.subjects.len(), state.provider_sessions.len()), (0, 0, 0));
    }
}
