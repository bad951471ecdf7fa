//! How far a trail that is opened again finds its own signatures: for what comes after, it did not see it being written.

use crate::checkpoint::vouches;
use crate::digest::Digest;
use crate::entry::ControlRecord;
use crate::line::Line;
use crate::note::VerifyingKey;

/// The last checkpoint of a segment that says it is by a key of the trail.
///
/// It is enough to look at the last one: where it fits, so does all that it stands behind.
#[derive(Debug, Clone)]
pub(crate) struct OwnCheckpoint {
    key: VerifyingKey,
    note: String,
    seq: u64,
    prev: Digest,
    /// The first record that needs another one.
    pub(crate) until: u64,
}

impl OwnCheckpoint {
    /// Reads a record that stands behind the record with the hash `prev`, if one of these keys is named on it.
    pub(crate) fn read(line: &Line<'_>, prev: Digest, keys: &[VerifyingKey]) -> Option<Self> {
        let note = ControlRecord::read(line)?.note?;
        let key = keys.iter().find(|key| key.is_named_on(&note))?.clone();
        Some(Self { key, note, seq: line.seq, prev, until: line.seq.saturating_add(1) })
    }

    /// Takes a seal or a shutdown into account: right behind a checkpoint it needs no other.
    pub(crate) fn followed_by(&mut self, line: &Line<'_>) {
        if line.seq == self.until && matches!(line.record, "seal" | "shutdown") {
            self.until = line.seq.saturating_add(1);
        }
    }

    /// Whether the key has signed exactly the records before it.
    pub(crate) fn fits(&self, instance: &str) -> bool {
        vouches(&self.key, &self.note, instance, self.seq, &self.prev)
    }
}
