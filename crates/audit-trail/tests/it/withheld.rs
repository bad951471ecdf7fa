//! While keys of subjects can't be kept.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gambeson_audit_trail::{
    AuditTrail, FieldKeys, Kept, KeyId, MemorySubjectKeys, SubjectKey, SubjectKeys, SubjectState, SubjectTag,
};
use gambeson_core::{AuditSink, Durability, Health, ManualClock, Timestamp};

use super::people::{name, of, secret};
use super::{health, log};

/// Keys in memory that are asked in vain while it is broken.
#[derive(Debug, Default)]
struct Failing {
    cause: &'static str,
    store: MemorySubjectKeys,
    broken: AtomicBool,
    asked: AtomicU64,
}

impl SubjectKeys for Failing {
    fn bind(&self, fingerprint: &str) -> io::Result<bool> {
        self.store.bind(fingerprint)
    }

    fn find(&self, subject: &SubjectTag) -> io::Result<SubjectState> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.broken.load(Ordering::SeqCst) {
            true => Err(io::Error::other(self.cause)),
            false => self.store.find(subject),
        }
    }

    fn keep(&self, subject: &SubjectTag, fresh: SubjectKey) -> io::Result<SubjectState> {
        self.store.keep(subject, fresh)
    }

    fn get(&self, id: &KeyId) -> io::Result<Option<SubjectKey>> {
        self.store.get(id)
    }

    fn erase(&self, subject: &SubjectTag, now: Timestamp) -> io::Result<bool> {
        self.store.erase(subject, now)
    }
}

struct Broken {
    _folder: tempfile::TempDir,
    clock: ManualClock,
    store: Arc<Failing>,
    trail: AuditTrail,
}

/// A trail whose store of keys is broken.
fn broken(cause: &'static str) -> Broken {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730));
    let store = Arc::new(Failing { cause, broken: true.into(), ..Failing::default() });
    let keys = FieldKeys::new(&secret(1)).unwrap().with_subjects(store.clone()).unwrap();
    let builder = AuditTrail::builder(folder.path()).keys(keys).clock(Arc::new(clock.clone()));
    Broken { _folder: folder, clock, store, trail: builder.open().unwrap() }
}

#[test]
fn a_store_that_fails_is_asked_once_for_all_texts_of_an_event() {
    let Broken { _folder, store, trail, .. } = broken("slow");
    let _ = trail.record(of("robert"), Durability::Async);
    let seen = trail.recent(None, 1).unwrap();
    let texts = [name(&seen[0]), seen[0].address.as_ref().unwrap(), &seen[0].details["user_agent"]];
    assert_eq!(texts.map(Kept::of), [Kept::Withheld; 3]);
    assert_eq!(store.asked.load(Ordering::SeqCst), 1);
}

/// The log tells the 1st, 2nd and 4th time of each row.
#[test]
fn while_names_are_withheld_the_trail_is_degraded_and_says_why() {
    log::listen();
    let Broken { _folder, clock, store, trail } = broken("unmounted");
    let record = |name: &str| {
        let _ = trail.record(of(name), Durability::Async);
        trail.recent(None, 1).unwrap();
        health(&trail)
    };
    let said = || log::times_said("cause=\"unmounted\"");
    for _ in 0..4 {
        let Health::Degraded(why) = record("robert") else { panic!("names are withheld") };
        assert!(why.contains("keep the key of a subject: unmounted") && !why.contains("robert"), "{why}");
    }
    assert_eq!(said(), 3);
    store.broken.store(false, Ordering::SeqCst);
    clock.advance(Duration::from_millis(9_999));
    assert!(matches!(record("alice"), Health::Degraded(_)), "hers may be well, and others not");
    clock.advance(Duration::from_millis(1));
    assert_eq!(record("alice"), Health::Healthy);
    store.broken.store(true, Ordering::SeqCst);
    assert!(matches!(record("robert"), Health::Degraded(_)));
    assert_eq!(said(), 4, "a new row");
}
