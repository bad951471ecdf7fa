//! What is dropped is told, and the rest verifies; what is gone without a word does not.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gambeson_audit_trail::{
    AuditTrail, Config, Digest, Filter, Head, PublishedHead, SigningKey, VerifyErrorKind as Kind,
    VerifyOptions, read, trails_in, verify, verify_set,
};
use gambeson_core::{AuditSink, Durability, ManualClock, Timestamp};

use super::signing::key;
use super::{LONG, answered, event, log, open, small, written};

const DAY: Duration = Duration::from_secs(86_400);

fn numbers(dir: &Path) -> Vec<u64> {
    let mut numbers: Vec<u64> = fs::read_dir(dir)
        .unwrap()
        .filter_map(|file| {
            let name = file.unwrap().file_name().into_string().unwrap();
            name.strip_prefix("trail-")?.strip_suffix(".jsonl")?.parse().ok()
        })
        .collect();
    numbers.sort_unstable();
    numbers
}

fn fill(trail: &AuditTrail, events: usize) {
    for n in 0..events {
        let _ = trail.record(event(&n.to_string(), Some("acme")), Durability::Ordered);
    }
}

/// A trail of some segments, and the same one opened a day later with a limit.
fn aged(dir: &Path, key: Option<&SigningKey>, config: &Config) -> AuditTrail {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730));
    let build = |config: Config| {
        let builder = AuditTrail::builder(dir).config(config).clock(Arc::new(clock.clone()));
        let builder = key.into_iter().fold(builder, |builder, key| builder.sign(key.clone()));
        builder.open().unwrap()
    };
    let trail = build(small());
    fill(&trail, 20);
    trail.close(LONG).unwrap();
    clock.advance(DAY);
    build(config.clone())
}

#[test]
fn what_is_too_old_is_dropped_and_the_rest_verifies() {
    for key in [None, Some(key())] {
        let dir = tempfile::tempdir().unwrap();
        let config = small().retention(Some(DAY), None);
        let trail = aged(dir.path(), key.as_ref(), &config);
        fill(&trail, 3);
        trail.close(LONG).unwrap();
        let left = numbers(dir.path());
        assert!(left[0] > 3, "{left:?}");
        let options = VerifyOptions::default();
        let options = key.iter().fold(options, |options, key| options.key(key.public().clone()));
        let report = verify(dir.path(), &options).unwrap();
        assert_eq!(report.dropped_segments, left[0] - 1);
        assert_eq!(report.records, report.head.seq.unwrap() + 1 - report.dropped_records);
        let first = read(dir.path(), Filter::all()).unwrap().next().unwrap().unwrap();
        assert_eq!(first.seq(), report.dropped_records);
        // And it can be gone on with.
        let builder = AuditTrail::builder(dir.path()).config(small());
        let builder = key.into_iter().fold(builder, |builder, key| builder.sign(key));
        builder.open().unwrap().close(LONG).unwrap();
    }
}

const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// One that leaps is not believed for a day: not while the trail is open, and not when it is opened again.
#[tokio::test]
async fn a_clock_that_leaps_drops_nothing_for_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let start = Timestamp::from_unix_seconds(1_795_421_730);
    let clock = ManualClock::at(start);
    let open = || {
        let builder = AuditTrail::builder(dir.path()).config(small().retention(Some(DAY), None));
        builder.clock(Arc::new(clock.clone())).open().unwrap()
    };
    let trail = open();
    let write = async |trail: &AuditTrail| {
        fill(trail, 12);
        answered(trail.flush()).await.unwrap();
        numbers(dir.path())[0]
    };
    assert_eq!(write(&trail).await, 1);
    clock.set(start.plus(YEAR));
    assert_eq!(write(&trail).await, 1);
    trail.close(LONG).unwrap();
    // The leap is in a segment that is sealed already, and then in the last one.
    for _ in 0..2 {
        let trail = open();
        assert_eq!(write(&trail).await, 1);
        trail.close(LONG).unwrap();
    }
    let trail = open();
    clock.advance(DAY - Duration::from_secs(1));
    assert_eq!(write(&trail).await, 1);
    clock.advance(Duration::from_secs(1));
    assert!(write(&trail).await > 1);
    let dropped = numbers(dir.path())[0];
    // Time that passes while nobody writes is no leap.
    clock.advance(YEAR);
    assert!(write(&trail).await > dropped);
    trail.close(LONG).unwrap();
    assert!(verify(dir.path(), &VerifyOptions::default()).is_ok());
}

