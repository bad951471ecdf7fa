//! `gambeson audit` about people, for other programs, and on bad input.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gambeson_audit_trail::{AuditTrail, FieldKeys, FileSubjectKeys};
use gambeson_core::{AuditEvent, AuditKind, AuditSink, Durability, Outcome, SecretBytes, Subject, Timestamp};

use super::rbac::COMPANY;
use super::{gambeson, trail};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

struct Place {
    _folder: tempfile::TempDir,
    dir: PathBuf,
    store: PathBuf,
    secret: String,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, SECRET).unwrap();
    let secret = format!("file://{}", path.display());
    Place { dir: folder.path().join("audit"), store: folder.path().join("keys"), secret, _folder: folder }
}

fn of(name: &str) -> AuditEvent {
    let at = Timestamp::from_unix_seconds(1_795_421_730);
    let mut event = AuditEvent::new(AuditKind::Authorization, "notes:write", Outcome::Success, at);
    event.context.subject = Some(Subject { issuer: "https://id.example".into(), name: name.into() });
    event
}

fn sealed(place: &Place, names: &[&str]) {
    let keys = FieldKeys::new(&SecretBytes::new(SECRET.to_vec())).unwrap();
    let keys = keys.with_subjects(Arc::new(FileSubjectKeys::open(&place.store).unwrap())).unwrap();
    let trail = AuditTrail::builder(&place.dir).keys(keys).open().unwrap();
    for name in names {
        let _ = trail.record(of(name), Durability::Ordered);
    }
    trail.close(Duration::from_secs(20)).unwrap();
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_person_is_found_and_erased() {
    let place = place();
    sealed(&place, &["alice", "robert"]);
    let (dir, store) = (text(&place.dir), text(&place.store));
    let keys = ["--secret", &place.secret, "--subject-keys", store];
    let run = |command: &[&str], keys: &[&str]| gambeson(&[&["audit"], command, keys].concat());
    let find_alice = ["find", dir, "--subject", "alice"];
    let (code, out, err) = run(&find_alice, &keys);
    assert!(code == 0 && out.contains("subject=alice") && out.lines().count() == 1, "{out}{err}");
    let (_, out, _) = run(&["tail", dir], &[]);
    assert!(out.contains("subject=sealed:") && !out.contains("alice"), "{out}");
    let (_, out, _) = run(&["tail", dir, "--subject", "robert"], &keys);
    assert!(out.lines().count() == 1 && out.contains("subject=robert"), "{out}");

    let erase = ["erase", "--issuer", "https://id.example", "--subject", "alice"];
    let (code, _, err) = run(&erase, &keys);
    assert!(code == 2 && err.contains("--yes"), "{err}");
    assert_eq!(run(&find_alice, &keys).0, 0, "nothing was erased yet");
    let erase = [&erase[..], &["--yes"]].concat();
    assert_eq!(run(&erase, &keys).0, 0);
    assert_eq!(run(&erase, &keys).0, 1);
    let (code, _, err) = run(&find_alice, &keys);
    assert!(code == 1 && err.contains("1 names are of subjects that are erased"), "{err}");
    let (_, out, _) = run(&["tail", dir], &keys);
    assert!(out.contains("subject=erased:") && out.contains("subject=robert"), "{out}");
    assert_eq!(run(&["verify", dir], &[]).0, 0);
}

#[test]
fn wrong_keys_are_told_and_never_repeated() {
    let place = place();
    sealed(&place, &["alice"]);
    let (dir, store) = (text(&place.dir), text(&place.store));
    let find = |keys: &[&str]| gambeson(&[&["audit", "find", dir, "--subject", "alice"], keys].concat());
    let other = place.dir.with_file_name("other");
    fs::write(&other, "another secret of thirty-two bytes").unwrap();
    let other = format!("file://{}", other.display());
    let cases: [(i32, &[&str], &str); 8] = [
        (4, &[], "give --secret"),
        (4, &["--secret", &place.secret], "1 names are sealed: give --subject-keys"),
        (4, &["--secret", &other, "--subject-keys", store], "another secret"),
        (
            3,
            &["--secret", &place.secret, "--subject-keys", "no/such/folder"],
            "no keys of subjects are kept there",
        ),
        (3, &["--secret", "file:///no/such/file"], "can't read file:///no/such/file"),
        (3, &["--secret", "env://GAMBESON_TEST_UNSET"], "the variable is not set"),
        (2, &["--secret", "vault://kv/x"], "neither env://NAME nor file:///path"),
        (2, &["--secret", "hunter2-hunter2-hunter2-hunter2-hunter2"], "not a secret reference"),
    ];
    for (code, keys, words) in cases {
        let (told, out, err) = find(keys);
        assert!(told == code && err.contains(words) && out.is_empty(), "{keys:?}: {told} {err}");
        assert!(!err.contains("another secret of thirty"), "{err}");
    }
    let short = place.dir.with_file_name("short");
    fs::write(&short, "x").unwrap();
    let (code, _, err) = find(&["--secret", &format!("file://{}", short.display())]);
    assert!(code == 4 && err.contains("1 bytes: give at least 32"), "{err}");
}

/// Adds events of these names to the trail, under these keys.
fn add(place: &Place, keys: FieldKeys, names: &[&str]) {
    let trail = AuditTrail::builder(&place.dir).keys(keys).open().unwrap();
    for name in names {
        let _ = trail.record(of(name), Durability::Ordered);
    }
    trail.close(Duration::from_secs(20)).unwrap();
}

fn keyed(secret: &[u8]) -> FieldKeys {
    FieldKeys::new(&SecretBytes::new(secret.to_vec())).unwrap()
}

#[test]
fn who_acted_for_somebody_is_found_too() {
    let place = place();
    let mut event = of("alice");
    event.context.actor = Some(Subject { issuer: "https://id.example".into(), name: "robert".into() });
    let trail = AuditTrail::builder(&place.dir).keys(keyed(SECRET)).open().unwrap();
    let _ = trail.record(event, Durability::Ordered);
    trail.close(Duration::from_secs(20)).unwrap();
    let find = |name: &str| {
        gambeson(&["audit", "find", text(&place.dir), "--subject", name, "--secret", &place.secret])
    };
    for name in ["alice", "robert"] {
        let (code, out, err) = find(name);
        assert!(code == 0 && out.lines().count() == 1 && out.contains(" actor=hmac:"), "{name}: {out}{err}");
    }
    assert_eq!(find("carol").0, 1);
}

#[test]
fn an_answer_that_is_not_whole_is_no_success() {
    let place = place();
    let (dir, store) = (text(&place.dir), text(&place.store));
    let find = |name: &str, keys: &[&str]| {
        let keys = [&["--secret", &place.secret], keys].concat();
        gambeson(&[&["audit", "find", dir, "--subject", name], &keys[..]].concat())
    };
    let found = |out: &str| out.lines().filter(|line| line.contains("subject=hmac:")).count();
    add(&place, keyed(SECRET), &["alice"]);
    let (code, out, err) = find("alice", &[]);
    assert_eq!((code, found(&out), err.as_str()), (0, 1, ""));

    // Names that another secret keyed: some of them may be hers.
    add(&place, keyed(b"another secret of thirty-two bytes"), &["alice", "robert"]);
    let (code, out, err) = find("alice", &[]);
    assert!(
        code == 4 && found(&out) == 1 && err.contains("2 names are keyed with another secret"),
        "{out}{err}"
    );
    assert_eq!(find("carol", &[]).0, 4);

    // The acts of others are damaged: what was found before is shown all the same.
    let file = place.dir.join("trail-000001.jsonl");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, [&whole[..], b"{}\n"].concat()).unwrap();
    let (code, out, err) = find("alice", &[]);
    assert!(code == 10 && found(&out) == 1 && err.contains("gambeson audit verify"), "{out}{err}");

    // Sealed ones, with and without the store.
    fs::remove_dir_all(&place.dir).unwrap();
    add(&place, keyed(SECRET), &["alice"]);
    sealed(&place, &["alice", "robert"]);
    let (code, out, err) = find("alice", &[]);
    assert!(
        code == 4 && found(&out) == 1 && err.contains("2 names are sealed: give --subject-keys"),
        "{err}"
    );
    let (code, out, err) = find("alice", &["--subject-keys", store]);
    assert_eq!((code, out.lines().count(), err.as_str()), (0, 2, ""));
}

