//! The directory of a trail: its segment files, their names and their permissions.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::entry::ControlRecord;
use crate::line::Line;
use crate::lines::{Lines, Step};

/// One segment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
}

impl Segment {
    pub(crate) fn new(dir: &Path, number: u64) -> Self {
        Self { number, path: dir.join(format!("trail-{number:06}.jsonl")) }
    }
}

/// The segments of `dir` in their order. Other files are not looked at.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        if let Some(number) = name.to_str().and_then(number) {
            segments.push(Segment::new(dir, number));
        }
    }
    segments.sort_by_key(|segment| segment.number);
    Ok(with_overlooked(dir, segments))
}

/// The id of the chain in `dir`, as its first segment's first line says.
pub(crate) fn instance(dir: &Path) -> Option<String> {
    let first = list(dir).ok()?.into_iter().next()?;
    let mut lines = Lines::new(File::open(first.path).ok()?);
    match lines.next() {
        Ok(Some(Step::Whole(bytes))) => ControlRecord::read(&Line::read(bytes)?)?.instance,
        _ => None,
    }
}

/// A system may list a file that was created during the listing, and overlook one that was created before it.
fn with_overlooked(dir: &Path, listed: Vec<Segment>) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::with_capacity(listed.len());
    for segment in listed {
        while let Some(next) = segments.last().map(|last| Segment::new(dir, last.number.saturating_add(1)))
            && next.number < segment.number
            && next.path.is_file()
        {
            segments.push(next);
        }
        segments.push(segment);
    }
    segments
}

fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("trail-")?.strip_suffix(".jsonl")?;
    let number = digits.parse().ok()?;
    // `trail-1.jsonl` beside `trail-000001.jsonl` must not count as a second first segment.
    (format!("{number:06}") == digits).then_some(number)
}

/// Whether a trail has files of this name beside its segments.
pub(crate) fn is_left_beside(name: &str) -> bool {
    name == "lock" || (name.starts_with("torn-") && name.ends_with(".partial"))
}

/// Creates the directory with its parents, itself for its owner only.
pub(crate) fn create_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Options under which a file that is created is for its owner only.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes the names in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

/// Whether `path` still names `file`, with the length that was written to it.
pub(crate) fn is_untouched(path: &Path, file: &File, length: u64) -> io::Result<bool> {
    let named = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let open = file.metadata()?;
        if (named.dev(), named.ino()) != (open.dev(), open.ino()) {
            return Ok(false);
        }
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(named.len() == length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_listing_overlooked_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let segment = |number| Segment::new(dir.path(), number);
        for number in [1, 2, 3, 5] {
            fs::write(segment(number).path, "").unwrap();
        }
        let listed = vec![segment(1), segment(3), segment(5), segment(u64::MAX)];
        let numbers = with_overlooked(dir.path(), listed).into_iter().map(|segment| segment.number);
        assert_eq!(numbers.collect::<Vec<_>>(), [1, 2, 3, 5, u64::MAX]);
    }

    #[test]
    fn only_one_name_stands_for_a_segment() {
        assert_eq!(number("trail-000001.jsonl"), Some(1));
        assert_eq!(number("trail-1000000.jsonl"), Some(1_000_000));
        for other in ["trail-1.jsonl", "trail-+00001.jsonl", "trail-000001.jsonl.bak", "lock"] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
