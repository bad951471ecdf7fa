//! The offline verifier: reads a trail once, in bounded memory, and names the first thing that is wrong.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::digest::{Digest, Head};
use crate::entry::ControlRecord;
use crate::line::{Line, millis};
use crate::lines::{Lines, Step};
use crate::report::{Report, SegmentReport, VerifyError, VerifyErrorKind};
use crate::resume::FORMATS;
use crate::segment::{self, Segment};

mod evidence;
mod options;

use evidence::{Base, Signed};
pub use options::VerifyOptions;

/// How often a trail is read whose oldest segments are dropped meanwhile.
const ATTEMPTS: usize = 5;

/// Verifies the trail in `dir`, also of an app that runs (whose last line may then look torn).
///
/// # Errors
/// The first thing that is wrong, with the first sequence number that can't be trusted.
pub fn verify(dir: impl AsRef<Path>, options: &VerifyOptions) -> Result<Report, VerifyError> {
    let dir = dir.as_ref();
    attempts(|| verify_once(dir, options))
}

/// An app that runs may have dropped a segment since it was listed: then it is read anew.
fn attempts(mut once: impl FnMut() -> Result<Report, VerifyError>) -> Result<Report, VerifyError> {
    for _ in 1..ATTEMPTS {
        match once() {
            Err(error) if error.is_gone() => {}
            found => return found,
        }
    }
    once()
}

fn verify_once(dir: &Path, options: &VerifyOptions) -> Result<Report, VerifyError> {
    let list = || segment::list(dir).map_err(|error| unreadable(dir, None, error));
    let mut segments = list()?;
    let mut verifier = Verifier::new(options);
    let Some(first) = segments.first() else {
        let detail = format!("there is no segment in {}", dir.display());
        return Err(verifier.error(VerifyErrorKind::BadGenesis, detail));
    };
    verifier.base = Base::of(first)?;
    if let Some(base) = &verifier.base {
        (verifier.next, verifier.prev) = (base.seq, base.prev);
    }
    let mut place = 0;
    while let Some(segment) = segments.get(place) {
        verifier.segment(segment, &segments, place)?;
        place += 1;
        // An app that runs may have begun further segments in the meantime.
        if place == segments.len() && verifier.last == "seal" {
            segments.extend(list()?.into_iter().filter(|next| Some(next.number) > verifier.number));
        }
    }
    verifier.finish()
}

struct Verifier<'o> {
    options: &'o VerifyOptions,
    /// Where the chain begins, if not at its genesis.
    base: Option<Base>,
    next: u64,
    prev: Digest,
    newest: i64,
    number: Option<u64>,
    /// No line of this segment was read yet.
    at_start: bool,
    last: String,
    /// Published heads of this chain that were not met yet, the newest first.
    anchored: Vec<Head>,
    signed: Signed,
    report: Report,
}

impl<'o> Verifier<'o> {
    fn new(options: &'o VerifyOptions) -> Self {
        Self {
            options,
            base: None,
            next: 0,
            prev: Digest::ZERO,
            newest: i64::MIN,
            number: None,
            at_start: true,
            last: String::new(),
            anchored: Vec::new(),
            signed: Signed::default(),
            report: Report {
                instance: String::new(),
                records: 0,
                events: 0,
                lost: 0,
                refusals: 0,
                recoveries: 0,
                closed: false,
                head_confirmed: false,
                head: Head { seq: None, hash: Digest::ZERO },
                clock_steps: 0,
                first_clock_step: None,
                anchored: 0,
                anchored_to: None,
                dropped_segments: 0,
                dropped_records: 0,
                checkpoints: 0,
                signed: None,
                unsigned: 0,
                first_unsigned: None,
                segments: Vec::new(),
            },
        }
    }

    fn error(&self, kind: VerifyErrorKind, detail: impl Into<String>) -> VerifyError {
        VerifyError { kind, seq: Some(self.next), segment: self.number, detail: detail.into(), source: None }
    }

