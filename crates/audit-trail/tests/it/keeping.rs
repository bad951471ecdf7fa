//! What the sink keeps, and what it says when it can't.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gambeson_audit_trail::{
    AuditTrail, Config, Filter, TrailErrorKind, VerifyErrorKind, VerifyOptions, read, verify,
};
use gambeson_core::{
    Answer, AuditEvent, AuditSink, Durability, FixedEntropy, Health, HealthCheck, ManualClock, Outcome,
    Timestamp,
};

use super::{LONG, answered, event, open, small, written};

/// What a stranger did to a public route, or was refused.
fn strangers(name: &str, outcome: Outcome) -> AuditEvent {
    let mut event = event(name, None);
    event.outcome = outcome;
    event.context.address = Some([192, 0, 2, 1].into());
    event
}

#[tokio::test]
async fn strict_and_flush_answer_when_it_is_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path(), &small());
    let many: Vec<_> =
        (0..64).map(|n| trail.record(event(&n.to_string(), None), Durability::Strict)).collect();
    let mut sequences = Vec::new();
    for answer in many {
        assert!(matches!(answer, Answer::Pending(_)));
        let receipt = answered(answer).await.unwrap();
        assert!(receipt.durable);
        sequences.push(receipt.sequence.unwrap());
    }
    assert!(sequences.is_sorted_by(|a, b| a < b));
    let _ = trail.record(event("last", None), Durability::Async);
    let flushed = answered(trail.flush()).await.unwrap();
    assert_eq!(flushed.sequence, trail.head().seq);
    assert_eq!(verify(dir.path(), &VerifyOptions::default()).unwrap().events, 65);
}

#[test]
fn it_goes_on_after_a_clean_stop_and_has_one_writer() {
    let dir = tempfile::tempdir().unwrap();
    let first = written(dir.path(), &small(), 5);
    let trail = open(dir.path(), &small());
    let other = AuditTrail::open(dir.path(), &small()).unwrap_err();
    assert_eq!(other.kind(), TrailErrorKind::Locked);
    drop(trail);
    written(dir.path(), &small(), 5);
    let report = verify(dir.path(), &VerifyOptions::default().head(first)).unwrap();
    assert_eq!((report.events, report.recoveries, report.closed), (10, 0, true));
}

#[cfg(unix)]
#[test]
fn only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data/audit");
    written(&dir, &small(), 20);
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    for file in fs::read_dir(&dir).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_removed_file_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path(), &small());
    answered(trail.record(event("a", None), Durability::Strict)).await.unwrap();
    fs::remove_file(dir.path().join("trail-000001.jsonl")).unwrap();
    let error = answered(trail.record(event("b", None), Durability::Strict)).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("removed"), "{cause}");
    assert!(trail.close(LONG).is_err());
    assert!(matches!(answered(trail.check()).await, Health::Unhealthy(_)));
}

#[tokio::test]
async fn while_writing_fails_strict_is_refused_async_is_counted_and_ordered_waits() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path(), &small());
    let file = fs::OpenOptions::new().append(true).open(dir.path().join("trail-000001.jsonl")).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length + 1).unwrap();
    let _ = trail.record(event("ordered", None), Durability::Ordered);
    let _ = trail.record(event("async", None), Durability::Async);
    assert!(answered(trail.record(event("strict", None), Durability::Strict)).await.is_err());
    assert!(matches!(answered(trail.check()).await, Health::Unhealthy(_)));
    file.set_len(length).unwrap();
    answered(trail.flush()).await.unwrap();
    assert_eq!(answered(trail.check()).await, Health::Healthy);
    trail.close(LONG).unwrap();
    let report = verify(dir.path(), &VerifyOptions::default()).unwrap();
    assert_eq!((report.events, report.lost), (1, 2));
}

