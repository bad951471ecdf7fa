//! The one that writes: appends records to the open segment, syncs it, and begins the next one.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Clock, Timestamp};

use crate::checkpoint::Signer;
use crate::digest::{Digest, Head};
use crate::disk::Disk;
use crate::error::{TrailError, TrailErrorKind};
use crate::retention::{Archive, Retention, Sealed};
use crate::segment::{self, Segment};
use crate::trail_time::TrailTime;
use crate::{encode, line, telemetry};

/// The open end of a chain.
#[derive(Debug)]
pub(crate) struct Appender {
    pub(crate) dir: PathBuf,
    pub(crate) instance: String,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) signer: Option<Signer>,
    /// How many records no key of the trail had signed when it was opened.
    pub(crate) found_unsigned: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) segment: Segment,
    pub(crate) file: File,
    /// Bytes of the open segment that hold whole records.
    pub(crate) length: u64,
    /// The segments that may be dropped some day.
    pub(crate) archive: Archive,
    /// The time by which they grow old.
    pub(crate) time: TrailTime,
    /// Bytes of the sealed segments.
    pub(crate) sealed: u64,
    /// The end of what was written.
    pub(crate) written: End,
    /// The end of what waits in the buffer.
    pub(crate) pending: End,
    pub(crate) buffer: Vec<u8>,
    /// A sync failed: the system may have dropped the pages, so no later sync proves anything.
    pub(crate) unsyncable: bool,
    /// How often the disk was asked to sync.
    pub(crate) syncs: u64,
}

/// Where a chain ends: the next sequence number and the hash that it has to name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) next: u64,
    pub(crate) prev: Digest,
    /// Records before this one need no further checkpoint.
    pub(crate) signed: u64,
}

impl End {
    pub(crate) const fn new(next: u64, prev: Digest) -> Self {
        Self { next, prev, signed: next }
    }

    const fn unsigned(&self) -> u64 {
        self.next.saturating_sub(self.signed)
    }
}

impl Appender {
    /// Puts a record into the buffer and returns its sequence number.
    pub(crate) fn push(&mut self, members: &str) -> u64 {
        self.open_segment();
        self.append(members)
    }

    /// Puts the segment's first record into the buffer, unless it is written.
    pub(crate) fn open_segment(&mut self) {
        if self.length == 0 && self.buffer.is_empty() {
            let opening = match self.segment.number {
                1 => encode::genesis(self.clock.now(), &self.instance),
                number => encode::segment(self.clock.now(), &self.instance, number),
            };
            self.append(&opening);
        }
    }

    fn append(&mut self, members: &str) -> u64 {
        let End { next, prev, signed } = self.pending;
        let hash = line::append(&mut self.buffer, next, &prev, members);
        self.pending = End { next: next.saturating_add(1), prev: hash, signed };
        next
    }

    /// Signs the chain up to here, if there is a key and anything unsigned.
    pub(crate) fn checkpoint(&mut self) {
        if self.signer.is_none() || self.pending.unsigned() == 0 {
            return;
        }
        // The opening of a segment that was just begun stands before the checkpoint: it has to be in what is signed.
        self.open_segment();
        let Some(signer) = &self.signer else { return };
        let End { next, prev, .. } = self.pending;
        let members = encode::checkpoint(self.clock.now(), &signer.note(&self.instance, next, &prev));
        self.append(&members);
        self.pending.signed = self.pending.next;
    }

    /// Whether more was found unsigned than a crash leaves.
    pub(crate) fn found_too_many(&self) -> bool {
        self.signer.as_ref().is_some_and(|signer| self.found_unsigned > signer.most_unsigned())
    }

    /// Signs if so many records are unsigned that it has to be.
    pub(crate) fn checkpoint_if_full(&mut self) {
        if self.signer.as_ref().is_some_and(|signer| signer.is_full(self.pending.unsigned())) {
            self.checkpoint();
        }
    }

    /// How long until what is written but unsigned has to be signed; `None` when there is nothing to sign.
    pub(crate) fn checkpoint_due_in(&self) -> Option<Duration> {
        let signer = self.signer.as_ref().filter(|_| self.written.unsigned() > 0)?;
        Some(signer.due_in(self.clock.monotonic()))
    }

    /// Writes the buffer. On an error nothing of it is in the file and in the chain.
    pub(crate) fn commit(&mut self) -> Result<(), TrailError> {
        let result = self.write_buffer();
        match result {
            Ok(()) => {
                self.length += self.buffer.len() as u64;
                if self.pending.signed != self.written.signed
                    && let Some(signer) = &mut self.signer
                {
                    signer.signed(self.clock.monotonic());
                }
                self.written = self.pending;
            }
            Err(_) => self.pending = self.written,
        }
        self.buffer.clear();
        result
    }

