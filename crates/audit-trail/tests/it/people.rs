//! Data about people: sealed, keyed, plain, erased.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gambeson_audit_trail::{
    AuditTrail, Config, FieldKeys, FileSubjectKeys, Filter, Kept, KeyId, MemorySubjectKeys, PersonalData,
    StoredEvent, SubjectKey, SubjectKeys, SubjectState, SubjectTag, TrailErrorKind, VerifyOptions, read,
    read_with_keys, tail_with_keys, verify,
};
use gambeson_core::{
    Answer, AuditEvent, AuditSink, Clock, Durability, FixedEntropy, Health, ManualClock, Outcome, Receipt,
    SecretBytes, Subject, Timestamp,
};

use super::{LONG, answered, event, health, log};

const ISSUER: &str = "https://id.example";

pub(super) fn secret(n: u8) -> SecretBytes {
    SecretBytes::new(vec![n; 32])
}

fn keyed(store: &Path) -> FieldKeys {
    let store = FileSubjectKeys::open(store).unwrap();
    FieldKeys::new(&secret(1)).unwrap().with_subjects(Arc::new(store)).unwrap()
}

pub(super) fn of(name: &str) -> AuditEvent {
    let mut event = event("note/1", Some("acme")).detail("user_agent", format!("{name}'s browser"));
    event.context.subject = Some(Subject { issuer: ISSUER.into(), name: name.into() });
    event.context.address = Some([192, 0, 2, 77].into());
    event
}

fn written_for(dir: &Path, keys: &FieldKeys, names: &[&str]) -> AuditTrail {
    let trail = AuditTrail::builder(dir).keys(keys.clone()).open().unwrap();
    for name in names {
        assert!(matches!(trail.record(of(name), Durability::Async).ready(), Ok(Ok(_))));
    }
    trail
}

fn holds(dir: &Path, needle: &str) -> bool {
    fs::read_dir(dir).unwrap().any(|file| {
        let path = file.unwrap().path();
        match path.is_dir() {
            true => holds(&path, needle),
            false => fs::read(&path).unwrap().windows(needle.len()).any(|bytes| bytes == needle.as_bytes()),
        }
    })
}

pub(super) fn name(event: &StoredEvent) -> &str {
    &event.subject.as_ref().unwrap().sub
}

#[test]
fn erasing_one_key_erases_one_person_and_the_chain_stays_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, store) = (folder.path().join("audit"), folder.path().join("keys"));
    let keys = keyed(&store);
    let trail = written_for(&dir, &keys, &["alice", "robert", "alice"]);
    let seen = trail.recent(Some("acme"), 10).unwrap();
    assert_eq!(seen.iter().map(name).collect::<Vec<_>>(), ["alice", "robert", "alice"]);
    assert_eq!(seen[0].address.as_deref(), Some("192.0.2.77"));
    assert_eq!(seen[0].details["user_agent"], "alice's browser");
    let head = trail.close(LONG).unwrap();
    for plain in ["alice", "robert", "192.0.2.77"] {
        assert!(!holds(folder.path(), plain), "{plain} is on the disk");
    }

    assert!(keyed(&store).erase(ISSUER, "alice").unwrap());
    assert!(!keyed(&store).erase(ISSUER, "alice").unwrap(), "she is erased already");
    assert!(!keyed(&store).erase("https://other.example", "robert").unwrap());
    let report = verify(&dir, &VerifyOptions::default().head(head)).unwrap();
    assert_eq!((report.events, report.head_confirmed), (3, true));
    // A reader that has opened them before has no way either.
    for keys in [keys, keyed(&store)] {
        let seen = tail_with_keys(&dir, &Filter::events(), 10, &keys).unwrap();
        let seen: Vec<_> = seen.into_iter().filter_map(|entry| entry.into_event()).collect();
        assert_eq!((Kept::of(name(&seen[0])), name(&seen[1])), (Kept::Erased, "robert"));
        assert_eq!(name(&seen[0]), name(&seen[2]), "that it was one person still shows");
        assert_eq!(Kept::of(seen[0].address.as_ref().unwrap()), Kept::Erased);
        assert_eq!(Kept::of(&seen[0].details["user_agent"]), Kept::Erased);
        assert_eq!(seen[1].details["user_agent"], "robert's browser");
        let of = |name: &str| read_with_keys(&dir, Filter::events().subject(name), &keys).unwrap().count();
        assert_eq!((of("alice"), of("robert")), (0, 1));
    }
}

