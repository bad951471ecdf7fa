//! The suites hold for what is built in, and notice what does not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gambeson_core::{Answer, FixedEntropy, SecretBytes, Timestamp};
use gambeson_oidc_auth::MemorySessions;
use gambeson_oidc_auth::conformance::NotConformant;
use gambeson_oidc_auth::dpop::{self, MemoryReplay, ReplayError, ReplayStore, UsedProof};
use gambeson_oidc_auth::login::{
    self, Session, SessionKey, SessionSeal, SessionStore, SessionStoreError, SessionsOf, StoredSession,
};

fn failed(outcome: &Result<(), NotConformant>) -> Vec<&'static str> {
    outcome.as_ref().err().map(|error| error.cases().map(|(case, _)| case).collect()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_in_memory_holds() {
    let sessions = Arc::new(MemorySessions::new());
    login::conformance::check(sessions.clone(), sessions.clone()).await.unwrap();
    let proofs = Arc::new(MemoryReplay::new());
    dpop::conformance::check(proofs.clone(), proofs).await.unwrap();
}

/// What a broken store does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    ReplacesAnyVersion,
    LooksThenReplaces,
    BringsBack,
    RemovesAnyVersion,
    RemovesAndKeeps,
    TouchCountsAsReplacement,
    ForgetsVisits,
    EndsOneOfAll,
    EndsNobodyByProvider,
    EndsNamedOnesToo,
    EndsWhatBeganLater,
    TellsNobody,
    FindsSimilarKeys,
}

#[derive(Debug)]
struct Broken {
    fault: Fault,
    good: Arc<MemorySessions>,
    looks: Arc<AtomicUsize>,
    created: Mutex<Vec<(SessionKey, Session, Timestamp)>>,
}

impl Broken {
    fn new(fault: Fault) -> Arc<Self> {
        Arc::new(Self { fault, good: Arc::default(), looks: Arc::default(), created: Mutex::default() })
    }

    fn there(&self, key: &SessionKey) -> Option<StoredSession> {
        self.good.load(key).ready().ok().unwrap().unwrap()
    }
}

