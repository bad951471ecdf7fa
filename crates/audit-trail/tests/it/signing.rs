//! Signed checkpoints: when they are written, and what they find that hashes alone don't.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use gambeson_audit_trail::{
    AuditTrail, Config, Digest, Entry, Filter, SigningKey, TrailErrorKind, VerifyErrorKind as Kind,
    VerifyOptions, read, verify,
};
use gambeson_core::{AuditSink, Durability, Health, HealthCheck, ManualClock, Outcome, Timestamp};

use super::log::logged;
use super::{LONG, answered, event, small, written};

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
    answered(trail.flush()).await.unwrap();
    clock.advance(Duration::from_secs(9));
    record(&trail, 1);
    answered(trail.flush()).await.unwrap();
    assert_eq!(checkpoints(dir.path()), [1]);
    clock.advance(Duration::from_secs(1));
    answered(trail.flush()).await.unwrap();
    assert_eq!(checkpoints(dir.path()), [1, 4]);
    clock.advance(Duration::from_secs(60));
    answered(trail.flush()).await.unwrap();
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
    let stands = |body: &str| !body.contains("checkpoint") && !body.contains("shutdown");
    rewrite(&path, 0, |_, body| stands(body).then(|| body.to_owned()));
    refused("all checkpoints taken out, and the end", 0);

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

/// What was written in the formats before still verifies and can be gone on with.
#[test]
fn a_trail_of_an_older_format_is_gone_on_with() {
    for format in [1, 2] {
        let dir = tempfile::tempdir().unwrap();
        written(dir.path(), &Config::default(), 3);
        let path = first(dir.path());
        let older = format!("\"format\":{format},");
        rewrite(&path, 0, |_, body| Some(body.replace("\"format\":3,", &older)));
        assert!(fs::read_to_string(&path).unwrap().contains(&older));
        assert_eq!(verify(dir.path(), &VerifyOptions::default()).unwrap().events, 3);
        written(dir.path(), &Config::default(), 2);
        assert_eq!(verify(dir.path(), &VerifyOptions::default()).unwrap().events, 5);
    }
}

/// What opening says with these keys; the trail is as it was.
fn not_opened(dir: &Path, config: &Config, key: Option<&SigningKey>) -> String {
    let last = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let last = last.filter(|path| path.extension().is_some_and(|name| name == "jsonl")).max().unwrap();
    let before = fs::read(&last).unwrap();
    let builder = AuditTrail::builder(dir).config(config.clone());
    let builder = key.into_iter().fold(builder, |builder, key| builder.sign(key.clone()));
    let error = builder.open().unwrap_err();
    assert_eq!(error.kind(), TrailErrorKind::Signing, "{error}");
    assert_eq!(fs::read(&last).unwrap(), before, "nothing was written");
    error.to_string()
}

/// Nobody can say of its beginning that it was never signed, and it would never verify.
#[test]
fn a_trail_that_was_begun_without_a_key_is_not_signed_later() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    written(dir.path(), &Config::default(), 3);
    let error = not_opened(dir.path(), &Config::default(), Some(&key));
    assert!(error.contains("begin a new directory") && error.contains(&key.public().to_string()), "{error}");
}

/// It would never verify again, whoever signs it later.
#[test]
fn a_signed_trail_does_not_go_on_without_its_key() {
    for config in [Config::default(), small()] {
        let (dir, key) = (tempfile::tempdir().unwrap(), key());
        let (trail, _) = signed(dir.path(), &key, config.clone());
        record(&trail, 10);
        trail.close(LONG).unwrap();
        let error = not_opened(dir.path(), &config, None);
        assert!(error.contains("give the key, or begin a new directory"), "{error}");
        signed(dir.path(), &key, config).0.close(LONG).unwrap();
        assert_eq!(verify(dir.path(), &with(&key)).unwrap().unsigned, 0);
    }
}