/// Whoever sends an event dates it: that is no time of the trail's.
#[test]
fn the_times_of_events_are_not_gone_by() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730).plus(YEAR));
    let open = |limits: Config| {
        AuditTrail::builder(dir.path()).config(limits).clock(Arc::new(clock.clone())).open().unwrap()
    };
    let trail = open(small());
    fill(&trail, 20);
    trail.close(LONG).unwrap();
    clock.advance(DAY);
    let trail = open(Config::default());
    fill(&trail, 1);
    trail.close(LONG).unwrap();
    open(small().retention(Some(DAY), None)).close(LONG).unwrap();
    assert!(numbers(dir.path())[0] > 1);
}

/// Each start that does not believe the clock says so once, where it matters.
#[tokio::test]
async fn a_leap_is_told_where_something_is_kept_by_age() {
    log::listen();
    let start = Timestamp::from_unix_seconds(1_795_421_730);
    for (age, told, ahead) in [(Some(DAY), 1, 86_500), (None, 0, 86_600)] {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(start);
        let builder = AuditTrail::builder(dir.path()).config(small().retention(age, Some(1 << 20)));
        let trail = builder.clock(Arc::new(clock.clone())).open().unwrap();
        fill(&trail, 1);
        answered(trail.flush()).await.unwrap();
        clock.set(start.plus(Duration::from_secs(ahead)));
        for _ in 0..3 {
            fill(&trail, 1);
            answered(trail.flush()).await.unwrap();
        }
        assert_eq!(log::times_said(&format!("ahead={ahead} ")), told, "{age:?}");
    }
}

/// All of a day's records may be in one segment: those that the trail itself dates tell the leap.
#[tokio::test]
async fn a_leap_within_the_last_segment_is_noticed_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let start = Timestamp::from_unix_seconds(1_795_421_730);
    let clock = ManualClock::at(start);
    let open = |limits: Config| {
        AuditTrail::builder(dir.path()).config(limits).clock(Arc::new(clock.clone())).open().unwrap()
    };
    let trail = open(small());
    fill(&trail, 20);
    trail.close(LONG).unwrap();
    clock.set(start.plus(YEAR));
    let large = Config::default().retention(Some(DAY), None);
    for _ in 0..3 {
        let trail = open(large.clone());
        fill(&trail, 1);
        trail.close(LONG).unwrap();
        assert_eq!(numbers(dir.path())[0], 1);
    }
    clock.advance(DAY);
    open(large).close(LONG).unwrap();
    assert!(numbers(dir.path())[0] > 1);
}

#[test]
fn the_oldest_go_while_all_take_too_much() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path(), &small().retention(None, Some(6_000)));
    fill(&trail, 60);
    trail.close(LONG).unwrap();
    let sealed = numbers(dir.path()).len() - 1;
    assert!((1..=3).contains(&sealed), "{sealed}");
    let report = verify(dir.path(), &VerifyOptions::default()).unwrap();
    assert!(report.dropped_segments > 5 && report.lost == 0, "{report:?}");
}

#[test]
fn without_limits_nothing_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let trail = aged(dir.path(), None, &small());
    trail.close(LONG).unwrap();
    assert_eq!(numbers(dir.path())[0], 1);
    assert!(small().retention(Some(Duration::ZERO), Some(1)).validate().unwrap_err().problems().len() == 2);
}

#[test]
fn what_somebody_else_took_away_does_not_verify() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    let trail = aged(dir.path(), Some(&key), &small().retention(Some(DAY), None));
    fill(&trail, 20);
    trail.close(LONG).unwrap();
    let options = VerifyOptions::default().key(key.public().clone());
    let report = verify(dir.path(), &options).unwrap();
    let first = &report.segments[0];
    let whole = fs::read(&first.path).unwrap();
    fs::remove_file(&first.path).unwrap();
    let error = verify(dir.path(), &options).unwrap_err();
    assert_eq!(
        (error.kind(), error.seq()),
        (Kind::Missing, Some(0)),
        "one more than the tombstone tells: {error}"
    );
    fs::write(&first.path, whole).unwrap();
    assert!(verify(dir.path(), &options).is_ok());

    let bare = tempfile::tempdir().unwrap();
    written(bare.path(), &small(), 20);
    for number in [1, 2] {
        fs::remove_file(bare.path().join(format!("trail-{number:06}.jsonl"))).unwrap();
    }
    let error = verify(bare.path(), &VerifyOptions::default()).unwrap_err();
    assert_eq!((error.kind(), error.segment()), (Kind::Missing, Some(1)), "no tombstone at all: {error}");
}

