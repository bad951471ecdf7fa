//! What a [`SessionStore`] has to hold.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Answer, Clock, Principal, SecretBytes, Subject, SystemClock, Timestamp};

use super::session::{Grant, Session, SessionKey, SessionLifetime};
use super::store::{ProviderSession, SessionStore, SessionStoreError, SessionsOf, StoredSession};
use super::written;
use crate::conformance::{CROWD, Cases, NotConformant, Why, crowd, random, same};

const ISSUER: &str = "https://id.example";
const MINUTE: Duration = Duration::from_secs(60);

type Store = Arc<dyn SessionStore>;

/// Drives two handles of one empty store through everything that is asked of it. It must have room for some hundred sessions, and ten of
/// a person. See [`crate::conformance`].
///
/// Times are told to the millisecond: a store may keep them no finer.
///
/// # Errors
/// The cases that it does not hold.
pub async fn check(one: Store, other: Store) -> Result<(), NotConformant> {
    let mut cases = Cases::default();
    let stores = Stores { one, other };
    cases.note("a session that was created is found as it was", stores.created().await);
    cases.note("nothing is found under another key", stores.other_keys().await);
    cases.note("a replacement takes the place of its version only", stores.replaced().await);
    cases.note("a replacement brings nothing back", stores.replaced_when_gone().await);
    cases.note("of many replacements of one version one is made", stores.replacement_race().await);
    cases.note("a visit is noted and changes nothing else", stores.touched().await);
    cases.note("a session of another version is not removed", stores.removed_by_version().await);
    cases.note("a session that was removed is gone everywhere", stores.removed().await);
    cases.note("of many removals one gets the session", stores.removal_race().await);
    cases.note("a removal holds against replacements and visits", stores.removal_holds().await);
    cases.note("all sessions of a subject end and nobody else's", stores.end_subject().await);
    cases.note("all sessions of a log-in at the provider end and no others", stores.end_provider().await);
    cases.note("sessions without a name at the provider end apart", stores.end_nameless().await);
    cases.note("what began later does not end", stores.end_until().await);
    cases.note("a replaced session is found by what it is now", stores.listed_anew().await);
    cases.note("long answers are told of the end", stores.ends_are_told().await);
    cases.result()
}

struct Stores {
    one: Store,
    other: Store,
}

/// Somebody's session, that is not in the store yet.
struct Made {
    key: SessionKey,
    session: Session,
    now: Timestamp,
}

impl Made {
    fn of(issuer: &str, name: &str, sid: Option<&str>) -> Result<Self, Why> {
        // Whole milliseconds.
        let now = Timestamp::from_unix_seconds(SystemClock::new().now().unix_seconds());
        let principal = Principal::user(issuer, name).role("editor").scope("openid");
        let principal = match sid {
            Some(sid) => principal.session_id(sid),
            None => principal,
        };
        let grant = Grant {
            id_token: "an.id.token".into(),
            refresh_token: Some(SecretBytes::new(random::<16>()?.to_vec())),
            refresh_at: Some(now.plus(MINUTE)),
            scope: "openid".into(),
        };
        let session = Session::new(principal.build(), now, SessionLifetime::default(), grant);
        Ok(Self { key: SessionKey::from_bytes(random()?), session, now })
    }

    /// Of somebody who has no other.
    fn new() -> Result<Self, Why> {
        Self::of(ISSUER, &name()?, None)
    }
}

