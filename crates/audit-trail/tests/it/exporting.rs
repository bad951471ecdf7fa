//! Trails for other programs.

use std::path::Path;

use gambeson_audit_trail::export::{self, Format};
use gambeson_audit_trail::{AuditTrail, Config, Filter, read};
use gambeson_core::{
    AuditEvent, AuditKind, AuditSink, Durability, MatchedRoute, Outcome, RequestId, Timestamp, TraceContext,
};
use serde_json::{Value, json};

use super::{LONG, event, small, written};

fn exported(dir: &Path, filter: Filter, format: Format) -> (u64, String) {
    let mut out = Vec::new();
    let count = export::write(read(dir, filter).unwrap(), format, &mut out).unwrap();
    (count, String::from_utf8(out).unwrap())
}

fn ocsf(dir: &Path) -> Vec<Value> {
    let (_, text) = exported(dir, Filter::events(), Format::Ocsf);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn trail_of(dir: &Path, events: Vec<AuditEvent>) {
    let trail = AuditTrail::open(dir, &Config::default()).unwrap();
    for event in events {
        let _ = trail.record(event, Durability::Ordered);
    }
    trail.close(LONG).unwrap();
}

fn of_kind(kind: AuditKind, action: &'static str, outcome: Outcome) -> AuditEvent {
    AuditEvent::new(kind, action, outcome, Timestamp::from_unix_seconds(1_795_421_730))
}

#[test]
fn an_authorization_is_an_api_activity() {
    let dir = tempfile::tempdir().unwrap();
    let mut refused = event("note/7", Some("acme")).detail("mode", "observe");
    refused.outcome = Outcome::Denied;
    refused.reason = Some("forbidden".into());
    refused.method = Some("DELETE".parse().unwrap());
    refused.context.address = Some([192, 0, 2, 1].into());
    refused.context.route = Some(MatchedRoute::new("/notes/{id}"));
    refused.context.request_id = RequestId::parse(b"r-1");
    refused.context.trace = TraceContext::new([1; 16], [2; 8], true);
    trail_of(dir.path(), vec![refused]);
    let [told] = &ocsf(dir.path())[..] else { panic!("one event") };
    assert_eq!(
        (&told["class_uid"], &told["category_uid"], &told["type_uid"]),
        (&json!(6003), &json!(6), &json!(600_304))
    );
    assert_eq!(told["time"], json!(1_795_421_730_000_u64));
    assert_eq!(
        (&told["status_id"], &told["status_code"], &told["status_detail"]),
        (&json!(2), &json!("forbidden"), &json!("denied"))
    );
    assert_eq!(told["actor"]["user"]["uid"], "alice");
    assert_eq!(told["src_endpoint"], json!({ "ip": "192.0.2.1" }));
    assert_eq!(told["api"], json!({ "operation": "notes:write", "request": { "uid": "r-1" } }));
    assert_eq!(told["http_request"]["http_method"], "DELETE");
    assert_eq!(told["resources"], json!([{ "name": "note/7" }]));
    assert_eq!(told["trace"]["uid"], "01".repeat(16));
    assert_eq!(
        (&told["metadata"]["tenant_uid"], &told["metadata"]["version"]),
        (&json!("acme"), &json!("1.6.0"))
    );
    assert_eq!(told["unmapped"]["route"], "/notes/{id}");
    assert_eq!(told["unmapped"]["details"], json!({ "mode": "observe" }));
}

/// What the schema requires of each class: base_event, authentication, api_activity, entity_management.
#[test]
fn every_kind_has_what_its_class_requires() {
    let dir = tempfile::tempdir().unwrap();
    let kinds = [
        (AuditKind::Authentication, "login", 300_201),
        (AuditKind::Authentication, "session.logout", 300_202),
        (AuditKind::Authentication, "token.verify", 300_299),
        (AuditKind::Authorization, "notes:read", 600_399),
        (AuditKind::SecretAccess, "secret.fetch", 600_399),
        (AuditKind::BudgetRefusal, "budget.refuse", 600_399),
        (AuditKind::PolicyChange, "policy.load", 300_499),
        (AuditKind::ConfigurationChange, "budget.stop", 300_499),
        (AuditKind::Provenance, "note.summarise", 99),
        (AuditKind::Application, "note.export", 99),
    ];
    let bare = kinds.map(|(kind, action, _)| of_kind(kind, action, Outcome::Success));
    trail_of(dir.path(), bare.into());
    let told = ocsf(dir.path());
    for (told, (kind, _, type_uid)) in told.iter().zip(kinds) {
        assert_eq!(told["type_uid"], json!(type_uid), "{kind}");
        let required: &[&str] = match told["class_uid"].as_u64() {
            Some(3_002) => &["/user/name", "/service/name"],
            Some(3_004) => &["/entity/name"],
            Some(6_003) => &["/actor/user/name", "/api/operation", "/src_endpoint"],
            _ => &[],
        };
        let always = [
            "/activity_id",
            "/category_uid",
            "/severity_id",
            "/time",
            "/metadata/version",
            "/metadata/product/name",
        ];
        for member in required.iter().chain(&always) {
            assert!(told.pointer(member).is_some(), "{kind} lacks {member}: {told}");
        }
    }
    assert_eq!(told.len(), kinds.len());
    let (count, text) = exported(dir.path(), Filter::all(), Format::Ocsf);
    assert!(count == 12 && text.contains("audit trail: shutdown"), "{text}");
}

/// A flood of strangers shows in every form, and not only the first of it.
#[test]
fn refusals_that_were_put_together_are_one_event_with_a_count() {
    let dir = tempfile::tempdir().unwrap();
    let mut refused = of_kind(AuditKind::Authentication, "token.verify", Outcome::Denied);
    refused.reason = Some("token-expired".into());
    refused.context.address = Some([192, 0, 2, 1].into());
    trail_of(dir.path(), vec![refused; 5]);
    let (_, text) = exported(dir.path(), Filter::all(), Format::Ocsf);
    let told: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [one, rest] = told.iter().filter(|told| told["class_uid"] == 3_002).collect::<Vec<_>>()[..] else {
        panic!("{told:?}")
    };
    assert_eq!((one.get("count"), &rest["count"]), (None, &json!(4)));
    for member in ["type_uid", "status_code", "status_id", "user", "service"] {
        assert_eq!(one[member], rest[member], "{member}");
    }
    assert_eq!(rest["start_time"], json!(1_795_421_730_000_u64));
    assert_eq!(rest["unmapped"]["network"], "192.0.2.0/24");
    let (_, csv) = exported(dir.path(), Filter::all(), Format::Csv);
    let row = "\"refusals\",\"authentication\",\"token.verify\",\"denied\",\"token-expired\"";
    assert!(
        csv.contains(row) && csv.contains("\"192.0.2.0/24\"") && csv.contains("\"\"count\"\":4"),
        "{csv}"
    );
}

#[test]
fn filters_narrow_by_time_tenant_subject_and_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let at = |seconds: i64| Timestamp::from_unix_seconds(1_795_421_730 + seconds);
    let events = (0..6).map(|n| {
        let mut event = event(&n.to_string(), Some(if n % 2 == 0 { "acme" } else { "globex" }));
        event.at = at(n);
        event.outcome = if n == 4 { Outcome::Denied } else { Outcome::Success };
        event
    });
    trail_of(dir.path(), events.collect());
    let count = |filter: Filter| exported(dir.path(), filter, Format::Csv).0;
    assert_eq!(count(Filter::events()), 6);
    assert_eq!(count(Filter::events().since(at(2))), 4);
    assert_eq!(count(Filter::events().since(at(2)).until(at(4))), 2);
    assert_eq!(count(Filter::events().tenant("acme").until(at(5))), 3);
    assert_eq!(count(Filter::all().outcome(Outcome::Denied)), 1);
    assert_eq!((count(Filter::all().subject("alice")), count(Filter::all().subject("bob"))), (6, 0));
    assert_eq!(count(Filter::events().after(4)), 2);
}

