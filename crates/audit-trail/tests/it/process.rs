//! Other processes: a second writer, one whose disk is full, and one whose standard output nobody reads.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use gambeson_audit_trail::{
    AuditTrail, Filter, Publishing, StdoutAnchor, VerifyOptions, read, read_heads, verify,
};
use gambeson_core::{AuditSink, Durability, Health, HealthCheck};

use super::{LONG, answered, event, open, small, within, written};

const SECOND: &str = "GAMBESON_TEST_SECOND_WRITER_DIR";
const FULL: &str = "GAMBESON_TEST_FULL_DISK_DIR";
const UNREAD: &str = "GAMBESON_TEST_UNREAD_STDOUT_DIR";

/// Runs one test of this binary as a process of its own, through `command`.
fn child(mut command: Command, test: &str, variable: &str, dir: &Path) -> Output {
    command.args(["--exact", test, "--nocapture"]).env(variable, dir).output().unwrap()
}

fn told(output: &Output, word: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter_map(|line| line.strip_prefix(word));
    lines.map(|rest| rest.trim().to_owned()).collect()
}

/// Not a test of its own: what `a_second_process_does_not_write` starts.
#[test]
fn second_writer_child() {
    if let Some(dir) = std::env::var_os(SECOND) {
        match AuditTrail::open(dir, &small()) {
            Ok(_) => println!("\nopened"),
            Err(error) => println!("\nrefused {:?}: {error}", error.kind()),
        }
    }
}

#[test]
fn a_second_process_does_not_write() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path(), &small());
    let binary = || Command::new(std::env::current_exe().unwrap());
    let output = child(binary(), "process::second_writer_child", SECOND, dir.path());
    let refused = told(&output, "refused ");
    assert!(refused.concat().starts_with("Locked: another process writes"), "{output:?}");
    assert_eq!(trail.close(LONG).unwrap().seq, Some(1), "the other one wrote nothing");
    let output = child(binary(), "process::second_writer_child", SECOND, dir.path());
    assert_eq!(told(&output, "opened").len(), 1, "{output:?}");
}

/// Not a test of its own: what `a_full_disk_refuses_strict_events_and_damages_nothing` starts. It writes until the disk
/// takes no more, and then as much again.
#[tokio::test]
async fn full_disk_child() {
    let Some(dir) = std::env::var_os(FULL) else {
        return;
    };
    let trail = open(Path::new(&dir), &small().segment_bytes(1 << 20));
    let mut refused = 0;
    while refused < 3 {
        match answered(trail.record(event("strict", Some("acme")), Durability::Strict)).await {
            Ok(receipt) => println!("\nkept {}", receipt.sequence.unwrap()),
            Err(_) => refused += 1,
        }
    }
    let health = answered(trail.check()).await;
    println!("\nhealth {health:?}");
    assert!(matches!(health, Health::Unhealthy(_)));
    std::io::stdout().flush().unwrap();
    // As if the process were killed: it can't write its last record either.
    std::process::exit(0);
}

/// No file of the child may grow beyond 8 KiB (`RLIMIT_FSIZE`): the system writes a part of a chunk, then none of it.
#[cfg(unix)]
#[test]
fn a_full_disk_refuses_strict_events_and_damages_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\""]);
    shell.arg(std::env::current_exe().unwrap());
    let output = child(shell, "process::full_disk_child", FULL, dir.path());
    assert!(output.status.success(), "{output:?}");
    let kept: Vec<u64> = told(&output, "kept ").iter().map(|seq| seq.parse().unwrap()).collect();
    assert!(kept.len() > 5, "{output:?}");
    assert!(told(&output, "health ").concat().contains("can't write"), "{output:?}");
    let report = verify(dir.path(), &VerifyOptions::default()).unwrap();
    assert_eq!(report.events, kept.len() as u64, "what was refused is not there");
    written(dir.path(), &small(), 1);
    let report = verify(dir.path(), &VerifyOptions::default()).unwrap();
    assert_eq!((report.recoveries, report.closed), (1, true));
    let stored: Vec<u64> =
        read(dir.path(), Filter::events()).unwrap().map(|entry| entry.unwrap().seq()).collect();
    assert!(kept.iter().all(|seq| stored.binary_search(seq).is_ok()));
}

/// Not a test of its own: what `a_standard_output_that_nobody_reads_stops_nothing` starts. One thread does everything but
/// what has threads of its own.
#[tokio::test]
async fn unread_stdout_child() {
    let Some(dir) = std::env::var_os(UNREAD) else {
        return;
    };
    let (locked, held) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut out = std::io::stdout().lock();
        locked.send(()).unwrap();
        // More than a pipe holds.
        out.write_all(&[b'\n'; 1 << 20]).unwrap();
    });
    held.recv_timeout(LONG).unwrap();
    let trail = AuditTrail::builder(dir).open().unwrap();
    let options: Publishing =
        serde_json::from_str(r#"{"attempts":1,"deadline":"10ms","interval":"1h"}"#).unwrap();
    let publisher = trail.publish_to(Arc::new(StdoutAnchor::new()), options).unwrap();
    for _ in 0..3 {
        let error = publisher.publish_now().await.unwrap_err();
        answered(trail.record(event("strict", Some("acme")), Durability::Strict)).await.unwrap();
        eprintln!("not published: {error}");
    }
    eprintln!("kept: {:?}", answered(publisher.check()).await);
    let published = async { while publisher.publish_now().await.is_err() {} };
    within(LONG, published).await.unwrap();
    let head = trail.close(LONG).unwrap();
    publisher.publish_now().await.unwrap();
    eprintln!("closed: {head}");
    std::process::exit(0);
}

#[test]
fn a_standard_output_that_nobody_reads_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::unread_stdout_child", "--nocapture"])
        .env(UNREAD, dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let kept = told.find(|line| line.starts_with("kept: ")).unwrap();
    assert!(kept.contains("heads can't be published to stdout"), "{kept}");
    // Now somebody reads.
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let closed = told.find_map(|line| line.strip_prefix("closed: ").map(str::to_owned)).unwrap();
    assert!(child.wait().unwrap().success());
    let heads = dir.path().join("heads");
    let lines = text.lines().filter_map(|line| line.find("{\"instance\"").and_then(|at| line.get(at..)));
    std::fs::write(&heads, lines.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let heads = read_heads(&heads).unwrap();
    assert_eq!(heads.last().unwrap().head.to_string(), closed);
}