fn name() -> Result<String, Why> {
    Ok(random::<8>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

async fn answer<T>(answer: Answer<Result<T, SessionStoreError>>) -> Result<T, Why> {
    answer.wait().await.map_err(|error| match std::error::Error::source(&error) {
        Some(source) => format!("the store failed: {error}: {source}"),
        None => format!("the store failed: {error}"),
    })
}

async fn create(store: &Store, made: &Made) -> Result<(), Why> {
    answer(store.create(made.key, made.session.clone(), made.now)).await
}

async fn load(store: &Store, key: &SessionKey) -> Result<Option<StoredSession>, Why> {
    answer(store.load(key)).await
}

/// All of it, as text; a principal may be another copy.
async fn found(store: &Store, key: &SessionKey) -> Result<(Vec<u8>, u64, Timestamp), Why> {
    let found = load(store, key).await?.ok_or("it is not there")?;
    Ok((written::write(&found.session), found.version, found.last_seen))
}

async fn is_there(store: &Store, key: &SessionKey) -> Result<bool, Why> {
    load(store, key).await.map(|found| found.is_some())
}

impl Stores {
    async fn made(&self) -> Result<Made, Why> {
        let made = Made::new()?;
        create(&self.one, &made).await?;
        Ok(made)
    }

    /// One of both by turns.
    fn turn(&self, number: usize) -> Store {
        Arc::clone(if number.is_multiple_of(2) { &self.one } else { &self.other })
    }

    async fn created(&self) -> Result<(), Why> {
        let made = self.made().await?;
        let wanted = (written::write(&made.session), 1, made.now);
        for store in [&self.one, &self.other] {
            let (text, version, last_seen) = found(store, &made.key).await?;
            same("version", &version, &wanted.1)?;
            same("last seen", &last_seen, &wanted.2)?;
            // Not shown: there are tokens in it.
            same("the session is as it was", &(text == wanted.0), &true)?;
        }
        Ok(())
    }

    async fn other_keys(&self) -> Result<(), Why> {
        let made = self.made().await?;
        for at in 0..32 {
            let mut bytes = *made.key.as_bytes();
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1;
            }
            same("under a similar key", &is_there(&self.one, &SessionKey::from_bytes(bytes)).await?, &false)?;
        }
        Ok(())
    }

    async fn replaced(&self) -> Result<(), Why> {
        let made = self.made().await?;
        let touched = made.now.plus(MINUTE);
        answer(self.one.touch(&made.key, touched)).await?;
        let (first, second) = (made.session.refreshing(touched), made.session.clone());
        let replace =
            |store: &Store, version, session: &Session| store.replace(&made.key, version, session.clone());
        same("of version 1", &answer(replace(&self.other, 1, &first)).await?, &Some(2))?;
        same("of version 1 again", &answer(replace(&self.one, 1, &second)).await?, &None)?;
        same("of version 3", &answer(replace(&self.one, 3, &second)).await?, &None)?;
        let (text, version, last_seen) = found(&self.one, &made.key).await?;
        same("version", &version, &2)?;
        same("it is the one that was put there", &(text == written::write(&first)), &true)?;
        same("when its browser was seen", &last_seen, &touched)?;
        same("of version 2", &answer(replace(&self.one, 2, &second)).await?, &Some(3))
    }

    async fn replaced_when_gone(&self) -> Result<(), Why> {
        let (never, made) = (Made::new()?, self.made().await?);
        answer(self.one.remove(&made.key, None)).await?;
        for gone in [&never, &made] {
            let replaced = answer(self.one.replace(&gone.key, 1, gone.session.clone())).await?;
            same("the new version", &replaced, &None)?;
            answer(self.one.touch(&gone.key, gone.now)).await?;
            same("is there afterwards", &is_there(&self.one, &gone.key).await?, &false)?;
        }
        Ok(())
    }

    async fn replacement_race(&self) -> Result<(), Why> {
        let made = self.made().await?;
        let all = crowd(|number| {
            let (store, key, session) = (self.turn(number), made.key, made.session.clone());
            async move { answer(store.replace(&key, 1, session)).await }
        });
        let versions = all.await?.into_iter().collect::<Result<Vec<Option<u64>>, Why>>()?;
        same("who replaced it", &versions.into_iter().flatten().collect::<Vec<u64>>(), &vec![2])?;
        same("version", &found(&self.other, &made.key).await?.1, &2)
    }

    async fn touched(&self) -> Result<(), Why> {
        let made = self.made().await?;
        let later = made.now.plus(MINUTE * 2);
        answer(self.other.touch(&made.key, later)).await?;
        answer(self.one.touch(&made.key, made.now.plus(MINUTE))).await?;
        let (text, version, last_seen) = found(&self.one, &made.key).await?;
        same("when its browser was seen, of two visits the later", &last_seen, &later)?;
        same("version", &version, &1)?;
        same("the session is as it was", &(text == written::write(&made.session)), &true)
    }

    async fn removed_by_version(&self) -> Result<(), Why> {
        let made = self.made().await?;
        answer(self.one.replace(&made.key, 1, made.session.clone())).await?;
        let old = answer(self.other.remove(&made.key, Some(1))).await?;
        same("an older version was removed", &old.is_some(), &false)?;
        same("it is still there", &is_there(&self.one, &made.key).await?, &true)?;
        let new = answer(self.other.remove(&made.key, Some(2))).await?;
        same("its own version was removed", &new.is_some(), &true)?;
        same("it is still there", &is_there(&self.one, &made.key).await?, &false)
    }

    async fn removed(&self) -> Result<(), Why> {
        let made = self.made().await?;
        let removed = answer(self.one.remove(&made.key, None)).await?.ok_or("it was not there")?;
        same("whose it was", removed.subject(), made.session.subject())?;
        same("it is what it was", &(written::write(&removed) == written::write(&made.session)), &true)?;
        for store in [&self.one, &self.other] {
            same("it is there", &is_there(store, &made.key).await?, &false)?;
            same("again", &answer(store.remove(&made.key, None)).await?.is_some(), &false)?;
        }
        Ok(())
    }

    async fn removal_race(&self) -> Result<(), Why> {
        let made = self.made().await?;
        let all = crowd(|number| {
            let (store, key) = (self.turn(number), made.key);
            async move { answer(store.remove(&key, None)).await }
        });
        let removed = all.await?.into_iter().collect::<Result<Vec<Option<Session>>, Why>>()?;
        same("how many got it", &removed.into_iter().flatten().count(), &1)
    }

    async fn removal_holds(&self) -> Result<(), Why> {
        let made = self.made().await?;
        let all = crowd(|number| {
            let (store, key, session) = (self.turn(number), made.key, made.session.clone());
            let now = made.now.plus(MINUTE);
            async move {
                match number {
                    _ if number == CROWD / 2 => answer(store.remove(&key, None)).await.map(drop),
                    _ if number.is_multiple_of(3) => answer(store.touch(&key, now)).await,
                    _ => answer(store.replace(&key, 1 + number as u64 % 2, session)).await.map(drop),
                }
            }
        });
        all.await?.into_iter().collect::<Result<(), Why>>()?;
        same("it is there", &is_there(&self.one, &made.key).await?, &false)
    }

    /// Creates all of these.
    async fn all(&self, all: &[Made]) -> Result<(), Why> {
        for (number, made) in all.iter().enumerate() {
            create(&self.turn(number), made).await?;
        }
        Ok(())
    }

    async fn are_there(&self, all: &[Made]) -> Result<Vec<bool>, Why> {
        let mut there = Vec::new();
        for (number, made) in all.iter().enumerate() {
            there.push(is_there(&self.turn(number), &made.key).await?);
        }
        Ok(there)
    }

    async fn end_subject(&self) -> Result<(), Why> {
        let (alice, bob) = (name()?, name()?);
        let elsewhere = "https://other.example";
        let made =
            [(ISSUER, &alice), (ISSUER, &alice), (ISSUER, &bob), (elsewhere, &alice), (ISSUER, &alice)];
        let made = made.map(|(issuer, name)| Made::of(issuer, name, None));
        let made = made.into_iter().collect::<Result<Vec<Made>, Why>>()?;
        self.all(&made).await?;
        let last = made.last().ok_or("none was made")?;
        answer(self.other.remove(&last.key, None)).await?;
        let of = SessionsOf::Subject(Subject { issuer: ISSUER.into(), name: alice.into() });
        same("how many there were", &answer(self.one.end_all(&of, None)).await?, &2)?;
        same("which are there", &self.are_there(&made).await?, &vec![false, false, true, true, false])?;
        same("how many there were then", &answer(self.other.end_all(&of, None)).await?, &0)
    }

    async fn end_provider(&self) -> Result<(), Why> {
        let (alice, sid) = (name()?, name()?);
        let (bob, other) = (name()?, name()?);
        let made = [
            Made::of(ISSUER, &alice, Some(&sid)),
            Made::of(ISSUER, &alice, Some(&other)),
            Made::of(ISSUER, &bob, Some(&sid)),
            Made::of("https://other.example", &alice, Some(&sid)),
            Made::of(ISSUER, &alice, None),
        ];
        let made = made.into_iter().collect::<Result<Vec<Made>, Why>>()?;
        self.all(&made).await?;
        let of = SessionsOf::ProviderSession(ProviderSession::new(ISSUER, sid.as_str()));
        same("how many there were", &answer(self.one.end_all(&of, None)).await?, &2)?;
        same("which are there", &self.are_there(&made).await?, &vec![false, true, false, true, true])?;
        let named_so = SessionsOf::Subject(Subject { issuer: ISSUER.into(), name: other.into() });
        same("of a person called like a log-in", &answer(self.one.end_all(&named_so, None)).await?, &0)
    }

    async fn end_nameless(&self) -> Result<(), Why> {
        let (alice, bob, sid) = (name()?, name()?, name()?);
        let made = [
            Made::of(ISSUER, &alice, None),
            Made::of(ISSUER, &alice, Some(&sid)),
            Made::of(ISSUER, &bob, None),
            Made::of("https://other.example", &alice, None),
            Made::of(ISSUER, &alice, None),
        ];
        let made = made.into_iter().collect::<Result<Vec<Made>, Why>>()?;
        self.all(&made).await?;
        let alice = Subject { issuer: ISSUER.into(), name: alice.into() };
        let nameless = SessionsOf::SubjectWithoutSid(alice.clone());
        same("how many there were", &answer(self.one.end_all(&nameless, None)).await?, &2)?;
        same("which are there", &self.are_there(&made).await?, &vec![false, true, true, true, false])?;
        let all = SessionsOf::Subject(alice);
        same("how many are left", &answer(self.other.end_all(&all, None)).await?, &1)
    }

    async fn end_until(&self) -> Result<(), Why> {
        let (alice, sid) = (name()?, name()?);
        let mut made = Vec::new();
        for later in [0, 1, 2] {
            let session = Made::of(ISSUER, &alice, Some(&sid))?;
            let begun = session.now.plus(MINUTE * later);
            made.push(Made { session: session.session.begun(begun), ..session });
        }
        self.all(&made).await?;
        let second = made.get(1).ok_or("it was not made")?.session.created_at();
        let subject = SessionsOf::Subject(Subject { issuer: ISSUER.into(), name: alice.into() });
        let ended = answer(self.one.end_all(&subject, Some(second))).await?;
        same("of the person, until the second began", &ended, &1)?;
        same("which are there", &self.are_there(&made).await?, &vec![false, true, true])?;
        let provider = SessionsOf::ProviderSession(ProviderSession::new(ISSUER, sid.as_str()));
        let until = second.plus(Duration::from_millis(1));
        let ended = answer(self.other.end_all(&provider, Some(until))).await?;
        same("of the log-in, a millisecond later", &ended, &1)?;
        same("which are there then", &self.are_there(&made).await?, &vec![false, false, true])?;
        same("of the log-in, whenever", &answer(self.one.end_all(&provider, None)).await?, &1)
    }

    async fn listed_anew(&self) -> Result<(), Why> {
        let (alice, before, after) = (name()?, name()?, name()?);
        let made = Made::of(ISSUER, &alice, Some(&before))?;
        create(&self.one, &made).await?;
        let now = Made::of(ISSUER, &alice, Some(&after))?;
        answer(self.one.replace(&made.key, 1, now.session)).await?;
        let of = |sid: &String| SessionsOf::ProviderSession(ProviderSession::new(ISSUER, sid.as_str()));
        same("by the old log-in", &answer(self.other.end_all(&of(&before), None)).await?, &0)?;
        same("by the new one", &answer(self.other.end_all(&of(&after), None)).await?, &1)
    }

    async fn ends_are_told(&self) -> Result<(), Why> {
        let of = |made: &Made| SessionsOf::Subject(made.session.subject().clone());
        let (removed, ended) = (self.made().await?, self.made().await?);
        let mut answers = Vec::new();
        for made in [&removed, &ended] {
            let there = load(&self.one, &made.key).await?.ok_or("it is not there")?;
            answers.push(there.session.principal().end_signal().clone());
        }
        let told = || answers.iter().map(gambeson_core::EndSignal::has_ended).collect::<Vec<bool>>();
        same("before", &told(), &vec![false, false])?;
        answer(self.one.remove(&removed.key, None)).await?;
        same("after a removal", &told(), &vec![true, false])?;
        answer(self.one.end_all(&of(&ended), None)).await?;
        same("after the end of all", &told(), &vec![true, true])
    }
}
