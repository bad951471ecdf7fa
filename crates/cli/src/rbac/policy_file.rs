//! Policies as files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use gambeson_core::escape_controls;
use gambeson_rbac::Policy;

use crate::outcome::Outcome;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// The text of a file, or why it is none.
pub(super) fn text(path: &Path) -> Result<String, Outcome> {
    let unreadable = |why: &str| Outcome::failed(3, format!("can't read {}: {why}", shown(path)));
    let read = |path: &Path| {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let mut bytes = Vec::new();
        file.take(LONGEST + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read(path).map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => unreadable("there is no such file"),
        io::ErrorKind::IsADirectory => unreadable("it is a directory; name the file in it"),
        _ => unreadable(&error.to_string()),
    })?;
    if bytes.len() as u64 > LONGEST {
        return Err(unreadable("it is longer than 16 MiB; is it the right file?"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        unreadable(&format!("it is no text, byte {at} is not UTF-8; is it the right file?"))
    })?;
    match text.find('\0') {
        Some(at) => Err(unreadable(&format!("it is no text, byte {at} is zero; is it the right file?"))),
        None => Ok(text),
    }
}

/// The policy of a file.
pub(super) fn policy(path: &Path) -> Result<Policy, Outcome> {
    // Its findings are escaped already, each on a line of its own.
    Policy::parse(&text(path)?).map_err(|error| Outcome::failed(1, format!("{}: {error}", shown(path))))
}

pub(super) fn shown(path: &Path) -> String {
    escape_controls(&path.display().to_string()).into_owned()
}
