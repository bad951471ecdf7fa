//! Opening a directory: a new chain, or going on with the one that is there after any kind of stop.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use gambeson_core::{Clock, Entropy, Timestamp};

use crate::appender::{Appender, End};
use crate::checkpoint::Signer;
use crate::digest::Digest;
use crate::disk::Disk;
use crate::entry::ControlRecord;
use crate::error::{TrailError, TrailErrorKind};
use crate::line::Line;
use crate::lines::{Lines, Step};
use crate::note::VerifyingKey;
use crate::retention::Archive;
use crate::segment::{self, Segment};
use crate::signed::OwnCheckpoint;
use crate::trail_time::TrailTime;
use crate::{appender, encode, telemetry};

/// The versions of the format that can be gone on with and verified.
pub(crate) const FORMATS: RangeInclusive<u32> = 1..=3;

/// More bytes than a checkpoint and the seal behind it have.
const MOST_OF_SIGNED_SEAL: u64 = 8 << 10;

/// What the whole lines of a segment say.
struct Scan {
    /// Bytes of the whole lines.
    whole: u64,
    /// Bytes after them, without a newline.
    torn: u64,
    /// What the first line follows; `None` when there is no whole line.
    begin: Option<End>,
    /// The end of the chain; `None` when there is no whole line.
    end: Option<End>,
    /// The last checkpoint by a key of the trail.
    own: Option<OwnCheckpoint>,
    /// Whether there is a checkpoint, whoever signed it.
    signed: bool,
    /// When the trail's own records were written: those that no event's sender dates.
    times: Vec<Timestamp>,
    /// The type of the last record.
    last: String,
    instance: String,
}

/// What a chain is opened with.
pub(crate) struct Parts {
    pub(crate) segment_bytes: u64,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) signer: Option<Signer>,
    /// Keys that signed before the signer's.
    pub(crate) previous: Vec<VerifyingKey>,
}

impl Parts {
    /// Whose checkpoints are the trail's own; none when nobody signs.
    fn own_keys(&self) -> Vec<VerifyingKey> {
        let signer = self.signer.iter().map(|signer| signer.public().clone());
        let previous = self.previous.iter().filter(|_| self.signer.is_some());
        signer.chain(previous.cloned()).collect()
    }
}

/// Opens the chain in `dir` for writing and records that it did.
pub(crate) fn open(dir: &Path, parts: Parts, entropy: &dyn Entropy) -> Result<Appender, TrailError> {
    let segments = segment::list(dir).map_err(|error| TrailError::io("list", dir, error))?;
    let mut sealed = 0;
    for segment in segments.iter().rev().skip(1) {
        sealed += fs::metadata(&segment.path)
            .map_err(|error| TrailError::io("look at", &segment.path, error))?
            .len();
    }
    let keys = &parts.own_keys();
    let start = match segments.as_slice() {
        [] => Start::new_chain(Segment::new(dir, 1), entropy)?,
        [only] => Start::only(only, scan(only, keys)?, entropy)?,
        [.., before, last] => match scan(last, keys)? {
            scan if scan.end.is_none() => {
                let earlier = self::scan(before, keys)?;
                if earlier.last == "seal" {
                    Start::empty(last, scan.torn, earlier)
                } else if scan.torn == 0 {
                    // The next file was there, the seal was not yet: as if it had not begun.
                    fs::remove_file(&last.path)
                        .map_err(|error| TrailError::io("remove", &last.path, error))?;
                    sealed = sealed.saturating_sub(earlier.whole + earlier.torn);
                    Start::going_on(before, earlier)?
                } else {
                    return Err(damaged(last, "it was begun before its predecessor was sealed"));
                }
            }
            scan => Start::going_on(last, scan)?,
        },
    };
    let unsigned = match keys.as_slice() {
        [] => start.refuse_signed(&segments).map(|()| 0),
        keys => start.unsigned(&segments, keys),
    }?;
    let archive = Archive::of(&segments, start.segment.number)?;
    start.finish(dir, parts, sealed, archive, unsigned)
}