    fn segment(&mut self, segment: &Segment, all: &[Segment], place: usize) -> Result<(), VerifyError> {
        let first = self.base.as_ref().map_or(1, |base| base.segment);
        let expected = first.saturating_add(place as u64);
        self.number = Some(expected);
        if segment.number != expected {
            return Err(self.error(VerifyErrorKind::Missing, "the segment is not there"));
        }
        if place > 0 && self.last != "seal" {
            return self.unsealed(segment, all, place);
        }
        let mut lines = open(segment)?;
        let first_seq = self.next;
        self.at_start = true;
        self.lines(&mut lines, segment, all, place)?;
        // A running app may have sealed it after its end was read, and before the next one was begun: so look again.
        if self.last != "seal"
            && let Some(next) = all.get(place + 1)
            && self::first_seq(next)?.is_some()
        {
            self.lines(&mut lines, segment, all, place)?;
        }
        if self.at_start {
            return Err(self.torn(place + 1 == all.len()));
        }
        self.report.segments.push(SegmentReport {
            number: segment.number,
            path: segment.path.clone(),
            first_seq,
            head: self.report.head,
            sealed: self.last == "seal",
        });
        Ok(())
    }

    /// Reads on to the present end of the segment.
    fn lines(
        &mut self,
        lines: &mut Lines,
        segment: &Segment,
        all: &[Segment],
        place: usize,
    ) -> Result<(), VerifyError> {
        while let Some(step) = lines.next().map_err(|error| unreadable(&segment.path, self.number, error))? {
            match step {
                Step::Whole(bytes) => self.line(bytes, all, place)?,
                Step::Torn(_) => return Err(self.torn(place + 1 == all.len())),
            }
        }
        Ok(())
    }

    /// A segment ended without its seal, yet another file follows.
    fn unsealed(&self, segment: &Segment, all: &[Segment], place: usize) -> Result<(), VerifyError> {
        let follows = first_seq(segment)?;
        Err(match follows {
            // A crash between creating the next file and sealing this one.
            None if place + 1 == all.len() => self.torn(true),
            Some(seq) if seq > self.next => self.error(
                VerifyErrorKind::Missing,
                format!("the end of the segment before is not there: the next record is {seq}"),
            ),
            _ => self.error(VerifyErrorKind::SegmentOrder, "it does not continue the segment before it"),
        })
    }

    fn torn(&self, at_the_end: bool) -> VerifyError {
        match at_the_end {
            true => self
                .error(VerifyErrorKind::TornTail, "the last line was not finished; all before it is whole"),
            false => {
                self.error(VerifyErrorKind::Edited, "the segment ends within a line, yet another one follows")
            }
        }
    }

    fn line(&mut self, bytes: &[u8], all: &[Segment], place: usize) -> Result<(), VerifyError> {
        let first = std::mem::take(&mut self.at_start);
        let Some(line) = Line::read(bytes) else {
            return Err(self.error(VerifyErrorKind::Edited, "the line does not have the hash that it names"));
        };
        if first || matches!(line.record, "genesis" | "segment") {
            self.opening(&line, first)?;
        }
        if line.seq != self.next {
            return Err(self.out_of_place(line.seq, all, place)?);
        }
        if !line.follows(&self.prev) {
            return Err(self.not_following());
        }
        if self.last == "seal" && !first {
            return Err(self.error(VerifyErrorKind::Reordered, "a record follows the segment's seal"));
        }
        self.clock(line.at)?;
        self.count(&line)?;
        self.next = line.seq.saturating_add(1);
        self.prev = line.hash;
        line.record.clone_into(&mut self.last);
        Ok(())
    }

    /// The first record of a segment tells which segment of which chain it is; no other record may.
    fn opening(&mut self, line: &Line<'_>, first: bool) -> Result<(), VerifyError> {
        let expected = self.number.unwrap_or(1);
        let opening =
            ControlRecord::read(line).filter(|record| matches!(&*record.record, "genesis" | "segment"));
        let Some(opening) = opening else {
            // Lost first lines: what stands there is out of place, and is said to be so.
            return match (line.seq, self.next) {
                (0, 0) => {
                    Err(self.error(VerifyErrorKind::BadGenesis, "the first record does not begin a chain"))
                }
                _ => Ok(()),
            };
        };
        let number = opening.segment.unwrap_or(0);
        if !first || number != expected {
            let detail = format!("the first record of segment {number} stands here");
            return Err(self.error(VerifyErrorKind::SegmentOrder, detail));
        }
        let format = opening.format.is_some_and(|format| FORMATS.contains(&format));
        let known = format && opening.algorithm.as_deref() == Some("sha256");
        if !known || (number == 1) != (opening.record == "genesis") {
            let detail = "the chain is of a format that this verifier does not know";
            return Err(self.error(VerifyErrorKind::BadGenesis, detail));
        }
        let instance = opening.instance.unwrap_or_default();
        if self.report.instance.is_empty() {
            self.anchor(&instance);
            self.report.instance = instance;
        } else if instance != self.report.instance {
            return Err(self.error(VerifyErrorKind::SegmentOrder, "the segment belongs to another chain"));
        }
        Ok(())
    }