#[test]
fn who_acted_for_somebody_is_erased_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, store) = (folder.path().join("audit"), folder.path().join("keys"));
    let keys = keyed(&store);
    let trail = AuditTrail::builder(&dir).keys(keys.clone()).open().unwrap();
    for actor in ["robert", "carol"] {
        let mut event = of("alice");
        event.context.actor = Some(Subject { issuer: ISSUER.into(), name: actor.into() });
        let _ = trail.record(event, Durability::Async);
    }
    trail.recent(None, 2).unwrap();
    assert!(keys.erase(ISSUER, "robert").unwrap());
    let seen = trail.recent(None, 2).unwrap();
    let actors: Vec<_> = seen.iter().map(|event| &*event.actor.as_ref().unwrap().sub).collect();
    assert_eq!((Kept::of(actors[0]), actors[1]), (Kept::Erased, "carol"));
    assert!(seen.iter().all(|event| name(event) == "alice"));
    let of = |name: &str| {
        let filter = Filter::events().person(name);
        read_with_keys(&dir, filter, &keys).unwrap().count()
    };
    assert_eq!((of("alice"), of("carol"), of("robert")), (2, 1, 0));
}

#[test]
fn after_an_erasure_a_running_app_takes_a_new_key() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, store) = (folder.path().join("audit"), folder.path().join("keys"));
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730));
    let keyed = || keyed(&store).with_clock(Arc::new(clock.clone()));
    let trail = AuditTrail::builder(&dir).keys(keyed()).clock(Arc::new(clock.clone())).open().unwrap();
    let _ = trail.record(of("alice"), Durability::Async);
    trail.recent(None, 10).unwrap();
    assert!(keyed().erase(ISSUER, "alice").unwrap(), "as another process would");
    clock.advance(Duration::from_millis(1));
    let _ = trail.record(of("alice"), Durability::Async);
    let seen = trail.recent(None, 10).unwrap();
    assert_eq!((Kept::of(name(&seen[0])), name(&seen[1])), (Kept::Erased, "alice"));
}

/// Until the clock was there again, nothing of her could be read.
#[test]
fn an_erasure_by_a_clock_that_leapt_erases_what_was_and_not_what_comes() {
    log::listen();
    let folder = tempfile::tempdir().unwrap();
    let (dir, store) = (folder.path().join("audit"), folder.path().join("keys"));
    let now = Timestamp::from_unix_seconds(1_795_421_730);
    let (clock, other) = (ManualClock::at(now), ManualClock::at(now));
    let keyed = |clock: &ManualClock| keyed(&store).with_clock(Arc::new(clock.clone()));
    let trail = AuditTrail::builder(&dir).keys(keyed(&clock)).clock(Arc::new(clock.clone())).open().unwrap();
    let unreadable = || log::times_said("audit trail seals for nobody");
    for (ahead, is_read) in [(60, false), (61, true)] {
        let _ = trail.record(of("alice"), Durability::Async);
        assert_eq!(name(&trail.recent(None, 1).unwrap()[0]), "alice");
        clock.advance(Duration::from_secs(1));
        other.set(clock.now().plus(Duration::from_secs(ahead)));
        assert!(keyed(&other).erase(ISSUER, "alice").unwrap());
        let before = unreadable();
        for _ in 0..2 {
            let _ = trail.record(of("alice"), Durability::Async);
        }
        let seen = trail.recent(None, 3).unwrap();
        let read: Vec<_> = seen.iter().map(|event| name(event) == "alice").collect();
        assert_eq!(read, [false, is_read, is_read], "{ahead} s");
        assert!(is_read || unreadable() > before);
        clock.advance(Duration::from_secs(120));
    }
}

