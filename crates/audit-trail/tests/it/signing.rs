//! Signed checkpoints: when they are written, and what they find that hashes alone don't.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use gambeson_audit_trail::{
    AuditTrail, Config, Digest, Entry, Filter, SigningKey, VerifyErrorKind as Kind, VerifyOptions, read,
    verify,
};
use gambeson_core::{AuditSink, Durability, ManualClock, Timestamp};

use super::{LONG, event, small, written};

pub(super) fn key() -> SigningKey {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    SigningKey::from_pkcs8("example.com/notes", pkcs8.as_ref()).unwrap()
}

fn with(key: &SigningKey) -> VerifyOptions {
    VerifyOptions::default().key(key.public().clone())
}

fn signed(dir: &Path, key: &SigningKey, config: Config) -> (AuditTrail, ManualClock) {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730));
    let builder = AuditTrail::builder(dir).config(config).clock(Arc::new(clock.clone()));
    (builder.sign(key.clone()).open().unwrap(), clock)
}

fn record(trail: &AuditTrail, events: usize) {
    for n in 0..events {
        let _ = trail.record(event(&n.to_string(), Some("acme")), Durability::Async);
    }
}

/// The places of the checkpoints.
fn checkpoints(dir: &Path) -> Vec<u64> {
    let entries = read(dir, Filter::all()).unwrap().map(Result::unwrap);
    let checkpoint = |entry: &Entry| matches!(entry, Entry::Control(record) if record.record == "checkpoint");
    entries.filter(checkpoint).map(|entry| entry.seq()).collect()
}

#[test]
fn the_head_is_signed_after_so_many_records_and_at_each_end() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    let config = Config::default().checkpoints(5, Duration::from_secs(10));
    let (trail, _) = signed(dir.path(), &key, config);
    record(&trail, 12);
    let head = trail.close(LONG).unwrap();
    // genesis 0, checkpoint 1, events 2 to 6, checkpoint 7, 8 to 12, 13, 14 and 15, 16, shutdown 17
    assert_eq!(checkpoints(dir.path()), [1, 7, 13, 16]);
    let report = verify(dir.path(), &with(&key).head(head)).unwrap();
    assert_eq!((report.checkpoints, report.signed, report.events), (4, Some(15), 12));
    assert_eq!(verify(dir.path(), &VerifyOptions::default()).unwrap().signed, None);
}

#[tokio::test]
async fn the_head_is_signed_in_time_by_the_given_clock() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    let config = Config::default().checkpoints(1_000, Duration::from_secs(10));
    let (trail, clock) = signed(dir.path(), &key, config);
    record(&trail, 1);
    trail.flush().wait().await.unwrap();
    clock.advance(Duration::from_secs(9));
    record(&trail, 1);
    trail.flush().wait().await.unwrap();
    assert_eq!(checkpoints(dir.path()), [1]);
    clock.advance(Duration::from_secs(1));
    trail.flush().wait().await.unwrap();
    assert_eq!(checkpoints(dir.path()), [1, 4]);
    clock.advance(Duration::from_secs(60));
    trail.flush().wait().await.unwrap();
    assert_eq!(checkpoints(dir.path()), [1, 4], "nothing new, nothing to sign");
}

#[test]
fn every_segment_is_signed_before_its_seal() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    let (trail, _) = signed(dir.path(), &key, small());
    record(&trail, 30);
    trail.close(LONG).unwrap();
    let report = verify(dir.path(), &with(&key)).unwrap();
    assert!(report.segments.len() > 3);
    let signed = checkpoints(dir.path());
    for segment in report.segments.iter().filter(|segment| segment.sealed) {
        assert!(signed.contains(&(segment.head.seq.unwrap() - 1)), "{segment:?}");
    }
}

/// Writes all lines from record `first` on anew with right hashes, as somebody does who may write the files, knows the
/// format and has no key. `change` gets each body.
fn rewrite(path: &Path, first: usize, change: impl Fn(usize, &str) -> Option<String>) {
    let text = fs::read_to_string(path).unwrap();
    let mut out = String::new();
    let (mut seq, mut prev) = (0, "0".repeat(64));
    for (number, line) in text.lines().enumerate() {
        let body = &line[..line.len() - 75];
        let Some(members) = (if number < first { Some(body.to_owned()) } else { change(number, body) })
        else {
            continue;
        };
        let at = members.find("\"at\":").unwrap();
        let body = format!("{{\"seq\":{seq},\"prev\":\"{prev}\",{}", &members[at..]);
        prev = Digest::of(body.as_bytes()).to_string();
        out.push_str(&format!("{body},\"hash\":\"{prev}\"}}\n"));
        seq += 1;
    }
    fs::write(path, out).unwrap();
}

