//! Whatever is changed in a trail, the verifier finds it and says what it was.

use std::fs;
use std::path::{Path, PathBuf};

use gambeson_audit_trail::{Digest, Head, VerifyErrorKind as Kind, VerifyOptions, verify};
use proptest::prelude::*;

use super::{small, written};

fn segment(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("trail-{number:06}.jsonl"))
}

fn kind(dir: &Path) -> Option<Kind> {
    verify(dir, &VerifyOptions::default()).err().map(|error| error.kind())
}

fn with_lines(path: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let text = fs::read_to_string(path).unwrap();
    let mut lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
    change(&mut lines);
    fs::write(path, lines.concat()).unwrap();
}

#[test]
fn a_whole_trail_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let head = written(dir.path(), &small(), 20);
    let report = verify(dir.path(), &VerifyOptions::default().head(head)).unwrap();
    assert_eq!((report.events, report.closed, report.head_confirmed), (20, true, true));
    assert_eq!((report.head, report.lost, report.recoveries), (head, 0, 0));
    assert!(report.segments.len() > 3, "{report:?}");
    assert!(report.segments.iter().rev().skip(1).all(|segment| segment.sealed));
    let bare = Head { seq: None, hash: head.hash };
    assert!(verify(dir.path(), &VerifyOptions::default().head(bare)).unwrap().head_confirmed);
}

#[test]
fn no_byte_can_change() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &small(), 3);
    let path = segment(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    for place in 0..whole.len() {
        for flip in [1, 0x20] {
            let mut changed = whole.clone();
            changed[place] ^= flip;
            fs::write(&path, &changed).unwrap();
            let error = verify(dir.path(), &VerifyOptions::default()).unwrap_err();
            let record = whole[..place].iter().filter(|byte| **byte == b'\n').count() as u64;
            assert_eq!(error.seq(), Some(record), "byte {place}: {error}");
            assert!(
                matches!(error.kind(), Kind::Edited)
                    || (error.kind() == Kind::TornTail && place + 1 == whole.len()),
                "byte {place}: {error}"
            );
        }
    }
}

#[test]
fn a_cut_anywhere_shows_against_a_head() {
    let dir = tempfile::tempdir().unwrap();
    let head = written(dir.path(), &small(), 3);
    let path = segment(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let at_a_line = length > 0 && whole[length - 1] == b'\n';
        match verify(dir.path(), &VerifyOptions::default()) {
            Ok(report) => assert!(at_a_line && !report.closed, "length {length}"),
            Err(error) => assert!(!at_a_line && error.kind() == Kind::TornTail, "length {length}: {error}"),
        }
        let error = verify(dir.path(), &VerifyOptions::default().head(head)).unwrap_err();
        let expected = if at_a_line { Kind::CutTail } else { Kind::TornTail };
        assert_eq!(error.kind(), expected, "length {length}");
    }
}

type Change = fn(&mut Vec<String>);

#[test]
fn lines_taken_out_moved_or_repeated_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &small(), 20);
    let path = segment(dir.path(), 2);
    let whole = fs::read(&path).unwrap();
    let cases: [(&str, Change, Kind); 7] = [
        ("taken out", |lines| drop(lines.remove(2)), Kind::Missing),
        ("first taken out", |lines| drop(lines.remove(0)), Kind::Missing),
        ("seal taken out", |lines| drop(lines.pop()), Kind::Missing),
        ("swapped", |lines| lines.swap(1, 2), Kind::Reordered),
        ("repeated", |lines| lines.insert(2, lines[1].clone()), Kind::Reordered),
        (
            "moved to the end",
            |lines| {
                let line = lines.remove(1);
                lines.push(line);
            },
            Kind::Reordered,
        ),
        ("blank line", |lines| lines.insert(1, "\n".into()), Kind::Edited),
    ];
    for (name, change, expected) in cases {
        with_lines(&path, change);
        assert_eq!(kind(dir.path()), Some(expected), "{name}");
        fs::write(&path, &whole).unwrap();
    }
    assert_eq!(kind(dir.path()), None);
}

#[test]
fn segments_taken_out_or_swapped_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let report = {
        written(dir.path(), &small(), 20);
        verify(dir.path(), &VerifyOptions::default()).unwrap()
    };
    let last = report.segments.len() as u64;
    let contents: Vec<_> = (1..=last).map(|n| fs::read(segment(dir.path(), n)).unwrap()).collect();
    for gone in 1..=last {
        fs::remove_file(segment(dir.path(), gone)).unwrap();
        let error = verify(dir.path(), &VerifyOptions::default()).unwrap_err();
        assert_eq!((error.kind(), error.segment()), (Kind::Missing, Some(gone)), "{error}");
        fs::write(segment(dir.path(), gone), &contents[gone as usize - 1]).unwrap();
    }
    fs::write(segment(dir.path(), 2), &contents[2]).unwrap();
    fs::write(segment(dir.path(), 3), &contents[1]).unwrap();
    assert_eq!(kind(dir.path()), Some(Kind::SegmentOrder));
    fs::write(segment(dir.path(), 2), &contents[1]).unwrap();
    fs::write(segment(dir.path(), 3), &contents[2][..contents[2].len() - 5]).unwrap();
    assert_eq!(kind(dir.path()), Some(Kind::Edited));
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(kind(empty.path()), Some(Kind::BadGenesis));
}

