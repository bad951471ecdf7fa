//! What others than the hashes have to say: published heads, signatures, and tombstones of what was dropped.

use super::{Verifier, open, unreadable};
use crate::checkpoint::vouches;
use crate::digest::{Digest, Head};
use crate::entry::ControlRecord;
use crate::line::Line;
use crate::lines::Step;
use crate::report::{VerifyError, VerifyErrorKind};
use crate::segment::Segment;

/// The beginning of a chain whose first segments were dropped.
pub(super) struct Base {
    pub(super) segment: u64,
    pub(super) seq: u64,
    pub(super) prev: Digest,
    /// The tombstone that tells of them.
    pub(super) told_by: Option<u64>,
    /// A checkpoint of a given key vouches for that tombstone.
    signed: bool,
}

/// How far checkpoints of a given key reach.
///
/// A checkpoint vouches for what was written since its trail was opened, and for what it found signed then. It says
/// nothing of records between the last checkpoint before a stop and the record of the start after it.
#[derive(Default)]
pub(super) struct Signed {
    /// The first record that still needs a checkpoint.
    pub(super) from: u64,
    /// The last start since then.
    start: Option<u64>,
}

impl Base {
    pub(super) fn of(segment: &Segment) -> Result<Option<Self>, VerifyError> {
        if segment.number == 1 {
            return Ok(None);
        }
        let mut lines = open(segment)?;
        let step = lines.next().map_err(|error| unreadable(&segment.path, Some(segment.number), error))?;
        let line = match &step {
            Some(Step::Whole(bytes)) => Line::read(bytes),
            _ => None,
        };
        // What can't be read is found to be so when its turn comes.
        let prev = line.and_then(|line| std::str::from_utf8(line.prev).ok()?.parse().ok());
        let (seq, prev) = line.zip(prev).map_or((0, Digest::ZERO), |(line, prev)| (line.seq, prev));
        Ok(Some(Self { segment: segment.number, seq, prev, told_by: None, signed: false }))
    }
}