/// Time for another to look, if there is one.
async fn others_look(looks: &AtomicUsize) {
    let own = looks.fetch_add(1, Ordering::SeqCst) + 1;
    for _ in 0..10_000 {
        if looks.load(Ordering::SeqCst) > own {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// A copy whose end nobody tells.
fn copy(key: &SessionKey, mut there: StoredSession) -> StoredSession {
    let seal = SessionSeal::new(&SecretBytes::new(vec![1; 32])).unwrap();
    let sealed = seal.seal(key, &there.session, &FixedEntropy::starting_at(0)).unwrap();
    there.session = seal.open(key, &sealed).unwrap();
    there
}

impl SessionStore for Broken {
    fn create(
        &self,
        key: SessionKey,
        session: Session,
        now: Timestamp,
    ) -> Answer<Result<(), SessionStoreError>> {
        self.created.lock().unwrap().push((key, session.clone(), now));
        self.good.create(key, session, now)
    }

    fn load(&self, key: &SessionKey) -> Answer<Result<Option<StoredSession>, SessionStoreError>> {
        if self.fault == Fault::FindsSimilarKeys {
            let created = self.created.lock().unwrap();
            let similar = created.iter().find(|(other, ..)| other.as_bytes()[..16] == key.as_bytes()[..16]);
            return self.good.load(similar.map_or(key, |(other, ..)| other));
        }
        match self.fault {
            Fault::TellsNobody => Answer::Ready(Ok(self.there(key).map(|there| copy(key, there)))),
            _ => self.good.load(key),
        }
    }

    fn replace(
        &self,
        key: &SessionKey,
        version: u64,
        session: Session,
    ) -> Answer<Result<Option<u64>, SessionStoreError>> {
        let there = self.there(key);
        match (self.fault, there) {
            (Fault::ReplacesAnyVersion, Some(there)) => self.good.replace(key, there.version, session),
            (Fault::LooksThenReplaces, Some(there)) if there.version == version => {
                let (key, good, looks) = (*key, Arc::clone(&self.good), Arc::clone(&self.looks));
                Answer::pending(async move {
                    others_look(&looks).await;
                    // Who came first meanwhile is not looked at.
                    let Some(there) = good.load(&key).wait().await? else { return Ok(None) };
                    good.replace(&key, there.version, session).wait().await
                })
            }
            (Fault::BringsBack, None) => {
                let now = session.created_at();
                let _ = self.good.create(*key, session, now);
                Answer::Ready(Ok(Some(version + 1)))
            }
            _ => self.good.replace(key, version, session),
        }
    }

    fn touch(&self, key: &SessionKey, now: Timestamp) -> Answer<Result<(), SessionStoreError>> {
        match (self.fault, self.there(key)) {
            (Fault::TouchCountsAsReplacement, Some(there)) => {
                let _ = self.good.replace(key, there.version, there.session);
                self.good.touch(key, now)
            }
            (Fault::ForgetsVisits, _) => Answer::Ready(Ok(())),
            _ => self.good.touch(key, now),
        }
    }

    fn remove(
        &self,
        key: &SessionKey,
        version: Option<u64>,
    ) -> Answer<Result<Option<Session>, SessionStoreError>> {
        match self.fault {
            Fault::RemovesAnyVersion => self.good.remove(key, None),
            Fault::RemovesAndKeeps => Answer::Ready(Ok(self.there(key).map(|there| there.session))),
            _ => self.good.remove(key, version),
        }
    }

    fn end_all(&self, of: &SessionsOf, until: Option<Timestamp>) -> Answer<Result<u64, SessionStoreError>> {
        match (self.fault, of) {
            (Fault::EndsOneOfAll, SessionsOf::Subject(subject)) => {
                let created = self.created.lock().unwrap();
                let first = created
                    .iter()
                    .find(|(key, session, _)| session.subject() == subject && self.there(key).is_some());
                let removed =
                    first.and_then(|(key, ..)| self.good.remove(key, None).ready().ok().unwrap().unwrap());
                Answer::Ready(Ok(u64::from(removed.is_some())))
            }
            (Fault::EndsNobodyByProvider, SessionsOf::ProviderSession(_)) => Answer::Ready(Ok(0)),
            (Fault::EndsNamedOnesToo, SessionsOf::SubjectWithoutSid(subject)) => {
                self.good.end_all(&SessionsOf::Subject(subject.clone()), until)
            }
            (Fault::EndsWhatBeganLater, _) => self.good.end_all(of, None),
            _ => self.good.end_all(of, until),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_broken_store_of_sessions_is_told_what_it_breaks() {
    for (fault, case) in [
        (Fault::ReplacesAnyVersion, "a replacement takes the place of its version only"),
        (Fault::LooksThenReplaces, "of many replacements of one version one is made"),
        (Fault::BringsBack, "a replacement brings nothing back"),
        (Fault::RemovesAnyVersion, "a session of another version is not removed"),
        (Fault::RemovesAndKeeps, "a session that was removed is gone everywhere"),
        (Fault::TouchCountsAsReplacement, "a visit is noted and changes nothing else"),
        (Fault::ForgetsVisits, "a visit is noted and changes nothing else"),
        (Fault::EndsOneOfAll, "all sessions of a subject end and nobody else's"),
        (Fault::EndsNobodyByProvider, "all sessions of a log-in at the provider end and no others"),
        (Fault::EndsNamedOnesToo, "sessions without a name at the provider end apart"),
        (Fault::EndsWhatBeganLater, "what began later does not end"),
        (Fault::TellsNobody, "long answers are told of the end"),
        (Fault::FindsSimilarKeys, "nothing is found under another key"),
    ] {
        let broken = Broken::new(fault);
        let outcome = login::conformance::check(broken.clone(), broken).await;
        assert!(failed(&outcome).contains(&case), "{fault:?}: {outcome:?}");
    }
    // Two stores in place of one.
    let outcome =
        login::conformance::check(Arc::new(MemorySessions::new()), Arc::new(MemorySessions::new())).await;
    assert!(failed(&outcome).contains(&"a session that was created is found as it was"), "{outcome:?}");
    assert!(outcome.unwrap_err().to_string().contains("found as it was: it is not there"));
}

/// A store of proofs that does what the function says.
struct Proofs<F>(F, Mutex<Vec<[u8; 32]>>);

impl<F> std::fmt::Debug for Proofs<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proofs")
    }
}

impl<F> ReplayStore for Proofs<F>
where
    F: Fn(&Mutex<Vec<[u8; 32]>>, UsedProof) -> Result<bool, ReplayError> + Send + Sync,
{
    fn remember(&self, proof: UsedProof) -> Answer<Result<bool, ReplayError>> {
        Answer::Ready((self.0)(&self.1, proof))
    }
}

async fn broken<F>(does: F) -> Vec<&'static str>
where
    F: Fn(&Mutex<Vec<[u8; 32]>>, UsedProof) -> Result<bool, ReplayError> + Send + Sync + 'static,
{
    let store = Arc::new(Proofs(does, Mutex::default()));
    failed(&dpop::conformance::check(store.clone(), store).await)
}

fn enter(known: &Mutex<Vec<[u8; 32]>>, id: [u8; 32]) -> Result<bool, ReplayError> {
    let mut known = known.lock().unwrap();
    let is_new = !known.contains(&id);
    known.push(id);
    Ok(is_new)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_broken_store_of_proofs_is_told_what_it_breaks() {
    assert_eq!(broken(|known, proof| enter(known, *proof.id.as_bytes())).await, [""; 0], "a good one");
    assert_eq!(broken(|_, _| Ok(true)).await.len(), 4);
    let similar = broken(|known, proof| {
        let mut id = *proof.id.as_bytes();
        id[31] = 0;
        enter(known, id)
    });
    assert_eq!(similar.await, ["another proof is another"]);
    let forgets = broken(|known, proof| {
        let left = proof.until.since(proof.now).as_secs();
        if left == 0 { Ok(true) } else { enter(known, *proof.id.as_bytes()) }
    });
    assert_eq!(forgets.await, ["a proof is known until it is too old"]);
    let hasty = Arc::new(Hasty::default());
    let hasty = failed(&dpop::conformance::check(hasty.clone(), hasty).await);
    assert_eq!(hasty, ["of many who send one proof at once one is let in"]);
    let apart = (Arc::new(MemoryReplay::new()), Arc::new(MemoryReplay::new()));
    let apart = failed(&dpop::conformance::check(apart.0, apart.1).await);
    assert_eq!(apart.first(), Some(&"a proof is new once of all instances"));
    assert!(apart.contains(&"of many who send one proof at once one is let in"));
}

/// Looks, and remembers later.
#[derive(Debug, Default)]
struct Hasty(Arc<Mutex<Vec<[u8; 32]>>>, Arc<AtomicUsize>);

impl ReplayStore for Hasty {
    fn remember(&self, proof: UsedProof) -> Answer<Result<bool, ReplayError>> {
        let (known, looks, id) = (Arc::clone(&self.0), Arc::clone(&self.1), *proof.id.as_bytes());
        Answer::pending(async move {
            let is_new = !known.lock().unwrap().contains(&id);
            others_look(&looks).await;
            known.lock().unwrap().push(id);
            Ok(is_new)
        })
    }
}