#[test]
fn a_keyed_name_can_be_looked_up_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("audit");
    let keys = FieldKeys::new(&secret(1)).unwrap();
    written_for(&dir, &keys, &["alice", "robert"]).close(LONG).unwrap();
    assert!(!holds(folder.path(), "alice") && !holds(folder.path(), "192.0.2.77"));
    let found = |keys: &FieldKeys, name: &str| {
        read_with_keys(&dir, Filter::events().subject(name), keys).unwrap().count()
    };
    let other = FieldKeys::new(&secret(2)).unwrap();
    assert_eq!((found(&keys, "alice"), found(&keys, "carol"), found(&other, "alice")), (1, 0, 0));
    let seen: Vec<_> =
        read(&dir, Filter::events()).unwrap().map(|entry| entry.unwrap().into_event().unwrap()).collect();
    assert_eq!(name(&seen[0]), keys.hmac("sub", "alice"));
    assert_ne!(keys.hmac("sub", "alice"), keys.hmac("address", "alice"), "a digest is good for one field");
    assert!(keys.made(name(&seen[0])) && !other.made(name(&seen[0])));
}

#[test]
fn without_keys_it_is_plain_and_what_asks_for_keys_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("audit");
    for how in [PersonalData::Hmac, PersonalData::Sealed] {
        let error = AuditTrail::open(&dir, &Config::default().personal_data(how)).unwrap_err();
        assert_eq!(error.kind(), TrailErrorKind::Keys);
        assert!(error.to_string().contains(how.as_str()), "{error}");
    }
    assert!(!dir.exists(), "nothing is begun that can't be kept");
    let half = FieldKeys::new(&secret(1)).unwrap();
    let sealed = Config::default().personal_data(PersonalData::Sealed);
    let error = AuditTrail::builder(&dir).config(sealed).keys(half.clone()).open().unwrap_err();
    assert_eq!(error.kind(), TrailErrorKind::Keys);
    let plain = Config::default().personal_data(PersonalData::Plain);
    let trail = AuditTrail::builder(&dir).config(plain).keys(half).open().unwrap();
    let _ = trail.record(of("alice"), Durability::Async);
    let _ = trail.record(of("sealed:x"), Durability::Async);
    let seen = trail.recent(None, 10).unwrap();
    assert_eq!((name(&seen[0]), name(&seen[1])), ("alice", "sealed:x"));
    trail.close(LONG).unwrap();
    let seen = read(&dir, Filter::events().subject("sealed:x")).unwrap().next().unwrap().unwrap();
    assert_eq!(Kept::of(name(&seen.into_event().unwrap())), Kept::Plain, "a name never looks sealed");
}

/// What the layers of Gambeson tell of people in details: typed by them, quoted from what they presented, or from a record.
#[test]
fn what_layers_tell_of_people_is_sealed_unless_the_app_decides() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, keys) = (folder.path().join("audit"), keyed(&folder.path().join("keys")));
    let names = ["email", "name", "names", "phone", "reason", "record", "user_agent", "why"];
    let mut act = event("note/1", Some("acme")).detail("roles", "viewer");
    for name in names {
        act = act.detail(name, "because of bob");
    }
    let trail = AuditTrail::builder(&dir).keys(keys.clone()).open().unwrap();
    let _ = trail.record(act, Durability::Async);
    trail.close(LONG).unwrap();
    assert!(!holds(&dir, "bob") && holds(&dir, "viewer"));
    let opened = read_with_keys(&dir, Filter::events(), &keys).unwrap().next().unwrap().unwrap();
    let details = opened.into_event().unwrap().details;
    assert!(names.iter().all(|name| details[*name] == "because of bob"), "{details:?}");
}

#[test]
fn a_wrong_or_short_secret_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("keys");
    drop(keyed(&store));
    let other = FieldKeys::new(&secret(2)).unwrap();
    let error = other.with_subjects(Arc::new(FileSubjectKeys::open(&store).unwrap())).unwrap_err();
    assert_eq!(error.kind(), TrailErrorKind::Keys);
    let error = FieldKeys::new(&SecretBytes::new(vec![7; 31])).unwrap_err();
    assert!(error.to_string().contains("31 bytes"), "{error}");
    let keys = FieldKeys::new(&SecretBytes::new(b"correct horse battery staple, and more".to_vec())).unwrap();
    let keys = keys.with_subjects(Arc::new(MemorySubjectKeys::new())).unwrap();
    assert!(!format!("{keys:?}").contains("horse"), "{keys:?}");
}