/// Right behind a seal the open segment holds nothing: the one before says that the trail is signed.
#[test]
fn a_signed_trail_does_not_go_on_without_its_key_behind_a_seal() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    let (trail, _) = signed(dir.path(), &key, small());
    record(&trail, 10);
    trail.close(LONG).unwrap();
    let segments = verify(dir.path(), &with(&key)).unwrap().segments;
    segments[2..].iter().for_each(|segment| fs::remove_file(&segment.path).unwrap());
    let second = fs::read_to_string(&segments[1].path).unwrap();
    // Empty, its opening alone, and an event that no checkpoint vouches for yet.
    for lines in 0..3 {
        fs::write(&segments[1].path, &second).unwrap();
        cut(&segments[1].path, lines);
        not_opened(dir.path(), &small(), None);
    }
}

#[test]
fn a_change_of_keys_names_the_one_before_once() {
    let (dir, old, new) = (tempfile::tempdir().unwrap(), key(), key());
    let config = Config::default().checkpoints(5, Duration::from_secs(10));
    let (trail, _) = signed(dir.path(), &old, config.clone());
    record(&trail, 7);
    trail.close(LONG).unwrap();
    // genesis 0, checkpoint 1, events 2 to 6, checkpoint 7, events 8 and 9
    cut(&first(dir.path()), 10);
    not_opened(dir.path(), &config, Some(&new));
    let rotated = |old: &SigningKey| {
        let builder = AuditTrail::builder(dir.path()).config(config.clone()).sign(new.clone());
        builder.previous_key(old.public().clone()).open()
    };
    assert_eq!(rotated(&key()).unwrap_err().kind(), TrailErrorKind::Signing, "somebody else's");
    rotated(&old).unwrap().close(LONG).unwrap();
    signed(dir.path(), &new, config.clone()).0.close(LONG).unwrap();
    assert_eq!(unsigned(dir.path()), [Some(2), None], "what the old key signed is signed");
    assert!(verify(dir.path(), &with(&new)).is_err());
    let report = verify(dir.path(), &with(&new).key(old.public().clone())).unwrap();
    assert_eq!((report.unsigned, report.events), (2, 7));

    // What the old key signed was rewritten: it is found as what the new one signed.
    let (dir, path) = (tempfile::tempdir().unwrap(), first(dir.path()));
    fs::copy(&path, first(dir.path())).unwrap();
    cut(&first(dir.path()), 8);
    rewrite(&first(dir.path()), 3, |_, body| Some(body.replace("success", "denied")));
    let builder = AuditTrail::builder(dir.path()).sign(new).previous_key(old.public().clone());
    assert_eq!(builder.open().unwrap_err().kind(), TrailErrorKind::Damaged);
}

/// A forger behind the first lines of a trail, without a key: all is deleted but these, and events are invented.
fn invented(dir: &Path, keep: usize, events: usize) {
    let path = first(dir);
    cut(&path, keep);
    let text = fs::read_to_string(&path).unwrap();
    let line = text.lines().last().unwrap();
    let (mut out, mut prev) = (text.clone(), line[line.len() - 66..line.len() - 2].to_owned());
    for seq in keep..keep + events {
        let body = format!(
            "{{\"seq\":{seq},\"prev\":\"{prev}\",\"at\":\"2026-11-23T08:15:30.250Z\",\"record\":\"event\",\
             \"kind\":\"authorization\",\"action\":\"notes:write\",\"outcome\":\"success\""
        );
        prev = Digest::of(body.as_bytes()).to_string();
        out.push_str(&format!("{body},\"hash\":\"{prev}\"}}\n"));
    }
    fs::write(path, out).unwrap();
}

