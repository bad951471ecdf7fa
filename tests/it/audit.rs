//! The trail that the app leaves, under the eyes of the command `gambeson`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gambeson_testing::DevIdp;
use serde_json::json;

use crate::notes_app::{NotesApp, built, signal};

fn verify(dir: &Path) -> Output {
    Command::new(built("gambeson")).args(["audit", "verify"]).arg(dir).output().unwrap()
}

fn segment(dir: &Path) -> PathBuf {
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|e| e == "jsonl")).max().unwrap()
}

fn used() -> NotesApp {
    let app = NotesApp::start();
    let alice = app.token("alice");
    for n in 0..5 {
        app.ask("POST", "/api/notes").bearer(&alice).json(&json!({ "text": n.to_string() })).send();
    }
    app.ask("DELETE", "/api/notes/3").bearer(&app.token("carol")).send();
    app.ask("DELETE", "/api/notes/4").bearer(&app.token("bob")).send();
    app
}

#[test]
fn it_verifies_after_a_clean_stop() {
    let (_, data, _) = used().interrupt();
    let dir = data.path().join("audit");
    let output = verify(&dir);
    assert!(output.status.success(), "{output:?}");
    let text = std::fs::read_to_string(segment(&dir)).unwrap();
    assert_eq!(
        text.matches(r#""action":"policy.load""#).count(),
        1,
        "which policy decided is on record: {text}"
    );
}

#[test]
fn it_does_not_verify_after_one_byte_is_changed() {
    let (_, data, _) = used().interrupt();
    let dir = data.path().join("audit");
    let file = segment(&dir);
    let good = std::fs::read(&file).unwrap();
    let step = (good.len() / 40).max(1);
    for place in (0..good.len()).step_by(step) {
        let mut bad = good.clone();
        bad[place] ^= 1;
        std::fs::write(&file, &bad).unwrap();
        let output = verify(&dir);
        assert!(!output.status.success(), "byte {place} of {}", good.len());
    }
    std::fs::write(&file, &good).unwrap();
    assert!(verify(&dir).status.success());
}

#[test]
fn a_killed_app_loses_no_strict_event() {
    let mut app = used();
    let dir = app.audit_dir();
    signal(app.pid(), "-KILL");
    let data = std::mem::replace(&mut app.data, tempfile::tempdir().unwrap());
    drop(app);
    let written = std::fs::read_to_string(segment(&dir)).unwrap();
    assert!(written.contains("notes:delete"), "carol's delete was on disk before it was answered: {written}");

    let app = NotesApp::start_in(data, &[]);
    let carol = app.token("carol");
    let trail = app.ask("GET", "/api/admin/audit").bearer(&carol).send();
    assert!(trail.body.contains("notes:delete"), "{}", trail.body);
    let (_, data, _) = app.interrupt();
    let output = verify(&data.path().join("audit"));
    assert!(output.status.success(), "a new start mends a torn tail and says so: {output:?}");
}

fn gambeson(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(built("gambeson")).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn names_are_sealed_until_their_key_is_erased() {
    let (_, data, _) = used().interrupt();
    let dir = data.path().join("audit");
    let text = std::fs::read_to_string(segment(&dir)).unwrap();
    for name in ["alice", "bob", "carol", "127.0.0.1\""] {
        assert!(!text.contains(&format!("\"{name}")), "{name} is in {text}");
    }
    let at = |path: &str| data.path().join(path).display().to_string();
    let (secret, subjects, trail) =
        (format!("file://{}", at("audit-keys/secret")), at("audit-keys/subjects"), at("audit"));
    let keys = ["--secret", &secret, "--subject-keys", &subjects];
    let find = || gambeson(&[&["audit", "find", &trail, "--subject", "alice", "--json"], &keys[..]].concat());
    let (found, lines) = find();
    assert!(found == Some(0) && lines.contains("notes:write"), "{found:?} {lines}");
    let issuer = serde_json::from_str::<serde_json::Value>(lines.lines().next().unwrap()).unwrap();
    let issuer = issuer["subject"]["iss"].as_str().unwrap();
    let (erased, said) = gambeson(
        &[&["audit", "erase", "--issuer", issuer, "--subject", "alice", "--yes"], &keys[..]].concat(),
    );
    assert_eq!(erased, Some(0), "{said}");
    assert_eq!(find().0, Some(1), "she is not found any more");
    assert!(verify(&dir).status.success(), "and the chain is whole");
}

#[test]
fn a_change_and_what_came_of_it_have_one_id() {
    let app = used();
    assert_eq!(app.ask("GET", "/api/notes").bearer(&app.token("alice")).send().status, 200);
    let trail = app.ask("GET", "/api/admin/audit").bearer(&app.token("carol")).send().json();
    let events = trail["events"].as_array().unwrap();
    let outcomes: Vec<_> = events.iter().filter(|event| event["action"] == "request.outcome").collect();
    assert_eq!(outcomes.len(), 7, "five notes, two deletes, and nothing that only reads: {trail:#}");
    for outcome in outcomes {
        let same = |event: &&serde_json::Value| event["request_id"] == outcome["request_id"];
        let decision =
            events.iter().find(|event| same(event) && event["action"] != "request.outcome").unwrap();
        assert_eq!(decision["outcome"], outcome["outcome"], "{trail:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_is_on_record_and_outlives_a_restart() {
    // Not the app's own provider: who somebody is must be the same after the restart.
    let idp = DevIdp::builder().bind("127.0.0.1:0").audience("hardened-notes").start().await.unwrap();
    let start = |data| NotesApp::start_in(data, &[("OIDC_ISSUER", idp.issuer())]);
    let token = |user: &str| idp.mint().user(user).token();
    let app = start(tempfile::tempdir().unwrap());
    let declare = |user: &str, reason: &str, minutes: u32| {
        let body = json!({ "reason": reason, "minutes": minutes });
        app.ask("POST", "/api/emergency").bearer(&token(user)).json(&body).send()
    };
    let note = json!({ "text": "a key that must not be here" });
    let note = app.ask("POST", "/api/notes").bearer(&token("alice")).json(&note).send().json();
    let path = format!("/api/notes/{}", note["id"]);
    app.ask("DELETE", &path).bearer(&token("alice")).send().problem(403);
    declare("alice", " ", 10).problem(400);
    declare("alice", "a leaked key", 31).problem(400);
    declare("bob", "a leaked key", 10).problem(403);
    let taken = declare("alice", "a leaked key", 10);
    assert_eq!((taken.status, &taken.json()["role"]), (200, &json!("admin")), "{taken:?}");
    declare("alice", "again", 10).problem(409);

    let (_, data, _) = app.interrupt();
    let app = start(data);
    assert_eq!(app.ask("DELETE", &path).bearer(&token("alice")).send().status, 204);
    assert_eq!(app.ask("DELETE", "/api/emergency").bearer(&token("alice")).send().status, 204);
    app.ask("DELETE", &path).bearer(&token("alice")).send().problem(403);
    let trail = app.ask("GET", "/api/admin/audit").bearer(&token("carol")).send().json();
    let events = trail["events"].as_array().unwrap();
    let of = |action: &'static str, outcome: &'static str| {
        events.iter().filter(move |event| event["action"] == action && event["outcome"] == outcome)
    };
    let taken = of("role.activate", "success").next().unwrap();
    assert_eq!(taken["details"]["why"], "a leaked key", "{taken:#}");
    let deleted = of("notes:delete", "success").next().unwrap();
    assert_eq!(deleted["details"]["activated"], "true", "{deleted:#}");
    assert_eq!((of("role.activate", "denied").count(), of("role.deactivate", "success").count()), (3, 1));
}
