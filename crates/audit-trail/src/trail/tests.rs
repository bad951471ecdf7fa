//! What the trail does while its disk hangs, or fails to sync: through a disk that the test holds.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gambeson_core::{
    Answer, AuditEvent, AuditKind, AuditSink, Durability, Health, HealthCheck, ManualClock, Outcome, Receipt,
    Subject, Timestamp,
};

use super::*;
use crate::disk::Disk;
use crate::verify::{VerifyOptions, verify};

/// A disk whose syncs wait for the test once it is `held`, or fail.
#[derive(Debug)]
struct TestDisk {
    held: AtomicBool,
    broken: AtomicBool,
    syncs: AtomicU64,
    free: AtomicU64,
    entered: Sender<()>,
    go: Mutex<Receiver<()>>,
}

impl Disk for TestDisk {
    fn sync(&self, file: &File) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        if self.held.load(Ordering::SeqCst) {
            self.entered.send(()).unwrap();
            self.go.lock().unwrap().recv().unwrap();
        }
        match self.broken.load(Ordering::SeqCst) {
            true => Err(io::Error::other("broken")),
            false => file.sync_data(),
        }
    }

    fn free(&self, _: &Path) -> io::Result<Option<u64>> {
        Ok(Some(self.free.load(Ordering::SeqCst)))
    }
}

struct Held {
    folder: tempfile::TempDir,
    clock: ManualClock,
    disk: Arc<TestDisk>,
    entered: Receiver<()>,
    go: Sender<()>,
    trail: AuditTrail,
}

fn held() -> Held {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730));
    let ((enter, entered), (go, gone)) = (channel(), channel());
    let disk = Arc::new(TestDisk {
        held: AtomicBool::new(false),
        broken: AtomicBool::new(false),
        syncs: AtomicU64::new(0),
        free: AtomicU64::new(u64::MAX),
        entered: enter,
        go: Mutex::new(gone),
    });
    let builder = AuditTrail::builder(folder.path()).clock(Arc::new(clock.clone()));
    let strict = DurabilityRule::of_kind(AuditKind::SecretAccess, Durability::Strict);
    let config = Config::default().min_free_bytes(1_000).durability(strict);
    let trail = builder.config(config).disk(disk.clone()).open().unwrap();
    Held { folder, clock, disk, entered, go, trail }
}

fn event() -> AuditEvent {
    let at = Timestamp::from_unix_seconds(1_795_421_730);
    let mut event = AuditEvent::new(AuditKind::Authorization, "notes:write", Outcome::Success, at);
    event.context.subject = Some(Subject { issuer: "https://id.example".into(), name: "alice".into() });
    event
}

#[tokio::test]
async fn sixty_four_tasks_share_one_sync() {
    let Held { folder, disk, entered, go, trail, .. } = held();
    let before = disk.syncs.load(Ordering::SeqCst);
    disk.held.store(true, Ordering::SeqCst);
    let first = trail.record(event(), Durability::Strict);
    entered.recv().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    let (asked, asks) = channel();
    for _ in 0..64 {
        let (trail, asked) = (trail.clone(), asked.clone());
        tasks.spawn(async move {
            let answer = trail.record(event(), Durability::Strict);
            asked.send(matches!(answer, Answer::Pending(_))).unwrap();
            answer.wait().await.unwrap()
        });
    }
    let mut waiting = 0;
    while waiting < 64 {
        tokio::task::yield_now().await;
        for pending in asks.try_iter() {
            assert!(pending, "none is answered before the disk has it");
            waiting += 1;
        }
    }
    disk.held.store(false, Ordering::SeqCst);
    go.send(()).unwrap();
    assert_eq!(first.wait().await.unwrap(), Receipt::stored(1));
    let receipts = tasks.join_all().await;
    assert!(receipts.iter().all(|receipt| receipt.durable));
    assert_eq!(disk.syncs.load(Ordering::SeqCst) - before, 2, "one for the first, one for all others");
    assert_eq!(trail.syncs(), before + 2);
    trail.close(Duration::from_secs(20)).unwrap();
    assert_eq!(verify(folder.path(), &VerifyOptions::default()).unwrap().events, 65);
}

