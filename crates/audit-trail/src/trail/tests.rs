//! What the trail does while its disk hangs, or fails to sync: through a disk that the test holds.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gambeson_core::{
    Answer, AuditErrorKind, AuditEvent, AuditKind, AuditSink, BoxFuture, Durability, Health, HealthCheck,
    ManualClock, Outcome, Receipt, SecretBytes, Subject, Timestamp,
};

use gambeson_testing::{eventually, within};

use super::*;
use crate::disk::Disk;
use crate::keys::MemorySubjectKeys;
use crate::verify::{VerifyOptions, verify};

const LONG: Duration = Duration::from_secs(20);

/// Waits for an answer, but not for ever.
async fn answered<T>(answer: Answer<T>) -> T {
    within(LONG, answer.wait()).await.expect("an answer")
}

fn poll_once<T>(answer: &mut BoxFuture<T>) -> Poll<T> {
    answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

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
    let strict = DurabilityRule::of_kind(AuditKind::SecretAccess, Durability::Strict);
    held_with(Config::default().min_free_bytes(1_000).durability(strict).strict_deadline(LONG * 9))
}

fn held_with(config: Config) -> Held {
    held_by(config, |builder, clock| builder.timer(Arc::new(clock.clone())))
}

fn held_by(config: Config, more: impl Fn(TrailBuilder, &ManualClock) -> TrailBuilder) -> Held {
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
    let keys = FieldKeys::new(&SecretBytes::new(vec![7; 32])).unwrap();
    let keys = keys.with_subjects(Arc::new(MemorySubjectKeys::new())).unwrap();
    let builder = AuditTrail::builder(folder.path()).clock(Arc::new(clock.clone())).keys(keys);
    let trail = more(builder, &clock).config(config).disk(disk.clone()).open().unwrap();
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
    entered.recv_timeout(LONG).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    let (asked, asks) = channel();
    for _ in 0..64 {
        let (trail, asked) = (trail.clone(), asked.clone());
        tasks.spawn(async move {
            let answer = trail.record(event(), Durability::Strict);
            asked.send(matches!(answer, Answer::Pending(_))).unwrap();
            answered(answer).await.unwrap()
        });
    }
    let mut waiting = 0;
    let all_wait = async {
        while waiting < 64 {
            tokio::task::yield_now().await;
            for pending in asks.try_iter() {
                assert!(pending, "none is answered before the disk has it");
                waiting += 1;
            }
        }
    };
    within(LONG, all_wait).await.unwrap();
    disk.held.store(false, Ordering::SeqCst);
    go.send(()).unwrap();
    assert_eq!(answered(first).await.unwrap(), Receipt::stored(1));
    let receipts = within(LONG, tasks.join_all()).await.unwrap();
    assert!(receipts.iter().all(|receipt| receipt.durable));
    assert_eq!(disk.syncs.load(Ordering::SeqCst) - before, 2, "one for the first, one for all others");
    assert_eq!(trail.syncs(), before + 2);
    trail.close(LONG).unwrap();
    assert_eq!(verify(folder.path(), &VerifyOptions::default()).unwrap().events, 65);
}

#[tokio::test]
async fn a_hanging_disk_freezes_nothing_and_shows() {
    let Held { folder: _folder, clock, disk, entered, go, trail } = held();
    disk.held.store(true, Ordering::SeqCst);
    let strict = trail.record(event(), Durability::Strict);
    entered.recv_timeout(LONG).unwrap();
    for _ in 0..100 {
        for durability in [Durability::Async, Durability::Ordered] {
            let answer = trail.record(event(), durability).ready().ok().unwrap();
            assert_eq!(answer.unwrap(), Receipt::queued());
        }
    }
    assert_eq!(answered(trail.check()).await, Health::Healthy);
    clock.advance(Duration::from_secs(10));
    let Health::Unhealthy(why) = answered(trail.check()).await else { panic!("it hangs") };
    assert!(why == "the disk has not answered for 10 s", "{why}");
    let error = trail.close(Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), TrailErrorKind::Deadline);
    disk.held.store(false, Ordering::SeqCst);
    go.send(()).unwrap();
    assert!(answered(strict).await.is_ok());
    trail.close(LONG).unwrap();
    assert_eq!(trail.lost(), 0);
}

/// The act is refused, and what was told of it is kept once the disk comes back.
#[tokio::test]
async fn who_waits_for_a_hanging_disk_gives_up_in_time_and_the_event_is_kept() {
    let config = Config::default().strict_deadline(Duration::from_secs(5));
    let Held { folder, clock, disk, entered, go, trail } = held_with(config);
    disk.held.store(true, Ordering::SeqCst);
    let Answer::Pending(mut strict) = trail.record(event(), Durability::Strict) else { panic!("it waits") };
    entered.recv_timeout(LONG).unwrap();
    // It waits behind the one whose sync hangs.
    let Answer::Pending(mut next) = trail.record(event(), Durability::Strict) else { panic!("it waits") };
    clock.advance(Duration::from_millis(4_999));
    assert!(poll_once(&mut strict).is_pending() && poll_once(&mut next).is_pending());
    clock.advance(Duration::from_millis(1));
    for answer in [&mut strict, &mut next] {
        let Poll::Ready(Err(error)) = poll_once(answer) else { panic!("it is late") };
        assert_eq!(error.kind(), AuditErrorKind::Unavailable);
        let why = std::error::Error::source(&error).unwrap().to_string();
        assert!(why.contains("has not answered for 5s"), "{why}");
    }
    disk.held.store(false, Ordering::SeqCst);
    go.send(()).unwrap();
    assert!(answered(trail.record(event(), Durability::Strict)).await.unwrap().durable, "it is back");
    trail.close(LONG).unwrap();
    assert_eq!(verify(folder.path(), &VerifyOptions::default()).unwrap().events, 3);
    assert_eq!(trail.lost(), 0);
}