#[test]
fn a_chain_that_was_rewritten_with_right_hashes_misses_its_signatures() {
    let (dir, mine) = (tempfile::tempdir().unwrap(), key());
    let (trail, _) = signed(dir.path(), &mine, Config::default().checkpoints(5, Duration::from_secs(10)));
    record(&trail, 12);
    trail.close(LONG).unwrap();
    let path = dir.path().join("trail-000001.jsonl");
    let whole = fs::read(&path).unwrap();
    rewrite(&path, 0, |_, body| Some(body.to_owned()));
    assert_eq!(fs::read(&path).unwrap(), whole, "the forger knows the format");

    let refused = |what: &str, seq: u64| {
        assert!(verify(dir.path(), &VerifyOptions::default()).is_ok(), "{what}: hashes alone don't tell");
        let error = verify(dir.path(), &with(&mine)).unwrap_err();
        assert_eq!((error.kind(), error.seq()), (Kind::BadSignature, Some(seq)), "{what}: {error}");
        fs::write(&path, &whole).unwrap();
    };
    rewrite(&path, 3, |_, body| Some(body.replace("success", "denied")));
    refused("events changed", 7);
    rewrite(&path, 3, |number, body| (number != 4).then(|| body.to_owned()));
    refused("an event taken out", 6);
    rewrite(&path, 8, |_, body| (!body.contains("checkpoint")).then(|| body.replace("success", "denied")));
    refused("the end changed, its checkpoints taken out", 8);
    rewrite(&path, 0, |_, body| (!body.contains("checkpoint")).then(|| body.to_owned()));
    refused("all checkpoints taken out", 0);

    let error = verify(dir.path(), &with(&key())).unwrap_err();
    assert_eq!((error.kind(), error.seq()), (Kind::BadSignature, Some(1)), "somebody else's key");
    let both = with(&key()).key(mine.public().clone());
    assert!(verify(dir.path(), &both).is_ok(), "an older key beside a newer one");
}

/// A checkpoint of another chain of the same service vouches for nothing here.
#[test]
fn a_checkpoint_cannot_be_taken_from_another_trail() {
    let (one, other, key) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), key());
    for dir in [&one, &other] {
        let (trail, _) = signed(dir.path(), &key, Config::default());
        record(&trail, 3);
        trail.close(LONG).unwrap();
    }
    let path = |dir: &tempfile::TempDir| dir.path().join("trail-000001.jsonl");
    let lines: Vec<String> = fs::read_to_string(path(&other)).unwrap().lines().map(str::to_owned).collect();
    rewrite(&path(&one), 0, |number, body| match body.contains("checkpoint") {
        true => Some(lines[number][..lines[number].len() - 75].to_owned()),
        false => Some(body.to_owned()),
    });
    let error = verify(one.path(), &with(&key)).unwrap_err();
    assert_eq!((error.kind(), error.seq()), (Kind::BadSignature, Some(1)), "{error}");
}

/// Format 1 has no checkpoints: what was written before they came still verifies, and can be gone on with.
#[test]
fn a_trail_of_format_1_verifies_and_is_signed_from_now_on() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    written(dir.path(), &Config::default(), 3);
    let path = dir.path().join("trail-000001.jsonl");
    rewrite(&path, 0, |_, body| Some(body.replace("\"format\":2", "\"format\":1")));
    assert!(fs::read_to_string(&path).unwrap().contains("\"format\":1,"));
    assert_eq!(verify(dir.path(), &VerifyOptions::default()).unwrap().events, 3);
    assert_eq!(verify(dir.path(), &with(&key)).unwrap_err().kind(), Kind::BadSignature);
    let (trail, _) = signed(dir.path(), &key, Config::default());
    trail.close(LONG).unwrap();
    let report = verify(dir.path(), &with(&key)).unwrap();
    assert_eq!((report.events, report.signed), (3, Some(5)));
}