    /// A record with another number than expected: were some taken out, or moved?
    fn out_of_place(&self, found: u64, all: &[Segment], place: usize) -> Result<VerifyError, VerifyError> {
        let elsewhere = found > self.next && holds(all.get(place..).unwrap_or_default(), self.next)?;
        Ok(if found < self.next {
            let detail = format!("record {found} stands here: it was moved or repeated");
            self.error(VerifyErrorKind::Reordered, detail)
        } else if elsewhere {
            let detail = format!("record {found} stands here, the right one further on");
            self.error(VerifyErrorKind::Reordered, detail)
        } else {
            let detail = format!("{} records are not there: the next one is {found}", found - self.next);
            self.error(VerifyErrorKind::Missing, detail)
        })
    }

    fn not_following(&self) -> VerifyError {
        match self.next.checked_sub(1) {
            None => self.error(VerifyErrorKind::BadGenesis, "the first record names a predecessor"),
            Some(before) => VerifyError {
                seq: Some(before),
                ..self.error(
                    VerifyErrorKind::Edited,
                    format!("record {} names another predecessor than the one that is there", self.next),
                )
            },
        }
    }

    fn clock(&mut self, at: &str) -> Result<(), VerifyError> {
        let Some(at) = millis(at) else {
            return Err(self.error(VerifyErrorKind::Edited, "the time is not written as a trail writes it"));
        };
        let tolerance = i64::try_from(self.options.clock_tolerance.as_millis()).unwrap_or(i64::MAX);
        if at < self.newest.saturating_sub(tolerance) {
            self.report.clock_steps += 1;
            self.report.first_clock_step.get_or_insert(self.next);
            if self.options.refuse_clock_steps {
                let detail = format!("the clock went back by {} s", (self.newest - at) / 1_000);
                return Err(self.error(VerifyErrorKind::ClockStep, detail));
            }
            self.newest = at;
        }
        self.newest = self.newest.max(at);
        Ok(())
    }

