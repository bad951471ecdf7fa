//! Sessions that all instances know.

mod follow;
mod known;
mod scripts;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::redis::{Cmd, Value, cmd};
use gambeson_core::{Answer, Timestamp};
use tokio::sync::OnceCell;

use self::follow::Following;
use self::known::Known;
use super::address::Kept;
use super::builder::Settings;
use super::link::{Ask, Link, LinkError};
use super::log::{self, APPEND, Log};
use super::names::{Names, hex};
use super::telemetry;
use crate::login::{
    Session, SessionKey, SessionSeal, SessionStore, SessionStoreError, SessionStoreErrorKind, SessionsOf,
    StoredSession,
};

/// So long an instance can have been away and still hear of each session that was ended.
const KEEP_ENDED: Duration = Duration::from_secs(600);

/// Keeps sessions in Redis: they outlive the process, and every instance knows them. Made by
/// [`RedisStores::sessions`](super::RedisStores::sessions).
///
/// One round trip a request; another one now and then, behind it, to note that the browser was seen. Sessions are sealed
/// ([`SessionSeal`]) under the digests of their ids, and expire by themselves at their idle or absolute end; of those nobody is told in
/// the audit trail. A person has [`RedisStoresBuilder::per_subject`](super::RedisStoresBuilder::per_subject) sessions at most, of which the oldest goes.
///
/// A session that is ended is not there for the next request of any instance. Long answers at other instances end when those next
/// ask, within [`RedisStoresBuilder::poll_every`](super::RedisStoresBuilder::poll_every). When the server was lost and came back empty, all long answers end.
///
/// What is there but can't be read (another key, a newer format, something else) is no session, and a warning in the log.
#[derive(Clone)]
pub struct RedisSessions(Arc<Inner>);

struct Inner {
    link: Link,
    names: Names,
    settings: Settings,
    key: Kept,
    seal: OnceCell<SessionSeal>,
    log: Log,
    known: Known,
    following: Following,
}

impl RedisSessions {
    pub(super) fn new(link: Link, names: Names, settings: Settings, key: Kept) -> Self {
        let log = Log::new(link.clone(), names.ended(), settings.log_ids.clone());
        let known = Known::new(settings.remember);
        let (seal, following) = (OnceCell::new(), Following::default());
        Self(Arc::new(Inner { link, names, settings, key, seal, log, known, following }))
    }

    /// Work that is waited for.
    fn later<T: 'static, F>(&self, work: impl FnOnce(Arc<Inner>) -> F) -> Answer<Result<T, SessionStoreError>>
    where
        F: Future<Output = Result<T, LinkError>> + Send + 'static,
    {
        let store = Arc::clone(&self.0);
        store.keep_following();
        let work = work(store);
        Answer::pending(async move { work.await.map_err(unavailable) })
    }
}

fn unavailable(error: LinkError) -> SessionStoreError {
    let kind = match error.is_full() {
        true => SessionStoreErrorKind::Full,
        false => SessionStoreErrorKind::Unavailable,
    };
    SessionStoreError::new(kind).with_source(error)
}

impl Inner {
    async fn seal(&self) -> Result<&SessionSeal, LinkError> {
        let made = self.seal.get_or_try_init(|| async {
            let secret = self.link.within(self.key.read()).await;
            let secret =
                secret.ok_or_else(|| LinkError::new("the secret of sessions did not come in time"))?;
            let secret = secret.map_err(LinkError::new)?;
            SessionSeal::new(&secret).map_err(LinkError::new)
        });
        made.await
    }

    async fn sealed(&self, key: &SessionKey, session: &Session) -> Result<Vec<u8>, LinkError> {
        self.seal().await?.seal(key, session, &*self.settings.entropy).map_err(LinkError::new)
    }

    fn now(&self) -> Timestamp {
        self.link.parts().clock.now()
    }

    /// A script with its keys, and the arguments that most of them begin with.
    fn script(&self, text: &str, keys: &[&str]) -> Cmd {
        let mut command = cmd("EVAL");
        command.arg([APPEND, scripts::FORGET, text].concat()).arg(keys.len());
        for key in keys {
            command.arg(*key);
        }
        command
    }

    /// The same for scripts that may write to the log.
    fn logging(&self, text: &str, keys: &[&str]) -> Cmd {
        let mut command = self.script(text, keys);
        command.arg(self.log.id()).arg(millis(KEEP_ENDED));
        command
    }