impl Verifier<'_> {
    /// Picks the published heads of this chain.
    pub(super) fn anchor(&mut self, instance: &str) {
        let mine = self.options.anchored.iter().filter(|published| published.instance == instance);
        // Without its number a head could not be looked for in one reading.
        self.anchored = mine.map(|published| published.head).filter(|head| head.seq.is_some()).collect();
        self.anchored.sort_by_key(|head| std::cmp::Reverse(head.seq));
    }

    /// Holds a record against the published heads of its number.
    pub(super) fn meet_anchored(&mut self, line: &Line<'_>) -> Result<(), VerifyError> {
        while let Some(head) = self.anchored.pop_if(|head| head.seq <= Some(line.seq)) {
            if head.seq == Some(line.seq) && head.hash != line.hash {
                let detail = "the record is not the one whose head was published: this or an earlier one was rewritten";
                return Err(self.error(VerifyErrorKind::Rewritten, detail));
            }
            if head.seq == Some(line.seq) {
                self.report.anchored += 1;
                self.report.anchored_to = head.seq;
            }
        }
        Ok(())
    }

    /// What was published must be there.
    pub(super) fn anchored(&self) -> Result<(), VerifyError> {
        if let Some(seq) = self.anchored.first().and_then(|head| head.seq) {
            let detail = format!("the chain ends here, but record {seq} was published as its head");
            return Err(self.error(VerifyErrorKind::CutTail, detail));
        }
        if self.report.anchored == 0 && !self.options.anchored.is_empty() {
            let detail = format!("no published head is of this chain, {}", self.report.instance);
            return Err(self.error(VerifyErrorKind::CutTail, detail));
        }
        Ok(())
    }

    /// A tombstone that reaches to the present beginning vouches for it.
    pub(super) fn tombstone(&mut self, line: &Line<'_>) -> Result<(), VerifyError> {
        // One that nobody signed may be followed by another: after a crash before its checkpoint it is written again.
        let needed = |base: &&mut Base| match self.options.keys.is_empty() {
            true => base.told_by.is_none(),
            false => !base.signed,
        };
        let Some(base) = self.base.as_mut().filter(needed) else {
            return Ok(());
        };
        let told = ControlRecord::read(line);
        let (Some(segment), Some(seq), Some(Ok(hash))) = (
            told.as_ref().and_then(|told| told.last_segment),
            told.as_ref().and_then(|told| told.last_seq),
            told.as_ref().and_then(|told| told.last_hash.as_deref()).map(str::parse),
        ) else {
            return Ok(());
        };
        if segment + 1 < base.segment {
            return Ok(());
        }
        let end = Head { seq: Some(seq), hash };
        // A crash may have left some of the segments that were to go: then their own end must fit.
        let left = self.report.segments.iter().find(|left| left.number == segment);
        let fits = match left {
            Some(left) => left.head == end,
            None => {
                segment + 1 == base.segment && base.seq.checked_sub(1) == end.seq && base.prev == end.hash
            }
        };
        if fits {
            base.told_by = Some(line.seq);
            return Ok(());
        }
        let detail = "the tombstone's segments ended otherwise than what is left begins";
        Err(self.error(VerifyErrorKind::Missing, detail))
    }

    /// What is not there at the beginning must have been dropped by the trail itself.
    pub(super) fn beginning(&mut self) -> Result<(), VerifyError> {
        let Some(base) = &self.base else {
            return Ok(());
        };
        let missing =
            |kind, detail: String| VerifyError { kind, seq: Some(0), segment: Some(1), detail, source: None };
        let last = base.segment - 1;
        let Some(told_by) = base.told_by else {
            let detail =
                format!("segments 1 to {last} are not there, and no tombstone says that they were dropped");
            return Err(missing(VerifyErrorKind::Missing, detail));
        };
        if !self.options.keys.is_empty() && !base.signed {
            let detail = format!(
                "segments 1 to {last} are not there, and no checkpoint vouches for their tombstone, record {told_by}"
            );
            return Err(missing(VerifyErrorKind::BadSignature, detail));
        }
        self.report.dropped_segments = last;
        self.report.dropped_records = base.seq;
        Ok(())
    }

    pub(super) fn checkpoint(&mut self, line: &Line<'_>) -> Result<(), VerifyError> {
        self.report.checkpoints += 1;
        if self.options.keys.is_empty() {
            return Ok(());
        }
        let note = ControlRecord::read(line).and_then(|record| record.note).unwrap_or_default();
        let (instance, prev) = (&self.report.instance, &self.prev);
        if !self.options.keys.iter().any(|key| vouches(key, &note, instance, line.seq, prev)) {
            let detail = "the checkpoint is not signed by a given key, or is one of another chain or place";
            return Err(self.error(VerifyErrorKind::BadSignature, detail));
        }
        self.report.signed = line.seq.checked_sub(1);
        let Signed { from, start } = std::mem::take(&mut self.signed);
        let seen = start.unwrap_or(from);
        self.few_unsigned(from, seen)?;
        if seen > from {
            self.report.unsigned += seen - from;
            self.report.first_unsigned.get_or_insert(from);
        }
        if let Some(base) = &mut self.base {
            base.signed |= base.told_by.is_some_and(|told_by| told_by >= seen);
        }
        self.signed.from = line.seq.saturating_add(1);
        Ok(())
    }

    /// Whoever has no key can write records behind the last checkpoint, but not what the trail only writes signed.
    /// No later checkpoint mends that.
    pub(super) fn signatures(&mut self, line: &Line<'_>) -> Result<(), VerifyError> {
        match line.record {
            // The other start stands behind a shutdown, which is signed or found below.
            "recovery" => self.signed.start = Some(line.seq),
            "seal" | "shutdown" if self.last != "checkpoint" && !self.options.keys.is_empty() => {
                let detail = "from here on no checkpoint is signed by a given key, though the trail was sealed or closed";
                let first = Some(self.signed.from);
                return Err(VerifyError { seq: first, ..self.error(VerifyErrorKind::BadSignature, detail) });
            }
            // Right behind a checkpoint these say nothing that would need another one.
            "seal" | "shutdown" | "segment" => self.signed.from = line.seq.saturating_add(1),
            _ => {}
        }
        Ok(())
    }

    /// More records without a checkpoint than a crash leaves were written by somebody who has no key.
    fn few_unsigned(&self, from: u64, until: u64) -> Result<(), VerifyError> {
        let (records, most) = (until.saturating_sub(from), self.options.max_unsigned);
        if self.options.keys.is_empty() || records <= most {
            return Ok(());
        }
        let detail = format!(
            "no checkpoint vouches for {records} records from here on, and a crash leaves at most {most} so: somebody wrote them \
             while the app was stopped, unless it signs less often"
        );
        Err(VerifyError { seq: Some(from), ..self.error(VerifyErrorKind::Unsigned, detail) })
    }

    /// Nor does an app that runs leave more at the end.
    pub(super) fn signed_to_the_end(&self) -> Result<(), VerifyError> {
        self.few_unsigned(self.signed.from, self.next)
    }

    /// With a key at hand, a trail without any signature is not taken for one that is too young.
    pub(super) fn signed_at_all(&self) -> Result<(), VerifyError> {
        if self.options.keys.is_empty() || self.report.signed.is_some() {
            return Ok(());
        }
        let detail = "no checkpoint is signed by a given key";
        let first = Some(self.signed.from);
        Err(VerifyError { seq: first, ..self.error(VerifyErrorKind::BadSignature, detail) })
    }
}