#[test]
fn names_that_were_withheld_are_told() {
    let place = place();
    let store = FileSubjectKeys::open(&place.store).unwrap();
    let keys = keyed(SECRET).with_subjects(Arc::new(store)).unwrap();
    let trail = AuditTrail::builder(&place.dir).keys(keys).open().unwrap();
    let _ = trail.record(of("alice"), Durability::Ordered);
    trail.recent(None, 1).unwrap();
    let aside = place.store.with_file_name("aside");
    fs::rename(&place.store, &aside).unwrap();
    let _ = trail.record(of("robert"), Durability::Ordered);
    trail.close(Duration::from_secs(20)).unwrap();
    fs::rename(&aside, &place.store).unwrap();
    let keys = ["--secret", &place.secret, "--subject-keys", text(&place.store)];
    let find =
        |name: &str| gambeson(&[&["audit", "find", text(&place.dir), "--subject", name], &keys[..]].concat());
    for (name, lines) in [("alice", 1), ("robert", 0)] {
        let (code, out, err) = find(name);
        assert!(code == 5 && err.contains("1 names were withheld"), "{code} {err}");
        assert_eq!(out.lines().count(), lines, "{out}");
    }
}

#[test]
fn records_are_exported_in_each_form() {
    let folder = tempfile::tempdir().unwrap();
    let dir = text(folder.path());
    trail(folder.path());
    let export = |more: &[&str]| gambeson(&[&["audit", "export", dir], more].concat());
    let (code, out, err) = export(&["--format", "csv", "--outcome", "denied"]);
    assert!(code == 0 && out.lines().count() == 2 && out.contains("\"notes:write\""), "{out}{err}");
    let (_, out, _) = export(&["--format", "ocsf", "--outcome", "denied"]);
    let event: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((event["class_uid"].as_u64(), event["status_id"].as_u64()), (Some(6_003), Some(2)));
    let (_, out, _) = export(&["--format", "html"]);
    assert!(out.starts_with("<!doctype html>") && !out.contains('\u{1b}'), "{out}");
    let lines = |more: &[&str]| export(more).1.lines().count();
    assert_eq!(lines(&[]), 3);
    let day = ["--outcome", "denied", "--since", "2026-11-23", "--until", "2026-11-24T01:00:00+02:00"];
    assert_eq!((lines(&day), lines(&["--outcome", "denied", "--since", "2026-11-24"])), (1, 0));
    let (code, _, err) = export(&["--since", "yesterday"]);
    assert!(code == 2 && err.contains("2026-11-23T08:15:30Z"), "{err}");
    assert_eq!(export(&["--outcome", "perhaps"]).0, 2);
}