    fn write_buffer(&mut self) -> Result<(), TrailError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let path = &self.segment.path;
        let untouched = segment::is_untouched(path, &self.file, self.length)
            .map_err(|error| TrailError::io("look at", path, error))?;
        if !untouched {
            let detail = format!("{} was removed, replaced or changed by somebody else", path.display());
            return Err(TrailError::new(TrailErrorKind::Replaced, detail));
        }
        self.file.write_all(&self.buffer).map_err(|error| {
            // Should this fail too, the length no longer fits and every later write is refused.
            let _ = self.file.set_len(self.length);
            TrailError::io("write", path, error)
        })
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&mut self) -> Result<(), TrailError> {
        if self.unsyncable {
            let detail = "an earlier sync failed: restart to go on from what is on the disk";
            return Err(TrailError::new(TrailErrorKind::Io, detail));
        }
        self.syncs += 1;
        self.disk.sync(&self.file).map_err(|error| {
            self.unsyncable = true;
            TrailError::io("sync", &self.segment.path, error)
        })
    }

    /// Whether the segment has reached its size.
    pub(crate) fn is_full(&self) -> bool {
        self.length + self.buffer.len() as u64 >= self.segment_bytes
    }

    /// Bytes of all segments, with those that wait in the buffer.
    pub(crate) fn total(&self) -> u64 {
        self.sealed + self.length + self.buffer.len() as u64
    }

    /// Seals the segment and begins the next one.
    ///
    /// The next file comes first and the seal second: so a crash leaves an empty file, never a seal whose
    /// successor looks deleted.
    pub(crate) fn rotate(&mut self) -> Result<(), TrailError> {
        let next = Segment::new(&self.dir, self.segment.number + 1);
        let file = create(&next)?;
        segment::sync_dir(&self.dir).map_err(|error| TrailError::io("sync", &self.dir, error))?;
        self.checkpoint();
        let now = self.clock.now();
        self.push(&encode::seal(now, next.number));
        self.commit()?;
        let synced = self.sync();
        self.sealed += self.length;
        let sealed = std::mem::replace(&mut self.segment, next);
        let End { next, prev, .. } = self.written;
        let last_seq = next.saturating_sub(1);
        self.archive.push(Sealed { segment: sealed, bytes: self.length, at: now, last_seq, last_hash: prev });
        self.length = 0;
        self.file = file;
        synced
    }

    /// Drops sealed segments that are too old or too many: first a tombstone is on the disk, then they go.
    /// Whether any went.
    pub(crate) fn drop_outdated(&mut self, retention: &Retention) -> Result<bool, TrailError> {
        // What can't be synced can't be told for sure, and is not told over and over again.
        if self.unsyncable {
            return Ok(false);
        }
        let now = self.present(retention);
        let outdated = self.archive.outdated(retention, now);
        let (Some(first), Some(last)) = (outdated.first(), outdated.last()) else {
            return Ok(false);
        };
        if last.segment.number > self.archive.told {
            self.push(&encode::tombstone(self.clock.now(), first.segment.number, last));
            self.checkpoint();
            self.commit()?;
            self.sync()?;
            self.archive.told = last.segment.number;
        }
        for _ in &outdated {
            self.sealed = self.sealed.saturating_sub(self.archive.delete_first()?);
        }
        segment::sync_dir(&self.dir).map_err(|error| TrailError::io("sync", &self.dir, error))?;
        Ok(true)
    }

    /// The time by which segments grow old; tells when the clock is not believed.
    fn present(&mut self, retention: &Retention) -> Timestamp {
        let now = self.time.now(&*self.clock);
        if let (Some(ahead), Some(_)) = (self.time.newly_ahead(), retention.max_age) {
            telemetry::leapt(ahead);
        }
        now
    }

    /// The last record that was written; `None` before the first.
    pub(crate) fn head(&self) -> Option<Head> {
        Some(Head { seq: Some(self.written.next.checked_sub(1)?), hash: self.written.prev })
    }
}

/// Creates the file of a segment, or opens the empty one that a crash left.
pub(crate) fn create(segment: &Segment) -> Result<File, TrailError> {
    let file = segment::private()
        .create(true)
        .read(true)
        .append(true)
        .open(&segment.path)
        .map_err(|error| TrailError::io("create", &segment.path, error))?;
    match file.metadata().map(|metadata| metadata.len()) {
        Ok(0) => Ok(file),
        Ok(_) => {
            let detail = format!("{} is there already and not empty", segment.path.display());
            Err(TrailError::new(TrailErrorKind::Replaced, detail))
        }
        Err(error) => Err(TrailError::io("look at", &segment.path, error)),
    }
}