#[tokio::test]
async fn when_a_key_can_not_be_kept_the_name_is_withheld_and_a_strict_act_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, store) = (folder.path().join("audit"), folder.path().join("keys"));
    let trail = written_for(&dir, &keyed(&store), &["alice"]);
    trail.recent(None, 1).unwrap();
    fs::remove_dir_all(&store).unwrap();
    assert!(answered(trail.record(of("robert"), Durability::Strict)).await.is_err());
    assert!(matches!(trail.record(of("robert"), Durability::Async).ready(), Ok(Ok(_))));
    let mut stored = read(&dir, Filter::events().outcome(Outcome::Success)).unwrap();
    trail.close(LONG).unwrap();
    let last = stored.by_ref().last().unwrap().unwrap().into_event().unwrap();
    assert_eq!(Kept::of(name(&last)), Kept::Withheld);
    assert!(!holds(folder.path(), "robert"));
}

#[test]
fn no_two_texts_are_sealed_alike() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("audit");
    let keys = FieldKeys::new(&secret(1)).unwrap().with_subjects(Arc::new(MemorySubjectKeys::new())).unwrap();
    let keys = keys.with_entropy(Arc::new(FixedEntropy::starting_at(1)));
    let mut many = of("alice");
    for _ in 0..7 {
        many = many.detail("email", "alice@example.org");
    }
    let trail = AuditTrail::builder(&dir).keys(keys.clone()).open().unwrap();
    for _ in 0..200 {
        let _ = trail.record(many.clone(), Durability::Ordered);
    }
    trail.close(LONG).unwrap();
    let mut nonces = std::collections::HashSet::new();
    for entry in read(&dir, Filter::events()).unwrap() {
        let event = entry.unwrap().into_event().unwrap();
        let texts =
            event.details.values().chain(&event.address).chain([&event.subject.as_ref().unwrap().sub]);
        for text in texts {
            // Salt and nonce are the first 28 bytes: 37 digits of base64 and two bits.
            let (_, bytes) = text.rsplit_once(':').unwrap();
            assert!(nonces.insert(bytes[..37].to_owned()), "a nonce came twice");
        }
    }
    assert_eq!(nonces.len(), 200 * 10);
}

#[test]
fn what_nobody_in_particular_did_is_sealed_and_erased_too() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, store) = (folder.path().join("audit"), folder.path().join("keys"));
    let keys = keyed(&store);
    let trail = AuditTrail::builder(&dir).keys(keys.clone()).open().unwrap();
    let mut stranger = event("note/1", None);
    stranger.context.address = Some([192, 0, 2, 77].into());
    let _ = trail.record(stranger, Durability::Async);
    assert_eq!(trail.recent(None, 1).unwrap()[0].address.as_deref(), Some("192.0.2.77"));
    assert!(!holds(folder.path(), "192.0.2.77"));
    assert!(keys.erase_strangers().unwrap());
    assert_eq!(Kept::of(trail.recent(None, 1).unwrap()[0].address.as_ref().unwrap()), Kept::Erased);
}

/// A store in files that hangs at its first use, until the test lets it go.
#[derive(Debug)]
struct Hanging {
    store: FileSubjectKeys,
    entered: Sender<()>,
    go: Mutex<Receiver<()>>,
}

impl SubjectKeys for Hanging {
    fn bind(&self, fingerprint: &str) -> io::Result<bool> {
        self.store.bind(fingerprint)
    }

    fn find(&self, subject: &SubjectTag) -> io::Result<SubjectState> {
        // Both fail once the test has let it go.
        let _ = self.entered.send(());
        let _ = self.go.lock().unwrap().recv();
        self.store.find(subject)
    }

    fn keep(&self, subject: &SubjectTag, fresh: SubjectKey) -> io::Result<SubjectState> {
        self.store.keep(subject, fresh)
    }

    fn get(&self, id: &KeyId) -> io::Result<Option<SubjectKey>> {
        self.store.get(id)
    }

    fn is_kept(&self, id: &KeyId) -> io::Result<bool> {
        self.store.is_kept(id)
    }

    fn erase(&self, subject: &SubjectTag, now: Timestamp) -> io::Result<bool> {
        self.store.erase(subject, now)
    }
}