/// Whoever names no timer has that of the system, with the clock that belongs to it.
#[tokio::test]
async fn the_system_s_time_ends_the_waiting_unless_told_otherwise() {
    for (deadline, late) in [(Duration::from_millis(1), true), (LONG * 9, false)] {
        let config = Config::default().strict_deadline(deadline);
        let Held { folder: _folder, clock, disk, entered, go, trail } = held_by(config, |builder, _| builder);
        disk.held.store(true, Ordering::SeqCst);
        let mut strict = trail.record(event(), Durability::Strict);
        entered.recv_timeout(LONG).unwrap();
        clock.advance(LONG * 10);
        if !late && let Answer::Pending(answer) = &mut strict {
            assert!(poll_once(answer).is_pending(), "the trail's clock is another one");
        }
        disk.held.store(false, Ordering::SeqCst);
        if !late {
            go.send(()).unwrap();
        }
        assert_eq!(answered(strict).await.is_err(), late, "{deadline:?}");
        let _ = go.send(());
    }
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
    entered.recv_timeout(LONG).unwrap();
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
    answered(trail.flush()).await.unwrap();
    assert!(matches!(answered(trail.check()).await, Health::Degraded(why) if why.contains("min_free_bytes")));
    assert_eq!(trail.lost(), 1);
    disk.free.store(1_000, Ordering::SeqCst);
    clock.advance(Duration::from_secs(1));
    let _ = trail.record(stranger("two"), Durability::Async);
    answered(trail.flush()).await.unwrap();
    assert_eq!(answered(trail.check()).await, Health::Healthy);
    trail.close(LONG).unwrap();
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
    assert!(answered(trail.record(event(), Durability::Strict)).await.is_err());
    disk.broken.store(false, Ordering::SeqCst);
    assert!(answered(trail.record(event(), Durability::Strict)).await.is_err());
    assert!(matches!(answered(trail.check()).await, Health::Unhealthy(_)));
}

const DAY: Duration = Duration::from_secs(86_400);

/// A trail of a few sealed segments that are too old by now, and one that was just begun.
async fn aged() -> Held {
    let config = Config::default().segment_bytes(2_048).retention(Some(DAY), None);
    let held = held_with(config);
    while segment::list(held.folder.path()).unwrap().len() < 5 {
        answered(held.trail.record(event(), Durability::Strict)).await.unwrap();
    }
    held.clock.advance(DAY);
    held
}

fn text(folder: &tempfile::TempDir) -> String {
    let segments = segment::list(folder.path()).unwrap();
    segments.iter().map(|segment| std::fs::read_to_string(&segment.path).unwrap_or_default()).collect()
}

async fn until(mut seen: impl FnMut() -> bool) {
    let attempt = || std::future::ready(seen().then_some(()));
    eventually(LONG, attempt).await.expect("to be seen");
}

/// What can't be synced can't be dropped: and is not announced with each event.
#[tokio::test]
async fn while_nothing_can_be_synced_one_tombstone_is_enough() {
    let Held { folder, disk, trail, .. } = aged().await;
    disk.broken.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        assert!(answered(trail.record(event(), Durability::Strict)).await.is_err());
    }
    assert_eq!(text(&folder).matches("\"tombstone\"").count(), 1);
    assert!(folder.path().join("trail-000001.jsonl").exists());
}

/// After a file that could not be deleted the next attempt only deletes: what was written meanwhile is not synced.
#[tokio::test]
async fn what_is_dropped_late_makes_nothing_durable() {
    let Held { folder, disk, trail, .. } = aged().await;
    let first = folder.path().join("trail-000001.jsonl");
    std::fs::remove_file(&first).unwrap();
    std::fs::create_dir(&first).unwrap();
    let _ = trail.record(event(), Durability::Async);
    until(|| matches!(trail.shared().health(), Health::Unhealthy(why) if why.contains("delete"))).await;
    std::fs::remove_dir(&first).unwrap();
    let (syncs, head) = (disk.syncs.load(Ordering::SeqCst), trail.head());
    let _ = trail.record(event(), Durability::Async);
    until(|| trail.head() != head && trail.shared().health() == Health::Healthy).await;
    assert!(!folder.path().join("trail-000002.jsonl").exists(), "they are dropped");
    assert_eq!(disk.syncs.load(Ordering::SeqCst), syncs);
    let status = trail.shared().status().clone();
    assert!(status.synced.seq < status.head.seq);
}
