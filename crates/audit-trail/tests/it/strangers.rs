//! However much strangers send, the trail stays small and says how much it was.

use std::sync::Arc;
use std::time::Duration;

use gambeson_audit_trail::{AuditTrail, Config, ControlRecord, Entry, Filter, VerifyOptions, read, verify};
use gambeson_core::{
    AuditEvent, AuditKind, AuditSink, Durability, Health, HealthCheck, ManualClock, Outcome, Receipt,
    Timestamp,
};

use super::{LONG, answered, event};

fn refusal(n: u64) -> AuditEvent {
    let at = Timestamp::from_unix_seconds(1_795_421_730 + i64::try_from(n).unwrap() % 60);
    let mut event = AuditEvent::new(AuditKind::Authentication, "token.verify", Outcome::Denied, at);
    event.reason = Some("token-expired".into());
    event.context.address = Some([192, 0, (n % 3) as u8, (n % 250) as u8].into());
    event
}

fn told(trail: &AuditTrail) -> Vec<ControlRecord> {
    let entries = read(trail.dir(), Filter::all()).unwrap().map(Result::unwrap);
    let refusals = entries.filter_map(|entry| match entry {
        Entry::Control(record) if record.record == "refusals" => Some(*record),
        _ => None,
    });
    refusals.collect()
}

#[tokio::test]
async fn a_flood_of_refusals_is_a_handful_of_records() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730));
    let trail = AuditTrail::builder(dir.path()).clock(Arc::new(clock.clone())).open().unwrap();
    for n in 0..9_000 {
        // However surely it is to be kept, a stranger makes nobody wait for the disk.
        let answer = trail.record(refusal(n), Durability::Strict).ready().ok().unwrap();
        assert_eq!(answer.unwrap(), Receipt::queued());
    }
    answered(trail.flush()).await.unwrap();
    assert!(told(&trail).is_empty(), "the window is open");
    clock.advance(Duration::from_secs(60));
    answered(trail.flush()).await.unwrap();
    let records = told(&trail);
    assert_eq!(records.len(), 3);
    let networks: Vec<_> = records.iter().map(|record| record.network.as_deref().unwrap()).collect();
    assert!(["192.0.0.0/24", "192.0.1.0/24", "192.0.2.0/24"].iter().all(|n| networks.contains(n)));
    for record in &records {
        assert_eq!((record.count, record.reason.as_deref()), (Some(2_999), Some("token-expired")));
        assert!(record.first < record.last);
    }
    let _ = trail.record(refusal(0), Durability::Async);
    let _ = trail.record(refusal(3), Durability::Async);
    trail.close(LONG).unwrap();
    let report = verify(dir.path(), &VerifyOptions::default()).unwrap();
    assert_eq!((report.events, report.refusals, report.lost), (4, 8_998, 0), "the end tells the rest");
    assert!(std::fs::metadata(dir.path().join("trail-000001.jsonl")).unwrap().len() < 8_000);
}

/// The app's own refusals, such as that of a secret that may not be read, come without a request and without a subject.
#[tokio::test]
async fn what_the_app_refuses_by_itself_is_kept_each_and_as_surely_as_asked() {
    let dir = tempfile::tempdir().unwrap();
    let trail = AuditTrail::open(dir.path(), &Config::default()).unwrap();
    let at = Timestamp::from_unix_seconds(1_795_421_730);
    for kind in [AuditKind::SecretAccess, AuditKind::PolicyChange, AuditKind::Application] {
        for _ in 0..3 {
            let event = AuditEvent::new(kind, "secret.read", Outcome::Denied, at);
            assert!(answered(trail.record(event, Durability::Strict)).await.unwrap().durable, "{kind:?}");
        }
    }
    trail.close(LONG).unwrap();
    let report = verify(dir.path(), &VerifyOptions::default()).unwrap();
    assert_eq!((report.events, report.refusals), (9, 0));
}

/// What a public route lets strangers do is told each time, and as surely as its policy asks.
#[tokio::test]
async fn what_strangers_may_do_is_not_counted_but_kept() {
    let dir = tempfile::tempdir().unwrap();
    let trail = AuditTrail::open(dir.path(), &Config::default()).unwrap();
    for _ in 0..3 {
        let mut success = refusal(0);
        success.outcome = Outcome::Success;
        assert!(answered(trail.record(success, Durability::Strict)).await.unwrap().durable);
    }
    trail.close(LONG).unwrap();
    let report = verify(dir.path(), &VerifyOptions::default()).unwrap();
    assert_eq!((report.events, report.refusals), (3, 0));
}

#[test]
fn what_fits_into_no_group_is_counted_too() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::default().refusals(Duration::from_secs(60), 2);
    let trail = AuditTrail::open(dir.path(), &config).unwrap();
    for n in 0..300 {
        let _ = trail.record(refusal(n), Durability::Async);
    }
    trail.close(LONG).unwrap();
    let records = told(&trail);
    let others = records.iter().find(|record| record.network.is_none()).unwrap();
    assert_eq!((records.len(), others.count), (3, Some(100)));
    let report = verify(dir.path(), &VerifyOptions::default()).unwrap();
    assert_eq!((report.events, report.refusals), (2, 298));
}

/// The real disk has less room than that.
#[cfg(unix)]
#[tokio::test]
async fn a_disk_with_little_room_is_not_for_strangers() {
    let dir = tempfile::tempdir().unwrap();
    let trail = AuditTrail::open(dir.path(), &Config::default().min_free_bytes(u64::MAX)).unwrap();
    let _ = trail.record(refusal(1), Durability::Async);
    answered(trail.record(event("mine", Some("acme")), Durability::Strict)).await.unwrap();
    assert!(matches!(answered(trail.check()).await, Health::Degraded(_)));
    trail.close(LONG).unwrap();
    let report = verify(dir.path(), &VerifyOptions::default()).unwrap();
    assert_eq!((report.events, report.lost), (1, 1));
}