struct Held {
    folder: tempfile::TempDir,
    clock: ManualClock,
    entered: Receiver<()>,
    go: Sender<()>,
    trail: AuditTrail,
}

fn held(config: Config) -> Held {
    let folder = tempfile::tempdir().unwrap();
    let ((enter, entered), (go, gone)) = (channel(), channel());
    let store = FileSubjectKeys::open(folder.path().join("keys")).unwrap();
    let store = Hanging { store, entered: enter, go: Mutex::new(gone) };
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730));
    let keys = FieldKeys::new(&secret(1)).unwrap().with_clock(Arc::new(clock.clone()));
    let keys = keys.with_subjects(Arc::new(store)).unwrap();
    let builder = AuditTrail::builder(folder.path().join("audit")).keys(keys).clock(Arc::new(clock.clone()));
    let trail = builder.config(config).open().unwrap();
    Held { folder, clock, entered, go, trail }
}

#[tokio::test]
async fn a_store_of_keys_that_hangs_holds_up_no_request() {
    let Held { folder, entered, go, trail, .. } = held(Config::default());
    let strict = trail.record(of("alice"), Durability::Strict);
    assert!(matches!(strict, Answer::Pending(_)), "it is not on the disk yet");
    entered.recv_timeout(LONG).unwrap();
    for durability in [Durability::Async, Durability::Ordered] {
        for name in ["alice", "robert"] {
            let answer = trail.record(of(name), durability).ready().ok().unwrap();
            assert_eq!(answer.unwrap(), Receipt::queued());
        }
    }
    drop((go, entered));
    assert_eq!(answered(strict).await.unwrap(), Receipt::stored(1));
    let seen = trail.recent(None, 10).unwrap();
    let names: Vec<_> = seen.iter().map(name).collect();
    assert_eq!(names, ["alice", "alice", "robert", "alice", "robert"]);
    trail.close(LONG).unwrap();
    assert!(!holds(folder.path(), "alice"));
}

/// Whichever process erases, and whether the trail knew the key or not.
#[test]
fn what_waits_when_its_subject_is_erased_is_never_read() {
    let Held { folder, clock, entered, go, trail } = held(Config::default());
    let elsewhere = keyed(&folder.path().join("keys")).with_clock(Arc::new(clock.clone()));
    let record = |name: &str| drop(trail.record(of(name), Durability::Async));
    let erase = |name: &str| {
        let was_there = elsewhere.erase(ISSUER, name).unwrap();
        clock.advance(Duration::from_millis(1));
        was_there
    };
    record("alice");
    entered.recv_timeout(LONG).unwrap();
    go.send(()).unwrap();
    assert_eq!(name(&trail.recent(None, 1).unwrap()[0]), "alice");

    record("robert");
    entered.recv_timeout(LONG).unwrap();
    ["alice", "carol", "dave", "eve"].into_iter().for_each(record);
    assert!(erase("alice") && !erase("carol") && !erase("eve"), "theirs was on its way: there is no key yet");
    ["alice", "carol"].into_iter().for_each(record);
    drop((go, entered));
    let seen = trail.recent(None, 10).unwrap();
    let kept: Vec<_> = seen.iter().map(|event| Kept::of(name(event))).collect();
    use Kept::{Erased, Plain};
    assert_eq!(kept, [Erased, Plain, Erased, Erased, Plain, Erased, Plain, Plain]);
    let names: Vec<_> = [4, 6, 7].into_iter().map(|at| name(&seen[at])).collect();
    assert_eq!(names, ["dave", "alice", "carol"]);
    assert_eq!(Kept::of(seen[3].address.as_ref().unwrap()), Erased);
    let keys = fs::read_dir(folder.path().join("keys/keys")).unwrap().count();
    assert_eq!(keys, 4, "robert's and three; none for eve, who is erased");
}

