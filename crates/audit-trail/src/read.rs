//! Reading a trail: from the beginning, or its newest records.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use crate::entry::Entry;
use crate::error::{TrailError, TrailErrorKind};
use crate::filter::Filter;
use crate::keys::FieldKeys;
use crate::line::Line;
use crate::lines::{self, Lines, Step};
use crate::segment::{self, Segment};

/// The records of a trail from the oldest to the newest; see [`read`].
#[derive(Debug)]
pub struct Entries {
    segments: std::vec::IntoIter<Segment>,
    open: Option<(Segment, Lines)>,
    filter: Filter,
    keys: Option<FieldKeys>,
}

/// Reads the trail in `dir`, newest last, also while an app writes to it.
///
/// Each line's own hash is checked; whether the lines belong together is [`verify`](crate::verify())'s to say. A torn
/// line at the end is left out. After an error the iterator ends.
///
/// # Errors
/// The directory can't be listed; while iterating, a file can't be read or holds a line that was changed.
pub fn read(dir: impl AsRef<Path>, filter: Filter) -> Result<Entries, TrailError> {
    let dir = dir.as_ref();
    let segments = segment::list(dir).map_err(|error| TrailError::io("list", dir, error))?;
    Ok(Entries { segments: segments.into_iter(), open: None, filter, keys: None })
}

/// Like [`read`], and opens what is sealed. The filter's subject is found among sealed and keyed names too.
///
/// # Errors
/// As [`read`]; while iterating also as [`FieldKeys::open`].
pub fn read_with_keys(
    dir: impl AsRef<Path>,
    filter: Filter,
    keys: &FieldKeys,
) -> Result<Entries, TrailError> {
    Ok(Entries { keys: Some(keys.clone()), ..read(dir, filter)? })
}

impl Entries {
    fn advance(&mut self) -> Result<Option<Entry>, TrailError> {
        loop {
            if self.open.is_none() {
                let Some(segment) = self.segments.next() else {
                    return Ok(None);
                };
                let file = File::open(&segment.path)
                    .map_err(|error| TrailError::io("open", &segment.path, error))?;
                self.open = Some((segment, Lines::new(file)));
            }
            let Some((segment, lines)) = &mut self.open else {
                continue;
            };
            let step = lines.next().map_err(|error| TrailError::io("read", &segment.path, error))?;
            match step {
                Some(Step::Whole(bytes)) => {
                    let entry = parse(segment, bytes, self.keys.as_ref())?;
                    if self.filter.takes(&entry, self.keys.as_ref()) {
                        return Ok(Some(entry));
                    }
                }
                Some(Step::Torn(_)) | None => self.open = None,
            }
        }
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, TrailError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if let Some(Err(_)) = next {
            self.open = None;
            self.segments = Vec::new().into_iter();
        }
        next
    }
}

/// The newest `most` records that `filter` takes, newest last; only the end of the trail is read.
///
/// # Errors
/// The files can't be read, or hold a line that was changed.
pub fn tail(dir: impl AsRef<Path>, filter: &Filter, most: usize) -> Result<Vec<Entry>, TrailError> {
    newest(dir.as_ref(), filter, most, u64::MAX, None)
}

/// Like [`tail`], and opens what is sealed; see [`read_with_keys`].
///
/// # Errors
/// As [`tail`] and [`FieldKeys::open`].
pub fn tail_with_keys(
    dir: impl AsRef<Path>,
    filter: &Filter,
    most: usize,
    keys: &FieldKeys,
) -> Result<Vec<Entry>, TrailError> {
    newest(dir.as_ref(), filter, most, u64::MAX, Some(keys))
}

/// Like [`tail`], but gives up after `budget` bytes.
pub(crate) fn newest(
    dir: &Path,
    filter: &Filter,
    most: usize,
    mut budget: u64,
    keys: Option<&FieldKeys>,
) -> Result<Vec<Entry>, TrailError> {
    let segments = segment::list(dir).map_err(|error| TrailError::io("list", dir, error))?;
    let mut found = Vec::new();
    let mut wrong = None;
    for segment in segments.iter().rev() {
        if found.len() >= most {
            break;
        }
        let io = |error| TrailError::io("read", &segment.path, error);
        let mut file = File::open(&segment.path).map_err(io)?;
        let flow = lines::backwards(&mut file, &mut budget, |bytes| {
            let mut ended = false;
            match parse(segment, bytes, keys) {
                Ok(entry) if filter.takes(&entry, keys) => found.push(entry),
                Ok(entry) => ended = filter.ends_at(entry.seq()),
                Err(error) => wrong = Some(error),
            }
            match ended || found.len() >= most || wrong.is_some() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        if flow.map_err(io)?.is_break() {
            break;
        }
    }
    found.reverse();
    match wrong {
        Some(error) => Err(error),
        None => Ok(found),
    }
}

fn parse(segment: &Segment, bytes: &[u8], keys: Option<&FieldKeys>) -> Result<Entry, TrailError> {
    let line = Line::read(bytes);
    let mut entry = line.and_then(|line| Entry::read(&line).ok()).ok_or_else(|| {
        let detail = format!(
            "{} holds a line that no trail wrote; run `gambeson audit verify`",
            segment.path.display()
        );
        TrailError::new(TrailErrorKind::Damaged, detail)
    })?;
    if let (Entry::Event(event), Some(keys)) = (&mut entry, keys) {
        keys.open(event)?;
    }
    Ok(entry)
}