    async fn create(&self, key: SessionKey, session: Session, now: Timestamp) -> Result<(), LinkError> {
        let sealed = self.sealed(&key, &session).await?;
        let (name, subject) = (self.names.session(key.as_bytes()), self.names.of_subject(session.subject()));
        let provider = self.provider_set(&session);
        let keys = [&name, &subject, self.log.key()];
        let keys: Vec<&str> = keys.into_iter().chain(provider.as_deref()).collect();
        let mut command = self.logging(scripts::CREATE, &keys);
        command.arg(self.names.sessions()).arg(hex(key.as_bytes())).arg(sealed).arg(millis_of(now));
        command.arg(millis(session.idle())).arg(millis(session.ends_at().since(now)));
        command.arg(self.settings.per_subject).arg(millis_of(session.created_at()));
        self.link.ask(Ask::One(command)).await?;
        self.known.note(key, 1, session, now);
        Ok(())
    }

    async fn load(&self, key: SessionKey) -> Result<Option<StoredSession>, LinkError> {
        let name = self.names.session(key.as_bytes());
        let ask = || {
            let mut command = cmd("HMGET");
            command.arg(&name).arg("v").arg("t").arg("d");
            Ask::One(command)
        };
        let answer = match self.link.ask_again(ask).await {
            Err(error) if error.is_of_another_kind() => {
                telemetry::foreign_session("it is of another kind");
                return Ok(None);
            }
            answer => answer?,
        };
        let Some(found) = Found::read(&answer) else {
            if !log::list(&answer).is_some_and(|parts| parts.iter().all(|part| *part == Value::Nil)) {
                telemetry::foreign_session("parts of it are missing");
            }
            self.known.gone(&key);
            return Ok(None);
        };
        let session = match self.known.get(&key, found.version) {
            Some(session) => session,
            None => match self.seal().await?.open(&key, found.sealed) {
                Ok(session) => match self.known.note(key, found.version, session, self.now()) {
                    Some(session) => session,
                    None => return Ok(None),
                },
                Err(why) => {
                    telemetry::foreign_session(why.as_str());
                    return Ok(None);
                }
            },
        };
        Ok(Some(StoredSession::new(session, found.version, found.last_seen)))
    }

    async fn replace(
        &self,
        key: SessionKey,
        version: u64,
        session: Session,
    ) -> Result<Option<u64>, LinkError> {
        let sealed = self.sealed(&key, &session).await?;
        let name = self.names.session(key.as_bytes());
        let provider = self.provider_set(&session);
        let keys: Vec<&str> = [&name, self.log.key()].into_iter().chain(provider.as_deref()).collect();
        let mut command = self.logging(scripts::REPLACE, &keys);
        let is_another = u8::from(self.known.differs(&key, &session));
        command.arg(hex(key.as_bytes())).arg(version).arg(sealed).arg(is_another);
        match self.link.ask(Ask::One(command)).await? {
            Value::Int(version) => {
                let version = u64::try_from(version).map_err(LinkError::new)?;
                Ok(self.known.note(key, version, session, self.now()).map(|_| version))
            }
            _ => Ok(None),
        }
    }

    async fn touch(&self, key: SessionKey, now: Timestamp) -> Result<(), LinkError> {
        let mut command = self.script(scripts::TOUCH, &[&self.names.session(key.as_bytes())]);
        command.arg(millis_of(now));
        self.link.ask(Ask::One(command)).await.map(drop)
    }

    async fn remove(&self, key: SessionKey, version: Option<u64>) -> Result<Option<Session>, LinkError> {
        let name = self.names.session(key.as_bytes());
        let mut command = self.logging(scripts::REMOVE, &[&name, self.log.key()]);
        command.arg(self.names.sessions()).arg(hex(key.as_bytes()));
        command.arg(version.map(|version| version.to_string()).unwrap_or_default());
        let answer = self.link.ask(Ask::One(command)).await?;
        let Some(sealed) = log::bytes(&answer) else { return Ok(None) };
        self.known.end(&key);
        match self.seal().await?.open(&key, sealed) {
            Ok(session) => {
                session.end();
                Ok(Some(session))
            }
            Err(why) => {
                telemetry::foreign_session(why.as_str());
                Ok(None)
            }
        }
    }

    async fn end_all(&self, of: SessionsOf, until: Option<Timestamp>) -> Result<u64, LinkError> {
        let set = match &of {
            SessionsOf::Subject(subject) | SessionsOf::SubjectWithoutSid(subject) => {
                self.names.of_subject(subject)
            }
            SessionsOf::ProviderSession(session) => {
                self.names.of_provider_session(&session.issuer, &session.sid)
            }
        };
        let mut command = self.logging(scripts::END_ALL, &[&set, self.log.key()]);
        command.arg(self.names.sessions());
        // Rounded up: what began within the same millisecond may have begun before.
        let until = until.map(|until| millis_of(until.plus(Duration::from_nanos(999_999))).to_string());
        command.arg(until.unwrap_or_default());
        command.arg(u8::from(matches!(of, SessionsOf::SubjectWithoutSid(_))));
        let answer = self.link.ask(Ask::One(command)).await?;
        let ended = log::list(&answer).unwrap_or_default();
        ended.iter().filter_map(|name| key_of(log::text(name)?)).for_each(|key| self.known.end(&key));
        Ok(ended.len() as u64)
    }

