//! How long sealed segments are kept, and what stays of those that are dropped.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use gambeson_core::{ConfigProblems, Timestamp};

use crate::digest::Digest;
use crate::error::TrailError;
use crate::line::Line;
use crate::lines::{Lines, Step};
use crate::segment::Segment;

/// When sealed segments are dropped, the oldest first. Looked at when a trail is opened and when it writes.
///
/// A signed record, the tombstone, says which ones: without it the rest of the trail does not verify.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Retention {
    /// Segments are dropped so long after they were sealed. Default never; at least a minute.
    ///
    /// A clock that goes forward by more than a day is not believed before a day has passed since, by the trail's records and the
    /// monotonic clock: until then the age is measured as if it had not. A stop of more than a day looks the same, and only delays dropping. An app that never
    /// runs for a day, and rests for more than one in between, drops nothing by age: give it [`max_bytes`](Self::max_bytes).
    /// A clock that is wrong by less than a day drops as much too early.
    #[serde(with = "humantime_serde::option")]
    pub max_age: Option<Duration>,
    /// The oldest segments are dropped while the sealed ones together take more bytes. Default never; at least as many as
    /// one segment.
    pub max_bytes: Option<u64>,
}

impl Retention {
    pub(crate) fn validate(&self, segment_bytes: u64, problems: &mut ConfigProblems) {
        if let Some(age) = self.max_age.filter(|age| *age < Duration::from_secs(60)) {
            problems.add(
                "audit_trail.retention.max_age",
                format!("{age:?}"),
                "set at least 1m, or leave it out",
            );
        }
        if let Some(bytes) = self.max_bytes.filter(|bytes| *bytes < segment_bytes) {
            let cure = format!("set at least segment_bytes ({segment_bytes}), or leave it out");
            problems.add("audit_trail.retention.max_bytes", bytes.to_string(), cure);
        }
    }
}

/// A segment that is sealed.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    pub(crate) segment: Segment,
    pub(crate) bytes: u64,
    /// About when it was sealed.
    pub(crate) at: Timestamp,
    pub(crate) last_seq: u64,
    pub(crate) last_hash: Digest,
}

/// The segments that may be dropped. Empty when there is one among them of which nothing is known: then none is dropped,
/// so that the trail gets no hole.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    sealed: VecDeque<Sealed>,
    /// Nothing is known of a segment among them.
    hole: bool,
    /// The last segment that a tombstone has told.
    pub(crate) told: u64,
}

impl Archive {
    /// Looks at what comes before the segment `current`: each segment's end is named by the first line after it.
    pub(crate) fn of(segments: &[Segment], current: u64) -> Result<Self, TrailError> {
        let mut archive = Self::default();
        for pair in segments.windows(2) {
            let [segment, next] = pair else { continue };
            if segment.number >= current {
                break;
            }
            let read = |error| TrailError::io("read", &segment.path, error);
            match follower(segment, next).map_err(read)? {
                Some(sealed) => archive.sealed.push_back(sealed),
                None => return Ok(Self { hole: true, ..Self::default() }),
            }
        }
        Ok(archive)
    }

    pub(crate) fn push(&mut self, sealed: Sealed) {
        // With a hole before it nothing may be dropped.
        if !self.hole {
            self.sealed.push_back(sealed);
        }
    }

    /// About when each of them was sealed.
    pub(crate) fn times(&self) -> impl Iterator<Item = Timestamp> {
        self.sealed.iter().map(|sealed| sealed.at)
    }

    /// The segments that are too old or too many, the oldest first.
    pub(crate) fn outdated(&self, retention: &Retention, now: Timestamp) -> Vec<Sealed> {
        let mut bytes: u64 = self.sealed.iter().map(|sealed| sealed.bytes).sum();
        let mut outdated = Vec::new();
        for sealed in &self.sealed {
            let old = retention.max_age.is_some_and(|age| sealed.at.plus(age) <= now);
            let many = retention.max_bytes.is_some_and(|most| bytes > most);
            if !old && !many && sealed.segment.number > self.told {
                break;
            }
            bytes = bytes.saturating_sub(sealed.bytes);
            outdated.push(sealed.clone());
        }
        outdated
    }

    /// Deletes the oldest segment, and says how many bytes that were.
    pub(crate) fn delete_first(&mut self) -> Result<u64, TrailError> {
        let Some(first) = self.sealed.front() else {
            return Ok(0);
        };
        match fs::remove_file(&first.segment.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(TrailError::io("delete", &first.segment.path, error))
            }
            _ => Ok(self.sealed.pop_front().map_or(0, |first| first.bytes)),
        }
    }
}

/// What is known of `segment` by the first line of the `next` one.
fn follower(segment: &Segment, next: &Segment) -> io::Result<Option<Sealed>> {
    let bytes = fs::metadata(&segment.path)?.len();
    let line = first_line(&next.path)?;
    let line = Line::read(&line).filter(|line| line.record == "segment" && segment.number + 1 == next.number);
    Ok(line.and_then(|line| {
        let at = line.time()?;
        let last_hash = std::str::from_utf8(line.prev).ok()?.parse().ok()?;
        let last_seq = line.seq.checked_sub(1)?;
        Some(Sealed { segment: segment.clone(), bytes, at, last_seq, last_hash })
    }))
}

fn first_line(path: &Path) -> io::Result<Vec<u8>> {
    let mut lines = Lines::new(fs::File::open(path)?);
    Ok(match lines.next()? {
        Some(Step::Whole(bytes)) => bytes.to_vec(),
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crash within a rotation leaves one: what is sealed after it must not be dropped before what is older.
    #[test]
    fn behind_a_hole_nothing_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let segments = [1, 2].map(|number| Segment::new(dir.path(), number));
        segments.iter().for_each(|segment| fs::write(&segment.path, "").unwrap());
        let mut archive = Archive::of(&segments, 2).unwrap();
        let [segment, _] = segments;
        let at = Timestamp::default();
        archive.push(Sealed { segment, bytes: 1, at, last_seq: 1, last_hash: Digest::ZERO });
        let retention = Retention { max_age: Some(Duration::ZERO), max_bytes: Some(0) };
        assert!(archive.outdated(&retention, at).is_empty());
    }
}
