//! What is read back.

use std::fs;

use gambeson_audit_trail::{Config, Filter, TrailErrorKind, read, tail};
use gambeson_core::{AuditKind, AuditSink, Durability, MatchedRoute, TraceContext};

use super::{event, open, small, written};

#[test]
fn an_event_reads_back_whole() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path(), &Config::default());
    let mut full = event("note/\u{1b}[2J\"\\", Some("acme")).detail("size", "3").detail("size", "4");
    full.method = Some("POST".parse().unwrap());
    full.reason = Some("role".into());
    full.context.address = Some([192, 0, 2, 1].into());
    full.context.route = Some(MatchedRoute::new("/notes/{id}"));
    full.context.trace = TraceContext::new([1; 16], [2; 8], true);
    let _ = trail.record(full, Durability::Async);
    let read = trail.recent(Some("acme"), 10).unwrap();
    let [stored] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!((stored.seq, stored.kind), (1, AuditKind::Authorization));
    assert_eq!(stored.object.as_deref(), Some("note/\u{1b}[2J\"\\"));
    assert_eq!(stored.address.as_deref(), Some("192.0.2.1"));
    assert_eq!(stored.trace_id.as_deref(), Some("01".repeat(16).as_str()));
    assert_eq!(stored.subject.as_ref().unwrap().sub, "alice");
    assert_eq!(stored.details["size#2"], "4");
    let json = serde_json::to_value(stored).unwrap();
    assert_eq!((json["outcome"].as_str(), json.get("prev")), (Some("success"), None));
}

#[test]
fn an_admin_sees_the_newest_of_the_own_tenant_only() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path(), &Config::default().segment_bytes(32 << 10));
    for n in 0..600 {
        let tenant = ["acme", "globex"][n % 2];
        let _ = trail.record(event(&n.to_string(), Some(tenant)), Durability::Ordered);
    }
    let seen = trail.recent(Some("globex"), 3).unwrap();
    let objects: Vec<_> = seen.iter().map(|event| event.object.as_deref().unwrap()).collect();
    assert_eq!(objects, ["595", "597", "599"]);
    assert!(trail.recent(Some("initech"), 3).unwrap().is_empty());
    assert_eq!(trail.recent(None, 1_000).unwrap().len(), 600);
}

#[test]
fn tail_is_the_end_of_read() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &small(), 300);
    let all: Vec<_> = read(dir.path(), Filter::all()).unwrap().map(Result::unwrap).collect();
    assert!(all.iter().enumerate().all(|(n, entry)| entry.seq() == n as u64));
    for most in [0, 1, 7, 1_000] {
        let end = tail(dir.path(), &Filter::all(), most).unwrap();
        assert_eq!(end, all[all.len().saturating_sub(most)..]);
    }
}

#[test]
fn a_line_that_no_trail_wrote_hides_nothing_silently() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &Config::default(), 3);
    let path = dir.path().join("trail-000001.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    for garbage in ["x\n".to_owned(), format!("{}\n", "x".repeat(3 << 20)), "x".repeat(3 << 20)] {
        fs::write(&path, format!("{whole}{garbage}")).unwrap();
        let error = tail(dir.path(), &Filter::all(), 3).unwrap_err();
        assert_eq!(error.kind(), TrailErrorKind::Damaged);
    }
}