/// From where the chain goes on.
struct Start {
    segment: Segment,
    whole: u64,
    torn: u64,
    begin: End,
    end: End,
    own: Option<OwnCheckpoint>,
    signed: bool,
    times: Vec<Timestamp>,
    instance: String,
    note: Note,
}

#[derive(PartialEq)]
enum Note {
    Nothing,
    Resumed,
    Recovery,
}

impl Start {
    fn new_chain(segment: Segment, entropy: &dyn Entropy) -> Result<Self, TrailError> {
        let mut random = [0; 16];
        entropy.fill(&mut random).map_err(|error| TrailError::new(TrailErrorKind::Io, error.to_string()))?;
        Ok(Self {
            segment,
            whole: 0,
            torn: 0,
            begin: End::new(0, Digest::ZERO),
            end: End::new(0, Digest::ZERO),
            own: None,
            signed: false,
            times: Vec::new(),
            instance: random.iter().map(|byte| format!("{byte:02x}")).collect(),
            note: Note::Nothing,
        })
    }

    /// The only segment: without a whole line nothing was ever committed, and the chain begins here.
    fn only(segment: &Segment, scan: Scan, entropy: &dyn Entropy) -> Result<Self, TrailError> {
        if scan.end.is_some() {
            return Self::going_on(segment, scan);
        }
        if segment.number != 1 {
            return Err(damaged(segment, "it holds no record, and the segments before it are missing"));
        }
        Ok(Self { torn: scan.torn, note: Note::Recovery, ..Self::new_chain(segment.clone(), entropy)? })
    }

    fn empty(segment: &Segment, torn: u64, earlier: Scan) -> Self {
        let end = earlier.end.unwrap_or(End::new(0, Digest::ZERO));
        Self {
            segment: segment.clone(),
            whole: 0,
            torn,
            begin: end,
            end,
            // It is in the segment before, and looked for there.
            own: None,
            signed: earlier.signed,
            // With a segment of which nothing is known nothing is dropped.
            times: Vec::new(),
            instance: earlier.instance,
            note: Note::Recovery,
        }
    }

    fn going_on(segment: &Segment, scan: Scan) -> Result<Self, TrailError> {
        if scan.last == "seal" {
            return Err(damaged(segment, "it is sealed, but the segment after it is missing"));
        }
        let end = scan.end.ok_or_else(|| damaged(segment, "it holds no record"))?;
        let clean = scan.last == "shutdown" && scan.torn == 0;
        Ok(Self {
            segment: segment.clone(),
            whole: scan.whole,
            torn: scan.torn,
            begin: scan.begin.unwrap_or(end),
            end,
            own: scan.own,
            signed: scan.signed,
            times: scan.times,
            instance: scan.instance,
            note: if clean { Note::Resumed } else { Note::Recovery },
        })
    }

    /// A trail that was signed and goes on unsigned would not verify any more, whoever signs it later.
    fn refuse_signed(&self, segments: &[Segment]) -> Result<(), TrailError> {
        if !self.signed && !self.before(segments).map_or(Ok(false), ends_signed)? {
            return Ok(());
        }
        let detail = format!(
            "the trail of {} holds signed checkpoints, and no key to sign with is given: give the key, or begin a new directory",
            self.segment.path.display()
        );
        Err(TrailError::new(TrailErrorKind::Signing, detail))
    }

