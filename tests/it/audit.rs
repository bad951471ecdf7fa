//! The trail that the app leaves, under the eyes of the command `gambeson`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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
    let output = verify(&data.path().join("audit"));
    assert!(output.status.success(), "{output:?}");
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