/// The whole history is replaced while the app is stopped, with nothing that a trail only writes signed.
#[test]
fn a_history_without_any_signature_is_not_gone_on_with() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    signed(dir.path(), &key, Config::default()).0.close(LONG).unwrap();
    for events in [1, 30] {
        invented(dir.path(), 1, events);
        assert_eq!(verify(dir.path(), &VerifyOptions::default()).unwrap().events, events as u64);
        let error = not_opened(dir.path(), &Config::default(), Some(&key));
        assert!(error.contains("its signatures were taken out"), "{error}");
    }
    // All that a crash in the first write leaves, and as good as nothing.
    cut(&first(dir.path()), 1);
    signed(dir.path(), &key, Config::default()).0.close(LONG).unwrap();
    assert_eq!(verify(dir.path(), &with(&key)).unwrap().unsigned, 1);
}

/// All but the first checkpoint is replaced: more than a crash leaves is told by the health, and refused by `verify`.
#[tokio::test]
async fn more_without_a_signature_than_a_crash_leaves_is_found() {
    let config = Config::default().checkpoints(5, Duration::from_secs(10));
    // Those of an interval and 24 more.
    for (events, told) in [(29, false), (30, true)] {
        let (dir, key) = (tempfile::tempdir().unwrap(), key());
        signed(dir.path(), &key, config.clone()).0.close(LONG).unwrap();
        invented(dir.path(), 2, events);
        let options = with(&key).max_unsigned(29);
        let found = |options: &VerifyOptions| {
            let found = verify(dir.path(), options);
            found.map(|report| report.unsigned).map_err(|error| (error.kind(), error.seq()))
        };
        let expected = |unsigned| if told { Err((Kind::Unsigned, Some(2))) } else { Ok(unsigned) };
        assert_eq!(found(&options), expected(0), "{events} at the end");
        assert_eq!(found(&VerifyOptions::default().max_unsigned(0)), Ok(0), "nobody looked");
        let (trail, _) = signed(dir.path(), &key, config.clone());
        answered(trail.flush()).await.unwrap();
        match answered(trail.check()).await {
            Health::Degraded(why) => assert!(told && why.contains("30 records before this start"), "{why}"),
            health => assert_eq!((health, told), (Health::Healthy, false)),
        }
        trail.close(LONG).unwrap();
        assert_eq!(found(&options), expected(29), "{events} before a start");
        assert_eq!(found(&VerifyOptions::default().max_unsigned(0)), Ok(0), "nobody looked");
        assert_eq!(found(&with(&key)), Ok(events as u64), "the default");
    }
    assert_eq!(VerifyOptions::default().max_unsigned, 1_024);
}

/// However much is told at once: no more stands unsigned than a crash may leave.
#[test]
fn counts_of_refusals_are_signed_as_often_as_events() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    let config = Config::default().checkpoints(5, Duration::from_secs(10));
    let (trail, _) = signed(dir.path(), &key, config.refusals(Duration::from_secs(60), 64));
    for n in 0..80 {
        let mut refused = event("a", None);
        refused.outcome = Outcome::Denied;
        refused.reason = Some(format!("reason-{}", n / 2).into());
        refused.context.address = Some([192, 0, 2, 1].into());
        let _ = trail.record(refused, Durability::Async);
    }
    trail.close(LONG).unwrap();
    assert_eq!(verify(dir.path(), &with(&key)).unwrap().refusals, 40);
    let places = checkpoints(dir.path());
    assert!(places.windows(2).all(|pair| pair[1] - pair[0] <= 6), "{places:?}");
}

fn first(dir: &Path) -> PathBuf {
    dir.join("trail-000001.jsonl")
}

/// What the starts say of the records before them that their key has not signed.
fn unsigned(dir: &Path) -> Vec<Option<u64>> {
    let entries = read(dir, Filter::all()).unwrap().map(Result::unwrap);
    let start = |entry: Entry| match entry {
        Entry::Control(record) if matches!(&*record.record, "start" | "recovery") => Some(record.unsigned),
        _ => None,
    };
    entries.filter_map(start).collect()
}

/// Keeps the first so many lines, as a crash does.
fn cut(path: &Path, lines: usize) {
    let text = fs::read_to_string(path).unwrap();
    fs::write(path, text.split_inclusive('\n').take(lines).collect::<String>()).unwrap();
}

