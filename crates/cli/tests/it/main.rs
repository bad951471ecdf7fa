//! The command as people run it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod audit;
mod oidc;
mod rbac;
mod rbac_trail;
mod trails;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use gambeson_audit_trail::{AuditTrail, Config};
use gambeson_core::{AuditEvent, AuditKind, AuditSink, Durability, Outcome, Timestamp};

/// Exit code, standard output and standard error.
fn gambeson(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_gambeson")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn trail(dir: &Path) -> String {
    let trail = AuditTrail::open(dir, &Config::default()).unwrap();
    let at = Timestamp::from_unix_seconds(1_795_421_730);
    let mut event = AuditEvent::new(AuditKind::Authorization, "notes:write", Outcome::Denied, at);
    event.object = Some("\u{1b}[2J\u{202e}note".into());
    let _ = trail.record(event, Durability::Async);
    trail.close(Duration::from_secs(20)).unwrap().to_string()
}

#[test]
fn a_trail_is_verified_shown_and_its_head_told() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let head = trail(folder.path());
    let (code, out, err) = gambeson(&["audit", "verify", dir, "--head", &head]);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("verified: 3 records, 1 events") && out.contains(&head), "{out}");
    let (code, out, _) = gambeson(&["audit", "heads", dir]);
    assert_eq!((code, out), (0, format!("{head}\n")));
    let (code, out, _) = gambeson(&["audit", "tail", dir, "-n", "2"]);
    assert_eq!((code, out.lines().count()), (0, 2));
    assert!(
        out.contains(r"denied notes:write object=\u{1b}[2J\u{202e}note") && !out.contains('\u{1b}'),
        "{out}"
    );
    let (code, out, _) = gambeson(&["audit", "verify", dir, "--json"]);
    assert!(code == 0 && out.contains(r#""ok":true"#), "{out}");
    let (_, out, _) = gambeson(&["audit", "tail", dir, "-n", "2", "--json"]);
    let event: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!(event["object"], "\u{1b}[2J\u{202e}note");
    assert!(!out.contains(['\u{1b}', '\u{202e}']), "{out}");
}

#[test]
fn what_is_wrong_is_said_by_code_and_by_words() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let head = trail(folder.path());
    let file = folder.path().join("trail-000001.jsonl");
    let whole = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let cases = [
        (10, whole.replace("denied", "failed"), "edited at record 1"),
        (11, format!("{}{}", lines[0], lines[2]), "missing at record 1"),
        (12, format!("{}{}{}", lines[0], lines[2], lines[1]), "reordered at record 1"),
        (16, format!("{}{}{}", lines[0], lines[0], lines[1]), "segment-order at record 1"),
        (13, whole[..whole.len() - 1].into(), "torn-tail at record 2"),
        (14, format!("{}{}", lines[0], lines[1]), "cut-tail at record 2"),
    ];
    for (expected, text, words) in cases {
        fs::write(&file, text).unwrap();
        let (code, _, err) = gambeson(&["audit", "verify", dir, "--head", &head]);
        assert!(err.contains(words), "{expected}: {err}");
        assert_eq!(code, expected, "{err}");
    }
    fs::remove_file(&file).unwrap();
    let (code, out, _) = gambeson(&["audit", "verify", dir, "--json"]);
    assert!(code == 15 && out.contains(r#""kind":"bad-genesis""#), "{out}");
    assert_eq!(gambeson(&["audit", "verify", "no/such/folder"]).0, 3);
    assert_eq!(gambeson(&["audit", "verify", dir, "--head", "xyz"]).0, 2);
}

#[test]
fn policies_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.toml");
    let path = path.to_str().unwrap();
    let policy = "version = 1\n[permissions]\n\"notes:read\" = {}\n[roles]\nviewer = { grants = [\"notes:read\"] }\n\
                  [routes]\n\"GET /notes\" = { perm = \"notes:read\" }\n\
                  [[test]]\nas = [\"viewer\"]\ndo = \"notes:read\"\nexpect = \"allow\"\n";
    fs::write(path, policy).unwrap();
    let (code, out, err) = gambeson(&["rbac", "lint", path]);
    assert_eq!((code, out.as_str()), (0, "0 errors, 0 warnings\n"), "{err}");
    let (code, out, _) = gambeson(&["rbac", "test", path]);
    assert_eq!((code, out.as_str()), (0, "1 rows hold, 0 failed\n"));
    let (code, out, _) = gambeson(&["rbac", "matrix", path]);
    assert!(code == 0 && out.contains("GET /notes"), "{out}");
    fs::write(path, policy.replace("\"allow\"", "\"deny\"")).unwrap();
    assert_eq!(gambeson(&["rbac", "test", path]).0, 1);
    fs::write(path, policy.replace("[\"notes:read\"]", "[\"notes:raed\"]")).unwrap();
    let (code, out, _) = gambeson(&["rbac", "lint", path]);
    assert!(code == 1 && out.contains("unknown-permission"), "{out}");
    let (code, _, err) = gambeson(&["rbac", "matrix", path]);
    assert!(code == 1 && err.lines().count() > 1 && err.contains("unknown-permission"), "{err}");
    assert_eq!(gambeson(&["rbac", "lint", "no/such.toml"]).0, 3);
}