    /// The set of the sessions of the same log-in at the provider, where it names one. An empty name would be a key that the server's
    /// user may not have.
    fn provider_set(&self, session: &Session) -> Option<String> {
        let provider = session.provider_session();
        let name = |of: crate::login::ProviderSession| self.names.of_provider_session(&of.issuer, &of.sid);
        provider.map(name)
    }
}

/// What stands under a key.
struct Found<'a> {
    version: u64,
    last_seen: Timestamp,
    sealed: &'a [u8],
}

impl<'a> Found<'a> {
    fn read(answer: &'a Value) -> Option<Self> {
        let [version, seen, sealed] = log::list(answer)? else { return None };
        let seen: i64 = log::text(seen)?.parse().ok()?;
        Some(Self {
            version: log::text(version)?.parse().ok()?,
            last_seen: Timestamp::from_unix_nanos(seen.saturating_mul(1_000_000)),
            sealed: log::bytes(sealed)?,
        })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Scripts count in floating point, which has whole milliseconds and no whole nanoseconds.
fn millis_of(at: Timestamp) -> i64 {
    at.unix_nanos().div_euclid(1_000_000)
}

/// The key with this name in the sets.
fn key_of(name: &str) -> Option<SessionKey> {
    let mut bytes = [0; 32];
    if name.len() != 64 {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(name.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(SessionKey::from_bytes(bytes))
}

impl SessionStore for RedisSessions {
    fn create(
        &self,
        key: SessionKey,
        session: Session,
        now: Timestamp,
    ) -> Answer<Result<(), SessionStoreError>> {
        self.later(|store| async move { store.create(key, session, now).await })
    }

    fn load(&self, key: &SessionKey) -> Answer<Result<Option<StoredSession>, SessionStoreError>> {
        let key = *key;
        self.later(move |store| async move { store.load(key).await })
    }

    fn replace(
        &self,
        key: &SessionKey,
        version: u64,
        session: Session,
    ) -> Answer<Result<Option<u64>, SessionStoreError>> {
        let key = *key;
        self.later(move |store| async move { store.replace(key, version, session).await })
    }

    fn touch(&self, key: &SessionKey, now: Timestamp) -> Answer<Result<(), SessionStoreError>> {
        let key = *key;
        self.later(move |store| async move { store.touch(key, now).await })
    }

    fn remove(
        &self,
        key: &SessionKey,
        version: Option<u64>,
    ) -> Answer<Result<Option<Session>, SessionStoreError>> {
        let key = *key;
        self.later(move |store| async move { store.remove(key, version).await })
    }

    fn end_all(&self, of: &SessionsOf, until: Option<Timestamp>) -> Answer<Result<u64, SessionStoreError>> {
        let of = of.clone();
        self.later(move |store| async move { store.end_all(of, until).await })
    }
}

impl fmt::Debug for RedisSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSessions").field("link", &self.0.link).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use gambeson_core::{
        BoxFuture, Clock, ManualClock, Principal, SecretBytes, SecretError, SecretRef, SecretResolver,
    };

    use super::super::RedisStores;
    use super::*;

    /// A store of secrets that hangs.
    #[derive(Debug)]
    struct Hangs;

    impl SecretResolver for Hangs {
        fn resolve(&self, _: &SecretRef) -> BoxFuture<Result<SecretBytes, SecretError>> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn a_secret_that_does_not_come_is_not_waited_for() {
        let clock = ManualClock::at(Timestamp::from_unix_seconds(1_000));
        let stores = RedisStores::builder(SecretBytes::new(&b"redis://127.0.0.1:1"[..]))
            .seal_key_from("mem://seal".parse().unwrap(), Arc::new(Hangs))
            .deadline(Duration::from_secs(2))
            .clock(Arc::new(clock.clone()))
            .timer(Arc::new(clock.clone()));
        let sessions = stores.build().unwrap().sessions().unwrap();
        let session = Session::of(Principal::user("https://id.example", "alice").build(), clock.now());
        let created = sessions.create(SessionKey::from_bytes([1; 32]), session, clock.now());
        let mut created = std::pin::pin!(created.wait());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(created.as_mut().poll(&mut context).is_pending());
        clock.advance(Duration::from_millis(1_999));
        assert!(created.as_mut().poll(&mut context).is_pending());
        clock.advance(Duration::from_millis(1));
        let std::task::Poll::Ready(Err(error)) = created.as_mut().poll(&mut context) else { panic!("late") };
        assert_eq!(error.kind(), SessionStoreErrorKind::Unavailable);
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("the secret of sessions did not come in time"), "{source}");
    }
}
