//! Killed or torn at any point: no acknowledged event is lost, and the verifier never cries wolf.

use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use gambeson_audit_trail::{
    AuditTrail, Filter, TrailErrorKind, VerifyErrorKind, VerifyOptions, read, verify,
};
use gambeson_core::{AuditSink, Durability};

use super::{LONG, answered, event, open, small, written};

const CHILD: &str = "GAMBESON_TEST_CRASH_DIR";

/// Not a test of its own: what `killed_at_any_point` starts and kills.
#[tokio::test]
async fn crash_child() {
    let Some(dir) = std::env::var_os(CHILD) else {
        return;
    };
    let trail = AuditTrail::open(dir, &small()).unwrap();
    loop {
        let _ = trail.record(event("beside", None), Durability::Async);
        let receipt = answered(trail.record(event("strict", None), Durability::Strict)).await.unwrap();
        println!("\nkept {}", receipt.sequence.unwrap());
    }
}

/// Starts the child, reads `count` acknowledgements, kills it, and returns all that it acknowledged.
fn run_and_kill(dir: &Path, count: usize) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::crash_child", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut kept = Vec::new();
    for line in lines {
        let line = line.unwrap();
        kept.extend(line.strip_prefix("kept ").and_then(|seq| seq.parse::<u64>().ok()));
        if kept.len() == count {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    kept
}

/// Numbers that look random, from a seed that a failed run tells (xorshift).
struct Dice(u64);

impl Dice {
    /// Seeded from `GAMBESON_TEST_SEED`, so that a run can be had again, or at random.
    fn thrown() -> Self {
        let given = std::env::var("GAMBESON_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let random = || std::hash::RandomState::new().build_hasher().finish() | 1;
        Self(given.unwrap_or_else(random))
    }

    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// 200 kills, each after a random number of acknowledgements. A segment is full after a few events, so that they meet
/// writing, syncing and rotating alike.
#[test]
fn killed_at_any_point() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice::thrown();
    println!("GAMBESON_TEST_SEED={}", dice.0);
    let mut kept = Vec::new();
    let mut torn = 0;
    for _ in 0..200 {
        kept.extend(run_and_kill(dir.path(), 1 + dice.below(12) as usize));
        match verify(dir.path(), &VerifyOptions::default()) {
            Ok(report) => assert!(!report.closed),
            Err(error) => {
                assert_eq!(error.kind(), VerifyErrorKind::TornTail, "{error}");
                torn += 1;
            }
        }
    }
    let head = written(dir.path(), &small(), 1);
    let report = verify(dir.path(), &VerifyOptions::default().head(head)).unwrap();
    assert_eq!(report.recoveries, 200);
    let stored: Vec<u64> =
        read(dir.path(), Filter::events()).unwrap().map(|entry| entry.unwrap().seq()).collect();
    assert!(kept.len() >= 200 && kept.iter().all(|seq| stored.binary_search(seq).is_ok()));
    println!("{} acknowledged events kept, {torn} torn tails", kept.len());
}

/// Cuts the newest segment at each byte and goes on: as a crash within any write would leave it.
#[test]
fn torn_at_every_byte_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let config = small();
    written(dir.path(), &config, 4);
    let files: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .map(|path| (fs::read(&path).unwrap(), path))
        .collect();
    let (whole, path) = files.iter().max_by_key(|(_, path)| path.clone()).unwrap();
    for length in (0..whole.len()).step_by(3) {
        for file in fs::read_dir(dir.path()).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
        for (bytes, path) in &files {
            fs::write(path, bytes).unwrap();
        }
        fs::write(path, &whole[..length]).unwrap();
        let trail = open(dir.path(), &config);
        let _ = trail.record(event("after", None), Durability::Async);
        trail.close(LONG).unwrap();
        let report = verify(dir.path(), &VerifyOptions::default());
        let report = report.unwrap_or_else(|error| panic!("length {length}: {error}"));
        assert_eq!(report.recoveries, 1, "length {length}");
        let torn = length > 0 && whole[length - 1] != b'\n';
        let aside = fs::read_dir(dir.path())
            .unwrap()
            .filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with("torn-"))
            .count();
        assert_eq!(aside, usize::from(torn), "length {length}");
    }
}

/// The two moments of a rotation at which a crash leaves an empty next segment.
#[test]
fn a_crash_within_a_rotation_is_survived() {
    for seal_too in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        written(dir.path(), &small(), 20);
        let segments = verify(dir.path(), &VerifyOptions::default()).unwrap().segments;
        for later in segments.iter().skip(2) {
            fs::remove_file(&later.path).unwrap();
        }
        if !seal_too {
            let text = fs::read_to_string(&segments[1].path).unwrap();
            let end = text.trim_end().rfind('\n').unwrap() + 1;
            fs::write(&segments[1].path, &text[..end]).unwrap();
        }
        fs::write(&segments[2].path, "").unwrap();
        let error = verify(dir.path(), &VerifyOptions::default()).unwrap_err();
        assert_eq!(error.kind(), VerifyErrorKind::TornTail, "{error}");
        written(dir.path(), &small(), 3);
        let report = verify(dir.path(), &VerifyOptions::default()).unwrap();
        assert_eq!((report.recoveries, report.closed), (1, true));
    }
}

/// Crash after crash at the same place: each torn line is kept.
#[test]
fn torn_lines_are_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &small(), 1);
    let path = dir.path().join("trail-000001.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    for torn in ["{\"seq\":3,\"one", "{\"seq\":3,\"two"] {
        fs::write(&path, format!("{whole}{torn}")).unwrap();
        drop(open(dir.path(), &small()));
    }
    let kept: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "partial"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    assert_eq!(kept.len(), 2, "{kept:?}");
}

/// All that is left is a later segment without a record: that is no place to begin a chain.
#[test]
fn a_chain_begins_in_the_first_segment_only() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("trail-000003.jsonl"), "").unwrap();
    let error = AuditTrail::open(dir.path(), &small()).unwrap_err();
    assert_eq!(error.kind(), TrailErrorKind::Damaged);
}
