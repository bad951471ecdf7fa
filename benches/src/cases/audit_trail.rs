//! Taking an event, hashing a record, verifying a file.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use gambeson_audit_trail::{AuditTrail, Config, Digest, VerifyOptions, verify};
use gambeson_core::{Answer, Authentication, Challenges};
use gambeson_core::{
    AuditEvent, AuditKind, AuditSink, Durability, Outcome, Principal, RequestFacts, Timestamp,
};

use crate::{Case, Figure, Kind, Run, timing};

const CRATE: &str = "audit-trail";

/// So many events are taken between two waits for the writer: fewer than the queue holds.
pub(crate) const BETWEEN_FLUSHES: u32 = 2_048;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(CRATE, "enqueue", Kind::Pass).gambeson(enqueue),
        Case::new(CRATE, "hash_step_400_bytes", Kind::Part).gambeson(|| {
            let record = [b'x'; 400];
            Box::new(move || {
                black_box(Digest::of(black_box(&record)));
            })
        }),
    ]
}

pub(super) fn figures() -> Vec<Figure> {
    let (case, metric) = ("verify_events_per_second", "per_second");
    vec![Figure { krate: CRATE, case, subject: "gambeson", metric, measure: verified_per_second }]
}

/// A refusal as rbac tells it.
pub(crate) fn event(facts: &RequestFacts) -> AuditEvent {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let at = Timestamp::from_unix_seconds(now.try_into().unwrap_or(i64::MAX));
    AuditEvent::new(AuditKind::Authorization, "notes:write", Outcome::Denied, at).with_facts(facts)
}

pub(crate) fn facts() -> RequestFacts {
    let facts = RequestFacts::new();
    let alice = Principal::user("https://id.example.com", "alice").role("viewer").build();
    facts.authenticate(Authentication::Verified(alice, Challenges::none())).expect("nobody else");
    facts
}

fn enqueue() -> Run {
    let dir = tempfile::tempdir().expect("a folder");
    let trail = AuditTrail::open(dir.path().join("audit"), &Config::default()).expect("a trail");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (facts, mut count) = (facts(), 0_u32);
    Box::new(move || {
        let _ = (&dir, black_box(trail.record(event(&facts), Durability::Async)));
        count += 1;
        if count.is_multiple_of(BETWEEN_FLUSHES)
            && let Answer::Pending(flushed) = trail.flush()
        {
            runtime.block_on(flushed).expect("written");
            assert_eq!(trail.lost(), 0, "every event was taken");
        }
    })
}

fn verified_per_second() -> f64 {
    const EVENTS: u32 = 200_000;
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("audit");
    let trail = AuditTrail::open(&path, &Config::default()).expect("a trail");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let facts = facts();
    for count in 1..=EVENTS {
        drop(trail.record(event(&facts), Durability::Async));
        if count.is_multiple_of(BETWEEN_FLUSHES)
            && let Answer::Pending(flushed) = trail.flush()
        {
            runtime.block_on(flushed).expect("written");
        }
    }
    let head = trail.close(Duration::from_secs(60)).expect("closed");
    let before = timing::thread_cpu_ns();
    let report = verify(&path, &VerifyOptions::default().head(head)).expect("a whole trail");
    let seconds = (timing::thread_cpu_ns() - before) / 1e9;
    assert_eq!(report.events, u64::from(EVENTS), "every event was kept");
    f64::from(EVENTS) / seconds
}
