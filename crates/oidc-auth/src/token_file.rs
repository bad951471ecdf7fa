//! A token that a platform keeps in a file, such as Kubernetes' projected service account token.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 64 << 10;

/// The file's text, without what surrounds it.
///
/// # Errors
/// In words for operators: the file and what is wrong with it, never what it holds.
pub(crate) fn read_token(path: &Path) -> Result<String, String> {
    let wrong = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    let file = File::open(path).map_err(|error| wrong(&error))?;
    let mut text = String::new();
    // A file of a few kilobytes in memory: reading it takes less than handing it to another thread.
    let length = file.take(LARGEST + 1).read_to_string(&mut text).map_err(|error| wrong(&error.kind()))?;
    if length as u64 > LARGEST {
        return Err(wrong(&format_args!("larger than {LARGEST} bytes, so it is no token")));
    }
    Ok(text.trim().to_owned())
}