#[test]
fn a_part_that_was_signed_and_rewritten_while_the_app_was_stopped_is_not_gone_on_with() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    let config = Config::default().checkpoints(5, Duration::from_secs(10));
    let (trail, _) = signed(dir.path(), &key, config);
    record(&trail, 12);
    trail.close(LONG).unwrap();
    let path = first(dir.path());
    // With and without what stood behind the last checkpoint: as after a clean stop, and as after a crash.
    for lines in [usize::MAX, 14] {
        cut(&path, lines);
        rewrite(&path, 3, |_, body| Some(body.replace("success", "denied")));
        let forged = fs::read(&path).unwrap();
        let error = AuditTrail::builder(dir.path()).sign(key.clone()).open().unwrap_err();
        assert_eq!(error.kind(), TrailErrorKind::Damaged);
        assert!(error.to_string().contains("they were rewritten"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), forged, "it is evidence");
    }
}

/// The last segment has no checkpoint yet: then the one before it says whether what is there was rewritten.
#[test]
fn the_segment_before_is_looked_at_where_the_last_one_is_not_signed_yet() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    let (trail, _) = signed(dir.path(), &key, small());
    record(&trail, 30);
    trail.close(LONG).unwrap();
    let segments = verify(dir.path(), &with(&key)).unwrap().segments;
    let (second, third) = (&segments[1].path, &segments[2].path);
    segments[3..].iter().for_each(|segment| fs::remove_file(&segment.path).unwrap());
    let (whole, later) = (fs::read(second).unwrap(), fs::read_to_string(third).unwrap());
    let open = || AuditTrail::builder(dir.path()).config(small()).sign(key.clone()).open();
    let forged = fs::read_to_string(second).unwrap().replace("success", "denied!");
    // (lines of the last segment, unsigned among them)
    for (lines, left) in [(0, None), (1, None), (2, Some(1)), (3, Some(2))] {
        fs::write(third, &later).unwrap();
        cut(third, lines);
        fs::write(second, &forged).unwrap();
        assert_eq!(open().unwrap_err().kind(), TrailErrorKind::Damaged, "{lines}");
        fs::write(second, &whole).unwrap();
        open().unwrap().close(LONG).unwrap();
        assert_eq!(unsigned(dir.path()), [left], "{lines} lines");
        let report = verify(dir.path(), &with(&key)).unwrap();
        assert_eq!(report.unsigned, left.unwrap_or(0), "{lines} lines");
    }
    // A segment that is whole, but not the one that was there.
    fs::write(third, &later).unwrap();
    cut(third, 2);
    fs::copy(&segments[0].path, second).unwrap();
    let text = fs::read_to_string(second).unwrap();
    let line = text.lines().next().unwrap();
    let begins =
        line[..line.len() - 75].replace("genesis", "segment").replace("\"segment\":1", "\"segment\":2");
    fs::write(second, format!("{begins},\"hash\":\"{}\"}}\n", Digest::of(begins.as_bytes()))).unwrap();
    let error = open().unwrap_err();
    assert!(error.to_string().contains("does not go on from the segment before"), "{error}");
}