/// Segments are dropped all the time while the verifier reads.
#[test]
fn a_trail_that_drops_segments_never_looks_tampered_with() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path(), &small().retention(None, Some(20_000)));
    fill(&trail, 60);
    let reading = AtomicBool::new(true);
    let mut wrong = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while reading.load(Ordering::Relaxed) {
                fill(&trail, 1);
                // Waits for the writer, so that nothing piles up.
                let _ = trail.recent(Some("acme"), 1);
            }
        });
        for _ in 0..20 {
            match verify(dir.path(), &VerifyOptions::default()) {
                Err(error) if error.kind() != Kind::TornTail => wrong.push(error.to_string()),
                _ => {}
            }
        }
        reading.store(false, Ordering::Relaxed);
    });
    assert!(wrong.is_empty(), "{wrong:?}");
    trail.close(LONG).unwrap();
    assert!(verify(dir.path(), &VerifyOptions::default()).unwrap().dropped_segments > 3);
}

/// Adds a tombstone for two segments, whose last record was `gone`, behind the record `head`.
fn forge_tombstone(path: &Path, head: Head, gone: Head) {
    let seq = head.seq.unwrap() + 1;
    let body = format!(
        "{{\"seq\":{seq},\"prev\":\"{}\",\"at\":\"2026-11-23T08:15:30.250Z\",\"record\":\"tombstone\",\"first_segment\":1,\
         \"last_segment\":2,\"last_seq\":{},\"last_hash\":\"{}\"",
        head.hash,
        gone.seq.unwrap(),
        gone.hash
    );
    let line = format!("{body},\"hash\":\"{}\"}}\n", Digest::of(body.as_bytes()));
    let text = fs::read_to_string(path).unwrap();
    fs::write(path, text + &line).unwrap();
}

/// Somebody who may write the files but has no key takes the beginning away and writes a tombstone for it. The next start
/// signs the chain, but vouches for nothing that it finds unsigned.
#[test]
fn a_forged_tombstone_is_not_signed() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    let open = || {
        let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730));
        let builder = AuditTrail::builder(dir.path()).config(small()).clock(Arc::new(clock));
        builder.sign(key.clone()).open().unwrap()
    };
    let trail = open();
    fill(&trail, 20);
    let head = trail.close(LONG).unwrap();
    let options = VerifyOptions::default().key(key.public().clone());
    let segments = verify(dir.path(), &options).unwrap().segments;
    forge_tombstone(&segments.last().unwrap().path, head, segments[1].head);
    segments[..2].iter().for_each(|segment| fs::remove_file(&segment.path).unwrap());
    for starts in 0..3 {
        let dropped = verify(dir.path(), &VerifyOptions::default()).unwrap().dropped_segments;
        assert_eq!(dropped, 2, "hashes alone don't tell");
        let error = verify(dir.path(), &options).unwrap_err();
        assert_eq!(
            (error.kind(), error.seq()),
            (Kind::BadSignature, Some(0)),
            "after {starts} starts: {error}"
        );
        open().close(LONG).unwrap();
    }
}

/// Nothing was deleted yet, and the next start tells and signs it once more.
#[test]
fn a_crash_between_a_tombstone_and_its_checkpoint_is_no_forgery() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    let config = small().retention(Some(DAY), None);
    let before = aged(dir.path(), Some(&key), &small());
    before.close(LONG).unwrap();
    let files = numbers(dir.path()).into_iter().map(|n| dir.path().join(format!("trail-{n:06}.jsonl")));
    let kept: Vec<_> = files.map(|path| (fs::read(&path).unwrap(), path)).collect();
    let open = || {
        let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730).plus(DAY));
        let builder = AuditTrail::builder(dir.path()).config(config.clone()).clock(Arc::new(clock));
        builder.sign(key.clone()).open().unwrap()
    };
    open().close(LONG).unwrap();
    let (whole, last) = kept.last().unwrap();
    let text = fs::read_to_string(last).unwrap();
    let new = &text[whole.len()..];
    let told = new.split_inclusive('\n').position(|line| line.contains("\"tombstone\"")).unwrap();
    let torn: String = new.split_inclusive('\n').take(told + 1).collect();
    for (bytes, path) in &kept {
        fs::write(path, bytes).unwrap();
    }
    fs::write(last, [&whole[..], torn.as_bytes()].concat()).unwrap();
    open().close(LONG).unwrap();
    let options = VerifyOptions::default().key(key.public().clone());
    let report = verify(dir.path(), &options).unwrap();
    assert!(report.dropped_segments > 3, "{report:?}");
    assert_eq!(report.unsigned, 1, "the first tombstone");
}