#[tokio::test]
async fn strangers_cannot_use_the_reserve_and_the_loss_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::default().segment_bytes(4_096).max_total_bytes(40_000, 30_000);
    let config = config.refusals(Duration::ZERO, 1);
    let trail = open(dir.path(), &config);
    let mut refused = 0;
    for n in 0..200 {
        // Refused or not: a public route lets strangers succeed.
        let outcome = if n % 2 == 0 { Outcome::Denied } else { Outcome::Success };
        let answer = answered(trail.record(strangers(&n.to_string(), outcome), Durability::Strict)).await;
        refused += u32::from(answer.is_err());
    }
    assert!(refused > 50, "a stranger's act is not let through unrecorded: {refused}");
    assert!(matches!(answered(trail.check()).await, Health::Degraded(_)));
    let lost = trail.lost();
    assert!(lost > 100, "{lost}");
    answered(trail.record(event("mine", Some("acme")), Durability::Strict)).await.unwrap();
    refused = 0;
    for n in 0..200 {
        let answer = answered(trail.record(event(&n.to_string(), Some("acme")), Durability::Strict)).await;
        refused += u32::from(answer.is_err());
    }
    assert!(refused > 0);
    trail.close(LONG).unwrap();
    let report = verify(dir.path(), &VerifyOptions::default()).unwrap();
    assert_eq!(report.lost, lost + u64::from(refused));
}

#[test]
fn damage_refuses_to_open_and_nothing_is_taken_after_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path(), &small());
    trail.close(LONG).unwrap();
    let answer = trail.record(event("late", None), Durability::Async).ready();
    assert!(matches!(answer, Ok(Err(_))));
    let path = dir.path().join("trail-000001.jsonl");
    let text = fs::read_to_string(&path).unwrap().replace("shutdown", "shutdowm");
    fs::write(&path, text).unwrap();
    let error = AuditTrail::open(dir.path(), &small()).unwrap_err();
    assert_eq!(error.kind(), TrailErrorKind::Damaged);
}

#[test]
fn a_flood_is_counted_event_by_event() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path(), &Config::default().queue_events(8));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let trail = trail.clone();
            std::thread::spawn(move || {
                for n in 0..2_000 {
                    let _ = trail.record(event(&n.to_string(), Some("acme")), Durability::Async);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    trail.close(LONG).unwrap();
    let report = verify(dir.path(), &VerifyOptions::default()).unwrap();
    assert_eq!(report.events + report.lost, 8_000);
    assert_eq!(report.lost, trail.lost());
}

#[test]
fn a_clock_that_goes_back_is_counted_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &small(), 1);
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_400_000));
    drop(AuditTrail::open_with(dir.path(), &small(), Arc::new(clock), &FixedEntropy::default()).unwrap());
    let report = verify(dir.path(), &VerifyOptions::default()).unwrap();
    assert_eq!((report.clock_steps, report.first_clock_step), (1, Some(3)));
    let strict = VerifyOptions::default().refuse_clock_steps(Duration::from_secs(1));
    assert_eq!(verify(dir.path(), &strict).unwrap_err().seq(), Some(3));
    assert_eq!(read(dir.path(), Filter::all()).unwrap().count(), 5);
}

/// Segments are sealed and begun all the time while the verifier reads.
#[test]
fn a_running_trail_never_looks_tampered_with() {
    let dir = tempfile::tempdir().unwrap();
    // Enough that segments come to their end while the verifier is on its way.
    written(dir.path(), &small(), 300);
    let trail = open(dir.path(), &Config::default().segment_bytes(1_024));
    let reading = AtomicBool::new(true);
    let mut wrong = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while reading.load(Ordering::Relaxed) {
                let _ = trail.record(event("busy", Some("acme")), Durability::Async);
                // Waits for the writer, so that nothing piles up.
                let _ = trail.recent(Some("acme"), 1);
            }
        });
        for _ in 0..6 {
            match verify(dir.path(), &VerifyOptions::default()) {
                Err(error) if error.kind() != VerifyErrorKind::TornTail => wrong.push(error.to_string()),
                _ => {}
            }
        }
        reading.store(false, Ordering::Relaxed);
    });
    assert!(wrong.is_empty(), "{wrong:?}");
    trail.close(LONG).unwrap();
}
