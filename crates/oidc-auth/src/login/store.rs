//! Where sessions are kept.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use gambeson_core::{Answer, BoxError, Subject, Timestamp};

use super::session::{Session, SessionKey};

/// A session as a store holds it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoredSession {
    /// The session.
    pub session: Session,
    /// Grows with each replacement.
    pub version: u64,
    /// When its browser was last seen, by [`SessionStore::touch`].
    pub last_seen: Timestamp,
}

impl StoredSession {
    /// What was found.
    #[must_use]
    pub const fn new(session: Session, version: u64, last_seen: Timestamp) -> Self {
        Self { session, version, last_seen }
    }
}

/// Keeps sessions under the digests of their ids. A local store answers [`Answer::Ready`]; one that asks over a network is
/// awaited on each request that has a session cookie.
///
/// Only people who logged in have sessions, so what a store holds does not grow by what strangers send.
pub trait SessionStore: Send + Sync + fmt::Debug {
    /// Keeps a new session, seen at `now`, in version 1.
    fn create(
        &self,
        key: SessionKey,
        session: Session,
        now: Timestamp,
    ) -> Answer<Result<(), SessionStoreError>>;

    /// The session of this key. Whether it is over is the caller's to see.
    fn load(&self, key: &SessionKey) -> Answer<Result<Option<StoredSession>, SessionStoreError>>;

    /// Puts another session in the place of the one with this version: the new version, or `None` when the session is gone
    /// or somebody else replaced it first. `last_seen` stays.
    fn replace(
        &self,
        key: &SessionKey,
        version: u64,
        session: Session,
    ) -> Answer<Result<Option<u64>, SessionStoreError>>;

    /// Notes that the browser was seen. A session that is gone is no error.
    fn touch(&self, key: &SessionKey, now: Timestamp) -> Answer<Result<(), SessionStoreError>>;

    /// Ends a session: what it was, if it was there. With a version only the one of this version, so that who learned
    /// something about an older one ends nothing newer. [`Session::end`] is called by the store.
    fn remove(
        &self,
        key: &SessionKey,
        version: Option<u64>,
    ) -> Answer<Result<Option<Session>, SessionStoreError>>;

    /// Ends all these sessions, with `until` those only that began before it ([`Session::created_at`]), and says how many there were.
    /// [`Session::end`] is called by the store. A session that is created meanwhile may stay; one of which the store does not know when it
    /// began ends.
    fn end_all(&self, of: &SessionsOf, until: Option<Timestamp>) -> Answer<Result<u64, SessionStoreError>>;
}

/// Sessions that end together. A store finds them by an index of each kind, not by looking through all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionsOf {
    /// All of a person: [`Session::subject`].
    Subject(Subject),
    /// Those of a person that name no log-in at the provider: of which one they came can't be told.
    SubjectWithoutSid(Subject),
    /// All that came of one log-in at the provider: [`Session::provider_session`] of its issuer.
    ProviderSession(ProviderSession),
}

/// The provider's name of a log-in (`sid`, OpenID Connect Back-Channel Logout 1.0 §2.1), unique within its issuer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ProviderSession {
    /// The issuer's exact name.
    pub issuer: Arc<str>,
    /// The name.
    pub sid: Box<str>,
}

impl ProviderSession {
    /// This log-in at this issuer.
    #[must_use]
    pub fn new(issuer: impl Into<Arc<str>>, sid: impl Into<Box<str>>) -> Self {
        Self { issuer: issuer.into(), sid: sid.into() }
    }
}

/// A store could not do what it was asked.
#[derive(Debug)]
pub struct SessionStoreError {
    kind: SessionStoreErrorKind,
    source: Option<BoxError>,
}

/// The classes of failure that a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionStoreErrorKind {
    /// It holds as many live sessions as it may: somebody has to log out or to raise the bound.
    Full,
    /// It can't be reached or is in trouble: try again.
    Unavailable,
}

impl SessionStoreError {
    /// An error of this kind.
    #[must_use]
    pub const fn new(kind: SessionStoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// With what is behind it. Its text must hold no secret.
    #[must_use]
    pub fn with_source(self, source: impl Into<BoxError>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// What the caller can act on.
    #[must_use]
    pub const fn kind(&self) -> SessionStoreErrorKind {
        self.kind
    }
}

impl fmt::Display for SessionStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            SessionStoreErrorKind::Full => "the session store is full",
            SessionStoreErrorKind::Unavailable => "the session store is unavailable",
        })
    }
}

impl Error for SessionStoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
