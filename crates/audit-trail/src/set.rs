//! The trails of several instances of one service, side by side.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::report::{Report, VerifyError};
use crate::segment;
use crate::verify::{VerifyOptions, verify};

/// What the verification of several trails found.
#[derive(Debug)]
#[non_exhaustive]
pub struct SetReport {
    /// Each directory with what was found in it, in the order given.
    pub trails: Vec<(PathBuf, Result<Report, VerifyError>)>,
    /// The ids of chains of which heads were published, but which are in none of the directories.
    pub missing: Vec<String>,
}

impl SetReport {
    /// Whether every trail is whole, and none is missing.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.trails.iter().all(|(_, found)| found.is_ok())
    }
}

/// Verifies one trail after the other: each instance of a service has a directory of its own, since a chain has one writer.
///
/// [`VerifyOptions::head`] is a head of one chain: give [`VerifyOptions::anchored`] here.
pub fn verify_set(dirs: impl IntoIterator<Item = impl Into<PathBuf>>, options: &VerifyOptions) -> SetReport {
    let dirs = dirs.into_iter().map(Into::into);
    let trails: Vec<(PathBuf, _)> = dirs.map(|dir| (dir.clone(), verify(dir, options))).collect();
    let mut missing: BTreeSet<&str> =
        options.anchored.iter().map(|published| published.instance.as_str()).collect();
    for (dir, found) in &trails {
        match found {
            Ok(report) => drop(missing.remove(report.instance.as_str())),
            // A damaged chain is there all the same.
            Err(_) => drop(segment::instance(dir).map(|instance| missing.remove(instance.as_str()))),
        }
    }
    let missing = missing.into_iter().map(str::to_owned).collect();
    SetReport { trails, missing }
}

/// The directories of trails directly below `parent`, by name; `parent` itself where it is one.
///
/// A directory without segments is among them unless it holds something that no trail leaves: somebody may have deleted them, which
/// [`verify_set`] tells. So is one that can't be listed.
///
/// # Errors
/// `parent` can't be listed.
pub fn trails_in(parent: impl AsRef<Path>) -> io::Result<Vec<PathBuf>> {
    let parent = parent.as_ref();
    if !segment::list(parent)?.is_empty() {
        return Ok(vec![parent.to_path_buf()]);
    }
    let mut dirs = Vec::new();
    for entry in std::fs::read_dir(parent)? {
        let path = entry?.path();
        if path.is_dir() && !is_foreign(&path).unwrap_or(false) {
            dirs.push(path);
        }
    }
    dirs.sort();
    Ok(dirs)
}

/// Whether there is no segment, and something that is no trail's.
fn is_foreign(dir: &Path) -> io::Result<bool> {
    if !segment::list(dir)?.is_empty() {
        return Ok(false);
    }
    let names: Vec<OsString> =
        std::fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    Ok(names.iter().any(|name| !segment::is_left_beside(&name.to_string_lossy())))
}
