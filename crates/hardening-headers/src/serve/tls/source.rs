//! Where certificates and keys are read from.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{TlsError, TlsErrorKind};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// The longest path that is told whole, in characters.
const TOLD: usize = 128;

/// A file, which is read again at each [`Tls::reload`](super::Tls::reload), or its bytes. A text is a path; PEM in its place is refused, and
/// not repeated.
#[derive(Clone)]
pub struct TlsSource(Kind);

#[derive(Clone)]
enum Kind {
    File(PathBuf),
    Bytes(Arc<[u8]>),
}

/// What was read, and from where.
pub(super) struct Part {
    pub(super) bytes: Arc<[u8]>,
    pub(super) place: Arc<str>,
    /// Every user of this machine can do something with the file.
    pub(super) others_may: bool,
}

impl TlsSource {
    pub(super) fn read(&self, what: &'static str) -> Result<Part, TlsError> {
        match &self.0 {
            Kind::Bytes(bytes) => {
                Ok(Part { bytes: Arc::clone(bytes), place: what.into(), others_may: false })
            }
            Kind::File(path) if is_content(path) => Err(TlsError::new(
                TlsErrorKind::Malformed,
                &what.into(),
                "is PEM, or a text of several lines, where the path of a file is asked for; write it to a file, or give its bytes",
            )),
            Kind::File(path) => {
                let place: Arc<str> = format!("{what} {}", told(path)).into();
                let unreadable = |problem: &dyn fmt::Display| {
                    TlsError::new(TlsErrorKind::Unreadable, &place, format!("can't be read: {problem}"))
                };
                let mut bytes = Vec::new();
                let file = File::open(path).map_err(|error| unreadable(&error))?;
                let others_may = others_may(&file);
                file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
                if bytes.len() as u64 > LARGEST {
                    return Err(unreadable(&"it is larger than 1 MiB"));
                }
                Ok(Part { bytes: bytes.into(), place, others_may })
            }
        }
    }
}

#[cfg(unix)]
fn others_may(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|file| file.mode() & 0o007 != 0)
}

#[cfg(not(unix))]
fn others_may(_: &File) -> bool {
    false
}

/// Whether this is what a file should hold, and no path. Then it may be a key.
fn is_content(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.contains("-----BEGIN") || text.contains(['\n', '\r'])
}

/// The path as messages say it: of a long one the end.
pub(super) fn told(path: &Path) -> String {
    if is_content(path) {
        return "(no path)".to_owned();
    }
    let text = path.to_string_lossy();
    let length = text.chars().count();
    if length <= TOLD {
        return text.into_owned();
    }
    std::iter::once('…').chain(text.chars().skip(length - TOLD / 2)).collect()
}

impl From<PathBuf> for TlsSource {
    fn from(path: PathBuf) -> Self {
        Self(Kind::File(path))
    }
}

impl From<&Path> for TlsSource {
    fn from(path: &Path) -> Self {
        Self(Kind::File(path.to_owned()))
    }
}

impl From<&str> for TlsSource {
    fn from(path: &str) -> Self {
        Self(Kind::File(path.into()))
    }
}

impl From<Vec<u8>> for TlsSource {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Kind::Bytes(bytes.into()))
    }
}

impl From<&[u8]> for TlsSource {
    fn from(bytes: &[u8]) -> Self {
        Self(Kind::Bytes(bytes.into()))
    }
}

impl fmt::Debug for TlsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::File(path) => f.debug_tuple("TlsSource").field(&told(path)).finish(),
            Kind::Bytes(_) => f.write_str("TlsSource(bytes)"),
        }
    }
}