#[tokio::test]
async fn a_hanging_disk_freezes_nothing_and_shows() {
    let Held { folder: _folder, clock, disk, entered, go, trail } = held();
    disk.held.store(true, Ordering::SeqCst);
    let strict = trail.record(event(), Durability::Strict);
    entered.recv().unwrap();
    for _ in 0..100 {
        for durability in [Durability::Async, Durability::Ordered] {
            let answer = trail.record(event(), durability).ready().ok().unwrap();
            assert_eq!(answer.unwrap(), Receipt::queued());
        }
    }
    assert_eq!(trail.check().wait().await, Health::Healthy);
    clock.advance(Duration::from_secs(10));
    let Health::Unhealthy(why) = trail.check().wait().await else { panic!("it hangs") };
    assert!(why.contains("not answered for 10 s"), "{why}");
    let error = trail.close(Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), TrailErrorKind::Deadline);
    disk.held.store(false, Ordering::SeqCst);
    go.send(()).unwrap();
    assert!(strict.wait().await.is_ok());
    trail.close(Duration::from_secs(20)).unwrap();
    assert_eq!(trail.lost(), 0);
}

#[test]
fn what_the_policy_calls_strict_is_synced_though_its_sender_does_not_wait() {
    let Held { folder: _folder, clock: _clock, disk, entered, go, trail } = held();
    disk.held.store(true, Ordering::SeqCst);
    assert_eq!(trail.record(event(), Durability::Async).ready().ok().unwrap().unwrap(), Receipt::queued());
    let mut secret = event();
    secret.kind = AuditKind::SecretAccess;
    assert_eq!(
        trail.record(secret.clone(), Durability::Async).ready().ok().unwrap().unwrap(),
        Receipt::queued()
    );
    entered.recv().unwrap();
    assert!(
        matches!(trail.record(secret, Durability::Ordered), Answer::Pending(_)),
        "who waits, waits for the disk"
    );
    disk.held.store(false, Ordering::SeqCst);
    go.send(()).unwrap();
}

#[tokio::test]
async fn while_the_disk_is_low_strangers_are_not_kept() {
    let Held { folder, clock, disk, trail, .. } = held();
    let stranger = |reason: &'static str| {
        let at = Timestamp::from_unix_seconds(1_795_421_730);
        let mut event = AuditEvent::new(AuditKind::Authentication, "token.verify", Outcome::Denied, at);
        event.reason = Some(reason.into());
        event.context.address = Some([192, 0, 2, 1].into());
        event
    };
    disk.free.store(999, Ordering::SeqCst);
    clock.advance(Duration::from_secs(1));
    let _ = trail.record(stranger("one"), Durability::Async);
    let _ = trail.record(event(), Durability::Async);
    trail.flush().wait().await.unwrap();
    assert!(matches!(trail.check().wait().await, Health::Degraded(why) if why.contains("min_free_bytes")));
    assert_eq!(trail.lost(), 1);
    disk.free.store(1_000, Ordering::SeqCst);
    clock.advance(Duration::from_secs(1));
    let _ = trail.record(stranger("two"), Durability::Async);
    trail.flush().wait().await.unwrap();
    assert_eq!(trail.check().wait().await, Health::Healthy);
    trail.close(Duration::from_secs(20)).unwrap();
    let report = verify(folder.path(), &VerifyOptions::default()).unwrap();
    assert_eq!((report.events, report.lost), (2, 1));
    let text = std::fs::read_to_string(folder.path().join("trail-000001.jsonl")).unwrap();
    assert!(text.contains("\"cause\":\"disk_low\""));
}

/// After a failed sync the system may say that all is well, though pages are gone: nothing is durable any more.
#[tokio::test]
async fn after_a_failed_sync_nothing_is_called_durable() {
    let Held { folder: _folder, disk, trail, .. } = held();
    disk.broken.store(true, Ordering::SeqCst);
    assert!(trail.record(event(), Durability::Strict).wait().await.is_err());
    disk.broken.store(false, Ordering::SeqCst);
    assert!(trail.record(event(), Durability::Strict).wait().await.is_err());
    assert!(matches!(trail.check().wait().await, Health::Unhealthy(_)));
}