#[test]
fn what_a_crash_left_unsigned_is_counted_and_no_later_checkpoint_vouches_for_it() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    let config = Config::default().checkpoints(5, Duration::from_secs(10));
    let (trail, _) = signed(dir.path(), &key, config.clone());
    record(&trail, 14);
    trail.close(LONG).unwrap();
    // genesis 0, checkpoint 1, events 2 to 6, checkpoint 7, 8 to 12, 13, events 14 to 17
    let path = first(dir.path());
    cut(&path, 18);
    rewrite(&path, 16, |_, body| Some(body.replace("success", "denied")));
    let said = logged(|| signed(dir.path(), &key, config.clone()).0.close(LONG).unwrap());
    assert!(
        said.iter().any(|line| line.contains("records=4") && line.contains("has not signed")),
        "{said:?}"
    );
    let said = logged(|| signed(dir.path(), &key, config).0.close(LONG).unwrap());
    assert!(said.iter().all(|line| !line.contains("has not signed")), "{said:?}");
    assert_eq!(unsigned(dir.path()), [Some(4), None]);
    let report = verify(dir.path(), &with(&key)).unwrap();
    assert_eq!((report.unsigned, report.first_unsigned, report.closed), (4, Some(14), true));
    assert!(report.signed > Some(17));
    assert_eq!(verify(dir.path(), &VerifyOptions::default()).unwrap().unsigned, 0, "nobody looked");
}

/// Whoever has no key takes all checkpoints out.
#[test]
fn signatures_that_were_taken_out_are_missed() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    signed(dir.path(), &key, Config::default()).0.close(LONG).unwrap();
    let (trail, _) = signed(dir.path(), &key, Config::default());
    record(&trail, 3);
    trail.close(LONG).unwrap();
    rewrite(&first(dir.path()), 0, |_, body| (!body.contains("\"checkpoint\"")).then(|| body.to_owned()));
    not_opened(dir.path(), &Config::default(), Some(&key));
    let error = verify(dir.path(), &with(&key)).unwrap_err();
    assert_eq!((error.kind(), error.seq()), (Kind::BadSignature, Some(0)), "{error}");
}

/// Only the last checkpoint is gone: a shutdown behind other records makes none of them signed.
#[test]
fn a_shutdown_stands_for_nothing_without_its_checkpoint() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    let (trail, _) = signed(dir.path(), &key, Config::default());
    record(&trail, 3);
    trail.close(LONG).unwrap();
    // genesis, checkpoint, three events, checkpoint, shutdown
    rewrite(&first(dir.path()), 5, |number, body| (number != 5).then(|| body.to_owned()));
    signed(dir.path(), &key, Config::default()).0.close(LONG).unwrap();
    assert_eq!(unsigned(dir.path()), [Some(4)]);
    let error = verify(dir.path(), &with(&key)).unwrap_err();
    assert_eq!((error.kind(), error.seq()), (Kind::BadSignature, Some(2)), "{error}");
}

/// Nor does a seal: whatever a restart signs behind it.
#[test]
fn a_seal_stands_for_nothing_without_its_checkpoint() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    let (trail, _) = signed(dir.path(), &key, small());
    record(&trail, 10);
    trail.close(LONG).unwrap();
    let segments = verify(dir.path(), &with(&key)).unwrap().segments;
    segments[1..].iter().for_each(|segment| fs::remove_file(&segment.path).unwrap());
    let last = checkpoints(dir.path()).pop().unwrap();
    rewrite(&first(dir.path()), 0, |number, body| (number as u64 != last).then(|| body.to_owned()));
    // As a crash right behind the seal leaves it.
    fs::write(&segments[1].path, "").unwrap();
    signed(dir.path(), &key, small()).0.close(LONG).unwrap();
    assert!(verify(dir.path(), &VerifyOptions::default()).is_ok());
    let error = verify(dir.path(), &with(&key)).unwrap_err();
    assert_eq!((error.kind(), error.seq()), (Kind::BadSignature, Some(2)), "{error}");
}

/// However often it is stopped and started: what it has signed it finds signed.
#[test]
fn a_clean_restart_leaves_nothing_unsigned() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    for events in 0..12 {
        let (trail, _) = signed(dir.path(), &key, small());
        record(&trail, events);
        trail.close(LONG).unwrap();
    }
    let report = verify(dir.path(), &with(&key)).unwrap();
    assert!(report.segments.len() > 8 && report.closed, "{report:?}");
    assert_eq!((report.unsigned, report.first_unsigned), (0, None));
    assert_eq!(unsigned(dir.path()), [None; 11]);
}