    fn count(&mut self, line: &Line<'_>) -> Result<(), VerifyError> {
        self.report.records += 1;
        match line.record {
            "event" => self.report.events += 1,
            "gap" => self.report.lost += ControlRecord::read(line).and_then(|gap| gap.lost).unwrap_or(0),
            "refusals" => {
                self.report.refusals += ControlRecord::read(line).and_then(|told| told.count).unwrap_or(0);
            }
            "recovery" => self.report.recoveries += 1,
            "checkpoint" => self.checkpoint(line)?,
            "tombstone" => self.tombstone(line)?,
            _ => {}
        }
        self.signatures(line)?;
        self.report.closed = line.record == "shutdown";
        self.report.head = Head { seq: Some(line.seq), hash: line.hash };
        self.meet_anchored(line)?;
        match self.options.head {
            Some(head) if head.seq == Some(line.seq) && head.hash != line.hash => Err(self.error(
                VerifyErrorKind::Rewritten,
                "the record is not the one whose head was kept: this one or one before it was rewritten",
            )),
            Some(head) if head.hash == line.hash => {
                self.report.head_confirmed = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(mut self) -> Result<Report, VerifyError> {
        if self.last == "seal" {
            self.number = self.number.map(|number| number + 1);
            return Err(self
                .error(VerifyErrorKind::Missing, "the segment before is sealed, but this one is not there"));
        }
        self.beginning()?;
        self.anchored()?;
        self.signed_at_all()?;
        self.signed_to_the_end()?;
        match self.options.head {
            Some(_) if self.report.head_confirmed => Ok(self.report),
            None => Ok(self.report),
            Some(Head { seq: Some(seq), .. }) if seq < self.report.dropped_records => {
                let detail =
                    format!("record {seq} was dropped with its segment: hold the trail against a newer head");
                Err(self.error(VerifyErrorKind::CutTail, detail))
            }
            Some(Head { seq: Some(seq), .. }) => {
                let detail = format!("the chain ends here, but record {seq} was once its head");
                Err(self.error(VerifyErrorKind::CutTail, detail))
            }
            Some(_) => {
                let detail =
                    "the chain ends here without the head that was kept: it was cut off or rewritten";
                Err(self.error(VerifyErrorKind::CutTail, detail))
            }
        }
    }
}

fn open(segment: &Segment) -> Result<Lines, VerifyError> {
    File::open(&segment.path)
        .map(Lines::new)
        .map_err(|error| unreadable(&segment.path, Some(segment.number), error))
}

/// The number of the segment's first record; `None` when there is no whole line that a trail wrote.
fn first_seq(segment: &Segment) -> Result<Option<u64>, VerifyError> {
    let mut lines = open(segment)?;
    let step = lines.next().map_err(|error| unreadable(&segment.path, Some(segment.number), error))?;
    Ok(match step {
        Some(Step::Whole(bytes)) => Line::read(bytes).map(|line| line.seq),
        _ => None,
    })
}

/// Whether one of the segments holds this record anywhere.
fn holds(segments: &[Segment], seq: u64) -> Result<bool, VerifyError> {
    for segment in segments {
        let mut lines = open(segment)?;
        let io = |error| unreadable(&segment.path, Some(segment.number), error);
        while let Some(step) = lines.next().map_err(io)? {
            if let Step::Whole(bytes) = step
                && Line::read(bytes).is_some_and(|line| line.seq == seq)
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn unreadable(path: &Path, segment: Option<u64>, source: io::Error) -> VerifyError {
    VerifyError {
        kind: VerifyErrorKind::Io,
        seq: None,
        segment,
        detail: format!("can't read {}", path.display()),
        source: Some(source),
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use gambeson_core::{AuditEvent, AuditKind, AuditSink, Durability, Outcome, Timestamp};

    use super::*;
    use crate::{AuditTrail, Config};

    /// A trail whose second segment is listed but no longer there, as if it were dropped at this moment; the first was dropped before.
    fn while_dropping() -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::default().segment_bytes(2_048).retention(None, Some(2_048));
        let trail = AuditTrail::open(dir.path(), &config).unwrap();
        for _ in 0..40 {
            let at = Timestamp::from_unix_seconds(1_795_421_730);
            let event = AuditEvent::new(AuditKind::Application, "a", Outcome::Success, at);
            let _ = trail.record(event, Durability::Ordered);
        }
        trail.close(std::time::Duration::from_secs(20)).unwrap();
        let first = segment::list(dir.path()).unwrap().remove(0).number;
        let gone = Segment::new(dir.path(), first - 1).path;
        std::os::unix::fs::symlink("nowhere", &gone).unwrap();
        (dir, gone)
    }

    fn looked(dir: &Path, mut each: impl FnMut(usize)) -> (usize, Result<Report, VerifyError>) {
        let (mut times, options) = (0, VerifyOptions::default());
        let found = attempts(|| {
            let found = verify_once(dir, &options);
            times += 1;
            each(times);
            found
        });
        (times, found)
    }

    #[test]
    fn a_segment_that_is_dropped_meanwhile_is_looked_for_again() {
        let (dir, gone) = while_dropping();
        let (times, found) = looked(dir.path(), |times| {
            if times == 2 {
                std::fs::remove_file(&gone).unwrap();
            }
        });
        assert_eq!((times, found.unwrap().dropped_segments > 0), (3, true));
    }

    #[test]
    fn one_that_never_comes_is_an_error_and_others_are_told_at_once() {
        let (dir, gone) = while_dropping();
        let (times, found) = looked(dir.path(), |_| {});
        assert_eq!((times, found.unwrap_err().kind()), (ATTEMPTS, VerifyErrorKind::Io));
        std::fs::remove_file(&gone).unwrap();
        std::fs::write(&gone, "nonsense\n").unwrap();
        let (times, found) = looked(dir.path(), |_| {});
        assert_eq!((times, found.unwrap_err().kind()), (1, VerifyErrorKind::Edited));
    }
}