/// Changes a line and makes its own hash right again, as somebody would who knows the format.
fn forge(line: &str, from: &str, to: &str) -> String {
    let body = line[..line.len() - 76].replace(from, to);
    format!("{body},\"hash\":\"{}\"}}\n", Digest::of(body.as_bytes()))
}

#[test]
fn a_forged_record_breaks_the_chain_and_a_forged_end_misses_the_head() {
    let dir = tempfile::tempdir().unwrap();
    let head = written(dir.path(), &small(), 3);
    let path = segment(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    with_lines(&path, |lines| lines[2] = forge(&lines[2], "success", "denied!"));
    let error = verify(dir.path(), &VerifyOptions::default()).unwrap_err();
    assert_eq!((error.kind(), error.seq()), (Kind::Edited, Some(2)), "{error}");
    fs::write(&path, &whole).unwrap();
    with_lines(&path, |lines| {
        let last = lines.len() - 1;
        lines[last] = forge(&lines[last], "2026", "2027");
    });
    assert_eq!(kind(dir.path()), None, "nobody can tell without a head");
    let error = verify(dir.path(), &VerifyOptions::default().head(head)).unwrap_err();
    assert_eq!(error.kind(), Kind::Rewritten);
    fs::write(&path, &whole).unwrap();
    with_lines(&path, |lines| lines[0] = forge(&lines[0], "\"format\":3", "\"format\":9"));
    assert_eq!(kind(dir.path()), Some(Kind::BadGenesis));
}

/// Swaps two files.
fn swap(one: &Path, other: &Path) {
    let (a, b) = (fs::read(one).unwrap(), fs::read(other).unwrap());
    fs::write(one, b).unwrap();
    fs::write(other, a).unwrap();
}

/// One of each class, within a sealed segment: the finding has its name and the first record that can't be trusted.
#[test]
fn each_class_is_named_with_its_first_bad_record() {
    let dir = tempfile::tempdir().unwrap();
    let head = written(dir.path(), &small(), 20);
    let options = VerifyOptions::default().head(head);
    let segments = verify(dir.path(), &options).unwrap().segments;
    let (second, third) = (&segments[1], &segments[2]);
    let first = second.first_seq;
    let lines = |change: Change| with_lines(&second.path, change);
    let classes: [(&str, &dyn Fn(), Kind, u64); 9] = [
        (
            "edit",
            &|| lines(|lines| lines[1] = lines[1].replace("success", "denied!")),
            Kind::Edited,
            first + 1,
        ),
        ("delete", &|| lines(|lines| drop(lines.remove(1))), Kind::Missing, first + 1),
        ("reorder", &|| lines(|lines| lines.swap(1, 2)), Kind::Reordered, first + 1),
        ("repeat", &|| lines(|lines| lines.insert(2, lines[1].clone())), Kind::Reordered, first + 2),
        (
            "forge",
            &|| lines(|lines| lines[1] = forge(&lines[1], "success", "denied!")),
            Kind::Edited,
            first + 1,
        ),
        ("swap segments", &|| swap(&second.path, &third.path), Kind::SegmentOrder, first),
        ("delete a segment", &|| fs::remove_file(&second.path).unwrap(), Kind::Missing, first),
        ("cut within a segment", &|| lines(|lines| lines.truncate(2)), Kind::Missing, first + 2),
        (
            "cut the end",
            &|| {
                segments.iter().skip(2).for_each(|segment| fs::remove_file(&segment.path).unwrap());
                lines(|lines| lines.truncate(2));
            },
            Kind::CutTail,
            first + 2,
        ),
    ];
    let whole: Vec<_> = segments.iter().map(|segment| fs::read(&segment.path).unwrap()).collect();
    for (class, tamper, kind, seq) in classes {
        tamper();
        let error = verify(dir.path(), &options).unwrap_err();
        assert_eq!((error.kind(), error.seq()), (kind, Some(seq)), "{class}: {error}");
        for (segment, bytes) in segments.iter().zip(&whole) {
            fs::write(&segment.path, bytes).unwrap();
        }
        assert!(verify(dir.path(), &options).is_ok(), "{class} was put right");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_random_damage_passes(number in 1_u64..4, place in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let head = written(dir.path(), &small(), 12);
        let path = segment(dir.path(), number);
        let whole = fs::read(&path).unwrap();
        let start = place.index(whole.len());
        let mut changed = whole.clone();
        for (to, from) in changed[start..].iter_mut().zip(&bytes) {
            *to = *from;
        }
        prop_assume!(changed != whole);
        fs::write(&path, &changed).unwrap();
        prop_assert!(verify(dir.path(), &VerifyOptions::default().head(head)).is_err());
    }
}