/// The tombstone is on the disk first: a crash before the last file is gone leaves more, never less, than it says.
#[test]
fn a_crash_while_dropping_is_no_tampering() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &small(), 20);
    let files =
        numbers(dir.path()).into_iter().map(|number| dir.path().join(format!("trail-{number:06}.jsonl")));
    let before: Vec<_> = files.map(|path| (fs::read(&path).unwrap(), path)).collect();
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730).plus(DAY));
    let builder = AuditTrail::builder(dir.path()).clock(Arc::new(clock));
    let trail = builder.config(small().retention(Some(DAY), None)).open().unwrap();
    trail.close(LONG).unwrap();
    let dropped = verify(dir.path(), &VerifyOptions::default()).unwrap().dropped_segments;
    assert!(dropped > 3, "{dropped}");
    for number in (1..=dropped).rev() {
        let (bytes, path) = &before[number as usize - 1];
        fs::write(path, bytes).unwrap();
        let left = verify(dir.path(), &VerifyOptions::default()).unwrap();
        assert_eq!(left.dropped_segments, number - 1);
    }
    // The next start goes on with it.
    fs::remove_file(&before[0].1).unwrap();
    written(dir.path(), &small().retention(Some(DAY), None), 1);
    assert!(verify(dir.path(), &VerifyOptions::default()).is_ok());
}

#[test]
fn all_instances_are_verified_and_a_missing_one_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let mut heads = Vec::new();
    for name in ["a", "b", "c"] {
        let dir = parent.path().join(name);
        let trail = AuditTrail::open(&dir, &small()).unwrap();
        fill(&trail, 2);
        let head = trail.close(LONG).unwrap();
        let instance = verify(&dir, &VerifyOptions::default()).unwrap().instance;
        let line = format!(r#"{{"instance":"{instance}","head":"{head}","at":"2026-11-23T08:15:30.250Z"}}"#);
        heads.push(serde_json::from_str::<PublishedHead>(&line).unwrap());
    }
    let foreign = parent.path().join("no trail");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("notes.txt"), "").unwrap();
    fs::write(foreign.join("lock"), "").unwrap();
    let options = VerifyOptions::default().anchored(heads.clone());
    let dirs = trails_in(parent.path()).unwrap();
    assert_eq!(dirs.len(), 3);
    let report = verify_set(&dirs, &options);
    assert!(report.is_whole(), "{report:?}");
    fs::remove_dir_all(&dirs[1]).unwrap();
    let path = dirs[2].join("trail-000001.jsonl");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("success", "failure")).unwrap();
    let report = verify_set(trails_in(parent.path()).unwrap(), &options);
    assert!(!report.is_whole());
    assert_eq!(report.missing, [heads[1].instance.clone()]);
    let wrong: Vec<_> = report.trails.iter().filter(|(_, found)| found.is_err()).collect();
    assert_eq!(wrong.len(), 1);
    assert_eq!(wrong[0].0, dirs[2]);
    assert_eq!(trails_in(&dirs[0]).unwrap(), [dirs[0].clone()]);
}

/// Whoever deletes the segments of one instance must not be helped by those of the others.
#[test]
fn a_trail_without_its_segments_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| parent.path().join(name));
    [&a, &b].into_iter().for_each(|dir| _ = written(dir, &small(), 1));
    fs::remove_file(b.join("trail-000001.jsonl")).unwrap();
    fs::write(b.join("torn-000001.partial"), "x").unwrap();
    fs::create_dir(&c).unwrap();
    let report = verify_set(trails_in(parent.path()).unwrap(), &VerifyOptions::default());
    let kinds: Vec<_> =
        report.trails.iter().map(|(_, found)| found.as_ref().map_err(|e| e.kind()).err()).collect();
    assert_eq!(kinds, [None, Some(Kind::BadGenesis), Some(Kind::BadGenesis)]);
    fs::remove_file(a.join("trail-000001.jsonl")).unwrap();
    assert_eq!(trails_in(parent.path()).unwrap(), [a, b, c], "also when all are gone");
}