#[test]
fn tables_hold_every_record_and_nothing_runs() {
    let dir = tempfile::tempdir().unwrap();
    let evil = "=cmd|' /C calc'!A0\r\n<script>alert(1)</script>\u{202e}";
    trail_of(dir.path(), vec![event(evil, Some("-1+1")).detail("note", "@SUM(A1)")]);
    let (count, csv) = exported(dir.path(), Filter::all(), Format::Csv);
    assert_eq!((count, csv.matches("\r\n").count()), (3, 4));
    assert!(
        csv.starts_with("\"seq\",\"at\",\"record\",")
            && csv.contains("\"'=cmd|")
            && csv.contains("\"'-1+1\""),
        "{csv}"
    );
    assert!(csv.contains(r#""{""note"":""@SUM(A1)""}""#), "{csv}");
    let (_, html) = exported(dir.path(), Filter::all(), Format::Html);
    assert!(
        !html.contains("<script") && html.contains("&#39;=cmd|") && html.ends_with("</html>\n"),
        "{html}"
    );
    assert!(!csv.contains('\u{202e}') && !html.contains('\u{202e}'));
    let (_, json) = exported(dir.path(), Filter::events(), Format::Json);
    let event: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(event["object"], evil);
    assert!(!json.contains('\u{202e}'), "{json}");
}

/// A reader that is gone, and a trail that was changed: both are errors, not short exports.
#[test]
fn what_breaks_off_is_an_error() {
    struct Gone;
    impl std::io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &small(), 30);
    assert!(export::write(read(dir.path(), Filter::all()).unwrap(), Format::Csv, Gone).is_err());
    let path = dir.path().join("trail-000002.jsonl");
    let text = std::fs::read_to_string(&path).unwrap().replacen("success", "denied!", 1);
    std::fs::write(&path, text).unwrap();
    let mut out = Vec::new();
    assert!(export::write(read(dir.path(), Filter::all()).unwrap(), Format::Csv, &mut out).is_err());
}