    fn before<'s>(&self, segments: &'s [Segment]) -> Option<&'s Segment> {
        segments.iter().find(|segment| segment.number + 1 == self.segment.number)
    }

    /// How many records at the end no key of the trail has signed. Looks into two segments at most: each seal stands
    /// behind a checkpoint.
    fn unsigned(&self, segments: &[Segment], keys: &[VerifyingKey]) -> Result<u64, TrailError> {
        let own = match (&self.own, self.before(segments)) {
            (None, Some(before)) => self.own_of(before, keys)?,
            (own, _) => own.clone(),
        };
        let Some(own) = own else {
            // The first checkpoint is written with the genesis: a crash leaves that alone, and nothing behind it.
            return match self.end.next {
                0 | 1 => Ok(self.end.next),
                _ => Err(never_signed(&self.segment, keys)),
            };
        };
        match own.fits(&self.instance) {
            true => Ok(self.end.next.saturating_sub(own.until)),
            false => Err(damaged(
                &self.segment,
                "the last checkpoint by the trail's key is not over the records that stand before it: they were rewritten",
            )),
        }
    }

    /// The last own checkpoint of the segment before, which this one must go on from.
    fn own_of(&self, before: &Segment, keys: &[VerifyingKey]) -> Result<Option<OwnCheckpoint>, TrailError> {
        let scan = scan(before, keys)?;
        if scan.end.is_none_or(|end| (end.next, end.prev) != (self.begin.next, self.begin.prev)) {
            return Err(damaged(&self.segment, "it does not go on from the segment before it"));
        }
        let mut own = scan.own;
        // Behind that checkpoint and its seal comes the opening of this segment.
        if let Some(own) = own.as_mut().filter(|own| own.until == self.begin.next) {
            own.until += 1;
        }
        Ok(own)
    }

    fn finish(
        self,
        dir: &Path,
        parts: Parts,
        sealed: u64,
        archive: Archive,
        unsigned: u64,
    ) -> Result<Appender, TrailError> {
        let set_aside = match self.torn {
            0 => None,
            _ => Some(self.set_aside(dir)?),
        };
        let file = match self.whole {
            0 => appender::create(&self.segment)?,
            _ => segment::private()
                .read(true)
                .append(true)
                .open(&self.segment.path)
                .map_err(|error| TrailError::io("open", &self.segment.path, error))?,
        };
        let mut time = TrailTime::default();
        archive.times().chain(self.times).for_each(|at| time.read(at));
        let mut appender = Appender {
            dir: dir.to_path_buf(),
            instance: self.instance,
            clock: parts.clock,
            disk: parts.disk,
            signer: parts.signer,
            found_unsigned: unsigned,
            segment_bytes: parts.segment_bytes,
            segment: self.segment,
            file,
            length: self.whole,
            archive,
            time,
            sealed,
            written: self.end,
            pending: self.end,
            buffer: Vec::new(),
            unsyncable: false,
            syncs: 0,
        };
        let now = appender.clock.now();
        match self.note {
            Note::Nothing => appender.open_segment(),
            Note::Resumed => drop(appender.push(&encode::resumed(now, unsigned))),
            Note::Recovery => {
                let torn = set_aside.as_ref().map(|(name, digest)| (name.as_str(), self.torn, *digest));
                appender.push(&encode::recovery(now, unsigned, torn));
            }
        }
        if unsigned > 0 {
            telemetry::unsigned(unsigned);
        }
        appender.checkpoint();
        appender.commit()?;
        appender.sync()?;
        segment::sync_dir(dir).map_err(|error| TrailError::io("sync", dir, error))?;
        Ok(appender)
    }

    /// Moves the torn end of the segment into a file of its own, durably, before it is cut off.
    fn set_aside(&self, dir: &Path) -> Result<(String, Digest), TrailError> {
        let path = &self.segment.path;
        let move_it = || {
            let mut file = segment::private().read(true).write(true).open(path)?;
            let mut torn = Vec::new();
            file.seek(SeekFrom::Start(self.whole))?;
            Read::by_ref(&mut file).take(self.torn).read_to_end(&mut torn)?;
            // With its digest in its name, so that a second crash here overwrites nothing else than the same bytes.
            let digest = Digest::of(&torn);
            let short: String = digest.to_string().chars().take(16).collect();
            let name = format!("torn-{}-{}-{short}.partial", self.segment.number, self.end.next);
            let mut aside =
                segment::private().create(true).truncate(true).write(true).open(dir.join(&name))?;
            aside.write_all(&torn)?;
            aside.sync_all()?;
            file.set_len(self.whole)?;
            file.sync_all()?;
            Ok((name, digest))
        };
        move_it().map_err(|error| TrailError::io("set aside the torn end of", path, error))
    }
}