#[test]
fn bad_input_is_told_for_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let dir = text(folder.path());
    for command in ["tail", "export"] {
        let (code, _, err) = gambeson(&["audit", command, "no/such/folder"]);
        assert!(code == 3 && err.contains("can't read no/such/folder"), "{err}");
        let (code, _, err) = gambeson(&["audit", command, dir]);
        assert!(code == 3 && err.contains("there is no trail in"), "{err}");
    }
    let readers: [&[&str]; 4] = [
        &["audit", "heads", dir],
        &["rbac", "unused", "--policy", COMPANY, "--from", dir],
        &["rbac", "replay", "--policy", COMPANY, "--from", dir],
        &["rbac", "why", "alice", "invoice:read", "--policy", COMPANY, "--from", dir],
    ];
    for command in readers {
        let (code, out, err) = gambeson(command);
        assert!(code == 3 && out.is_empty() && err.contains("there is no trail in"), "{command:?}: {err}");
    }
    trail(folder.path());
    let file = folder.path().join("trail-000001.jsonl");
    let whole = fs::read(&file).unwrap();
    for junk in [&b"\xff\xfe\0\0binary\n"[..], b"{}\n", b"\n", &[b'x'; 2 << 20]] {
        fs::write(&file, [&whole[..], junk].concat()).unwrap();
        for command in ["tail", "export"] {
            let (code, _, err) = gambeson(&["audit", command, dir]);
            assert!(code == 10 && err.contains("gambeson audit verify"), "{command}: {code} {err}");
        }
        assert_eq!(gambeson(&["audit", "verify", dir]).0, 10);
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    for command in ["tail", "export", "verify"] {
        let (code, _, err) = gambeson(&["audit", command, dir]);
        assert!(code == 3 && err.contains("trail-000001.jsonl"), "{command}: {err}");
    }
}

#[test]
fn following_shows_what_comes() {
    let folder = tempfile::tempdir().unwrap();
    let trail = AuditTrail::builder(folder.path()).open().unwrap();
    let _ = trail.record(of("alice"), Durability::Ordered);
    assert_eq!(trail.recent(None, 1).unwrap().len(), 1);
    let mut child = Command::new(env!("CARGO_BIN_EXE_gambeson"))
        .args(["audit", "tail", text(folder.path()), "--follow", "--outcome", "success"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("subject=alice"));
    for name in ["robert", "carol"] {
        let mut denied = of("mallory");
        denied.outcome = Outcome::Denied;
        let _ = trail.record(denied, Durability::Ordered);
        let _ = trail.record(of(name), Durability::Ordered);
        let line = lines.next().unwrap().unwrap();
        assert!(line.contains(&format!("subject={name}")), "{line}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