/// In another process the subject may have a new key before the old events are sealed in this one.
#[test]
fn what_waits_is_never_sealed_under_the_key_of_after() {
    let Held { folder, clock, entered, go, trail } = held(Config::default());
    let elsewhere = keyed(&folder.path().join("keys")).with_clock(Arc::new(clock.clone()));
    let _ = trail.record(of("alice"), Durability::Async);
    entered.recv_timeout(LONG).unwrap();
    elsewhere.erase(ISSUER, "alice").unwrap();
    clock.advance(Duration::from_millis(1));
    let other = folder.path().join("other");
    let other = AuditTrail::builder(other).keys(elsewhere).clock(Arc::new(clock.clone())).open().unwrap();
    let _ = other.record(of("alice"), Durability::Async);
    assert_eq!(name(&other.recent(None, 1).unwrap()[0]), "alice");
    let _ = trail.record(of("alice"), Durability::Async);
    drop((go, entered));
    let seen = trail.recent(None, 10).unwrap();
    assert_eq!((Kept::of(name(&seen[0])), name(&seen[1])), (Kept::Erased, "alice"));
}

#[test]
fn what_waits_to_be_sealed_counts_in_the_queue() {
    let Held { folder: _folder, entered, go, trail, .. } = held(Config::default().queue_bytes(64 << 10));
    let _ = trail.record(of("robert"), Durability::Async);
    entered.recv_timeout(LONG).unwrap();
    for _ in 0..20 {
        let mut large = of("alice");
        for _ in 0..20 {
            large = large.detail("email", "x".repeat(1_000));
        }
        let _ = trail.record(large, Durability::Async);
    }
    assert_eq!(trail.lost(), 16, "each has 20 kB, and the queue 64 KiB");
    drop((go, entered));
    assert_eq!(trail.recent(None, 10).unwrap().len(), 5);
}

#[test]
fn a_strict_event_whose_name_is_withheld_is_counted_as_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, store) = (folder.path().join("audit"), folder.path().join("keys"));
    let trail = written_for(&dir, &keyed(&store), &["alice"]);
    trail.recent(None, 1).unwrap();
    fs::remove_dir_all(&store).unwrap();
    let strict = trail.record(of("robert"), Durability::Strict);
    let _ = trail.record(of("robert"), Durability::Async);
    trail.close(LONG).unwrap();
    assert!(matches!(strict, Answer::Pending(_)));
    let report = verify(&dir, &VerifyOptions::default()).unwrap();
    assert_eq!((report.events, report.lost), (2, 1));
    assert!(holds(&dir, "\"cause\":\"keys\""), "the disk is not to blame");
}

#[test]
fn a_store_of_keys_that_hangs_shows_and_one_that_is_slow_does_not() {
    let Held { folder: _folder, clock, entered, go, trail } = held(Config::default());
    for name in ["robert", "alice", "carol"] {
        let _ = trail.record(of(name), Durability::Async);
    }
    entered.recv_timeout(LONG).unwrap();
    // Whatever the writer took at first, the last two are sealed in one go.
    for _ in 0..2 {
        clock.advance(Duration::from_secs(9));
        assert_eq!(health(&trail), Health::Healthy);
        go.send(()).unwrap();
        entered.recv_timeout(LONG).unwrap();
    }
    assert_eq!(health(&trail), Health::Healthy);
    clock.advance(Duration::from_secs(10));
    let why = "the store of subjects' keys has not answered for 10 s";
    assert_eq!(health(&trail), Health::Unhealthy(why.into()));
    drop((go, entered));
}

#[tokio::test]
async fn a_strict_event_does_not_wait_for_the_keys_of_those_behind_it() {
    let Held { folder: _folder, clock, entered, go, trail } = held(Config::default());
    let _ = trail.record(of("robert"), Durability::Async);
    entered.recv_timeout(LONG).unwrap();
    let syncs = trail.syncs();
    let strict = || trail.record(event("note/1", None), Durability::Strict);
    let before = strict();
    let _ = trail.record(of("alice"), Durability::Async);
    let behind = [strict(), strict()];
    let _ = trail.record(of("carol"), Durability::Async);
    go.send(()).unwrap();
    entered.recv_timeout(LONG).unwrap();
    clock.advance(Duration::from_millis(100));
    go.send(()).unwrap();
    entered.recv_timeout(LONG).unwrap();
    assert_eq!(answered(before).await.unwrap(), Receipt::stored(2), "carol's key is not there yet");
    drop((go, entered));
    for strict in behind {
        answered(strict).await.unwrap();
    }
    assert_eq!(trail.syncs(), syncs + 2, "one for each slice of time");
}
