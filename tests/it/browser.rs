//! What a real browser does with our pages: `tests/peers/browser` drives it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::nonce_page::NoncePage;
use crate::notes_app::NotesApp;

/// Walks through the app at this origin, step by step; panics with what the browser saw when a step fails.
#[track_caller]
pub(crate) fn walk(name: &str, app: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let peers = std::env::var("GAMBESON_PEERS").expect("cargo xtask test sets GAMBESON_PEERS");
    let node = std::env::var_os("GAMBESON_NODE").unwrap_or_else(|| "node".into());
    let output = Command::new(node)
        .arg(Path::new(&peers).join("browser/walk.mjs"))
        .arg(name)
        .env("APP", app)
        .env("SCREENS", screens())
        .envs(variables.iter().copied())
        // Open as long as this test lives: the driver ends when it closes.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map(wait)
        .unwrap();
    let steps = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "the walk {name} failed\n{steps}{errors}");
    steps.lines().map(str::to_owned).collect()
}

fn wait(mut child: std::process::Child) -> std::process::Output {
    let input = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(input);
    output
}

/// `target/screens`, beside the folder of the test binary.
fn screens() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("screens")
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn a_page_under_our_headers_runs_its_own_script_and_no_other() {
    let page = NoncePage::start();
    let steps = walk("nonce-page", &page.origin, &[]);
    assert!(steps.len() >= 9, "{steps:?}");
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn a_person_uses_the_notes_app_from_the_front_door_to_the_back_button() {
    let app = NotesApp::start();
    let model = format!("http://{}", app.model.unwrap());
    let steps = walk("hardened-notes", &format!("http://{}", app.address), &[("MODEL", &model)]);
    assert_eq!(steps.len(), 9, "{steps:?}");
    let log = app.interrupt().2;
    assert!(!log.contains("panicked") && !log.contains("kitchen"), "{log}");
}