fn scan(segment: &Segment, keys: &[VerifyingKey]) -> Result<Scan, TrailError> {
    let path = &segment.path;
    let file = File::open(path).map_err(|error| TrailError::io("open", path, error))?;
    let mut lines = Lines::new(file);
    let mut scan = Scan {
        whole: 0,
        torn: 0,
        begin: None,
        end: None,
        own: None,
        signed: false,
        times: Vec::new(),
        last: String::new(),
        instance: String::new(),
    };
    loop {
        match lines.next().map_err(|error| TrailError::io("read", path, error))? {
            None => return Ok(scan),
            Some(Step::Torn(bytes)) => scan.torn = bytes.len() as u64,
            Some(Step::Whole(bytes)) => scan.add(segment, bytes, keys)?,
        }
    }
}

impl Scan {
    fn add(&mut self, segment: &Segment, bytes: &[u8], keys: &[VerifyingKey]) -> Result<(), TrailError> {
        let line = Line::read(bytes).ok_or_else(|| damaged(segment, "a line was changed"))?;
        match self.end {
            Some(end) if line.seq != end.next || !line.follows(&end.prev) => {
                return Err(damaged(segment, "its records do not follow one another"));
            }
            Some(end) => self.look_for_own(&line, end.prev, keys),
            None => {
                let opening = ControlRecord::read(&line).filter(|opening| {
                    matches!(opening.record.as_str(), "genesis" | "segment")
                        && opening.format.is_some_and(|format| FORMATS.contains(&format))
                        && opening.segment == Some(segment.number)
                });
                let instance = opening.and_then(|opening| opening.instance);
                self.instance =
                    instance.ok_or_else(|| damaged(segment, "its first record is not the segment's"))?;
                self.begin = Some(End::new(line.seq, line.prev_digest()));
            }
        }
        self.end = Some(End::new(line.seq.saturating_add(1), line.hash));
        self.whole += bytes.len() as u64 + 1;
        if line.record != "event" {
            self.times.extend(line.time());
        }
        line.record.clone_into(&mut self.last);
        Ok(())
    }

    fn look_for_own(&mut self, line: &Line<'_>, prev: Digest, keys: &[VerifyingKey]) {
        let is_checkpoint = line.record == "checkpoint";
        self.signed |= is_checkpoint;
        if is_checkpoint && let Some(found) = OwnCheckpoint::read(line, prev, keys) {
            self.own = Some(found);
        } else if let Some(own) = &mut self.own {
            own.followed_by(line);
        }
    }
}

/// Whether the segment's seal stands behind a checkpoint. Looks at its end only: that a trail without signatures was signed is
/// nothing that needs all of it.
fn ends_signed(segment: &Segment) -> Result<bool, TrailError> {
    let read = || {
        let mut file = File::open(&segment.path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(MOST_OF_SIGNED_SEAL)))?;
        let mut end = Vec::new();
        file.take(MOST_OF_SIGNED_SEAL).read_to_end(&mut end)?;
        let before_seal = end.split(|byte| *byte == b'\n').rev().nth(2);
        Ok(before_seal.and_then(Line::read).is_some_and(|line| line.record == "checkpoint"))
    };
    read().map_err(|error| TrailError::io("read", &segment.path, error))
}

fn never_signed(segment: &Segment, keys: &[VerifyingKey]) -> TrailError {
    let given: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let detail = format!(
        "{} goes on from no checkpoint of {}: after a change of keys name the previous public key; a trail that was begun \
         without a key can't be signed later, begin a new directory; if it was signed by this key, its signatures were taken \
         out: keep it as evidence",
        segment.path.display(),
        given.join(" or ")
    );
    TrailError::new(TrailErrorKind::Signing, detail)
}

fn damaged(segment: &Segment, what: &str) -> TrailError {
    let detail = format!(
        "{} is damaged: {what}; run `gambeson audit verify`, keep the directory as evidence and start with another one",
        segment.path.display()
    );
    TrailError::new(TrailErrorKind::Damaged, detail)
}
