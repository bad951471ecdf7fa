//! Secrets in mounted files.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use gambeson_core::{Answer, ConfigError, ConfigProblems, Profile, SecretError, SecretErrorKind, SecretRef};
use zeroize::Zeroizing;

use super::{Fetched, ReadContext, SecretStore, asks_for_current};
use crate::allow::is_plain;
use crate::telemetry;
use crate::wiped::wiped;

/// How often a file is tried that is being replaced under the reader.
const TRIES: u32 = 4;

/// Reads `file://<root>/<path>` from directories that are declared by name: Kubernetes and Docker mounts, systemd credentials.
///
/// A Kubernetes mount swaps all its files at once by a symbolic link (`..data`); each read follows it anew and reads one whole
/// generation, and a file that changes under the reader is read again. What leads out of its root, by `..` or by a link, is
/// refused; a link to another secret of the root needs that one to be on the allow list too. So is a file that others
/// may read, in production, and one that is larger than the cap. One line end at the end of a text is not part of the secret.
///
/// Who writes such files by other means should rename a whole new one into place: of one that is emptied and filled again, a
/// part may be read, and be a rotation, before the rest is there. A Kubernetes `subPath` mount never changes.
///
/// Files are looked at again at a random point in 60 to 80 % of [`FileStore::poll_every`]. They are small and on a mount of
/// this machine: they are read in the refresher's task, without a thread of their own.
#[derive(Debug, Clone)]
pub struct FileStore {
    roots: BTreeMap<Box<str>, PathBuf>,
    poll_every: Duration,
    max_bytes: u64,
    verbatim: bool,
    world_readable: bool,
}

impl FileStore {
    /// A store without roots: 64 KiB a file at most, looked at every 10 s.
    #[must_use]
    pub fn new() -> Self {
        Self {
            roots: BTreeMap::new(),
            poll_every: Duration::from_secs(10),
            max_bytes: 64 << 10,
            verbatim: false,
            world_readable: false,
        }
    }

    /// With the directory that `file://<name>/…` means.
    #[must_use]
    pub fn root(mut self, name: &str, directory: impl Into<PathBuf>) -> Self {
        self.roots.insert(name.into(), directory.into());
        self
    }

    /// With the directory of the service's credentials (`CREDENTIALS_DIRECTORY`, by systemd) as the root `credentials`.
    ///
    /// # Errors
    /// The variable is not set, or no absolute path.
    pub fn credentials_directory(self) -> Result<Self, ConfigError> {
        const NAME: &str = "CREDENTIALS_DIRECTORY";
        match std::env::var_os(NAME).map(PathBuf::from).filter(|path| path.is_absolute()) {
            Some(directory) => Ok(self.root("credentials", directory)),
            None => {
                Err(ConfigError::one(NAME, "", "start the service with LoadCredential=, or declare a root"))
            }
        }
    }

    /// Looks at files that often. A rotation is signalled within this time. Default 10 s.
    #[must_use]
    pub fn poll_every(self, interval: Duration) -> Self {
        Self { poll_every: interval, ..self }
    }

    /// The largest file that is read, in bytes. Default 64 KiB.
    #[must_use]
    pub fn max_bytes(self, bytes: u64) -> Self {
        Self { max_bytes: bytes, ..self }
    }

    /// Keeps a line end at the end of a text: for a secret that has one.
    #[must_use]
    pub fn verbatim(self) -> Self {
        Self { verbatim: true, ..self }
    }

    /// Takes files that every user of the machine may read or write, in production too. Warned about at start.
    #[must_use]
    pub fn dangerously_accept_world_readable(self) -> Self {
        Self { world_readable: true, ..self }
    }

    fn read(&self, reference: &SecretRef, profile: Profile) -> Result<Fetched, SecretError> {
        let (name, path) =
            reference.location().split_once('/').ok_or_else(|| not_found("it names no file"))?;
        let root = self.roots.get(name).ok_or_else(|| not_found("no root of that name is declared"))?;
        if !asks_for_current(reference) {
            return Err(not_found("a file has its current version only"));
        }
        let plain = |segment: &str| !segment.is_empty() && segment != "." && !segment.starts_with("..");
        if !path.split('/').all(plain) {
            return Err(refused("its path climbs, or names what a mount keeps for itself"));
        }
        for _ in 1..TRIES {
            match self.attempt(root, path, profile) {
                Ok(Some(found)) => return Ok(found.under(name)),
                // Replaced while it was read, or between the link and the file: at once again.
                Ok(None) => {}
                Err(error) if error.kind() == SecretErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let last = self.attempt(root, path, profile)?;
        last.map(|found| found.under(name))
            .ok_or_else(|| unavailable("the file keeps changing while it is read"))
    }

    fn attempt(&self, root: &Path, path: &str, profile: Profile) -> Result<Option<Found>, SecretError> {
        let root = fs::canonicalize(root).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => not_found("the directory of its root is not there: is it mounted?"),
            _ => of_io(&error),
        })?;
        let file = fs::canonicalize(root.join(path)).map_err(|error| of_io(&error))?;
        let inside = file.strip_prefix(&root).map_err(|_| refused("it leads out of its root"))?;
        // Looked at before it is opened too: opening a pipe would wait for its writer.
        self.check_file(&fs::metadata(&file).map_err(|error| of_io(&error))?, profile)?;
        let opened = File::open(&file).map_err(|error| of_io(&error))?;
        let before = opened.metadata().map_err(|error| of_io(&error))?;
        self.check_file(&before, profile)?;
        let Some(mut bytes) = read_whole(&opened, before.len()).map_err(|error| of_io(&error))? else {
            return Ok(None);
        };
        let after = opened.metadata().map_err(|error| of_io(&error))?;
        if after.len() != before.len() || after.modified().ok() != before.modified().ok() {
            return Ok(None);
        }
        if !self.verbatim {
            drop_line_end(&mut bytes);
        }
        match bytes.is_empty() {
            true => Err(unavailable("the file is empty")),
            false => Ok(Some(Found { bytes, place: place(inside) })),
        }
    }

    fn check_file(&self, file: &Metadata, profile: Profile) -> Result<(), SecretError> {
        if !file.is_file() {
            return Err(refused("it is no regular file"));
        }
        if file.len() > self.max_bytes {
            return Err(refused("the file is larger than the cap"));
        }
        match profile.is_production() && !self.world_readable && others_may(file) {
            true => Err(refused(
                "others may read or write the file: chmod o-rwx, or defaultMode: 0400 of the mount",
            )),
            false => Ok(()),
        }
    }
}

impl Default for FileStore {
    fn default() -> Self {
        Self::new()
    }
}

impl SecretStore for FileStore {
    fn fetch(&self, reference: &SecretRef, context: &ReadContext) -> Answer<Result<Fetched, SecretError>> {
        Answer::Ready(self.read(reference, context.profile))
    }

    fn refresh_every(&self) -> Option<Duration> {
        Some(self.poll_every)
    }

    fn check(&self, _: Profile) -> Result<(), ConfigError> {
        let mut problems = ConfigProblems::new();
        for (name, directory) in self.roots.iter().filter(|(_, directory)| !directory.is_absolute()) {
            let field = format!("secrets.file-roots.{name}");
            problems.add(field, directory.display().to_string(), "write an absolute path");
        }
        for name in self.roots.keys().filter(|name| name.contains('/') || !is_plain(name)) {
            let cure = "write one word, which references then start with: file://<name>/…";
            problems.add("secrets.file-roots", &**name, cure);
        }
        if self.max_bytes == 0 {
            problems.add("secrets.file.max-bytes", "0", "write more than zero");
        }
        if self.poll_every.is_zero() {
            problems.add("secrets.file-poll-every", "0", "write more than zero");
        }
        if self.world_readable {
            telemetry::world_readable_accepted();
        }
        problems.check()
    }
}

/// What was read, and where it really lay, beneath its root.
struct Found {
    bytes: Zeroizing<Vec<u8>>,
    place: String,
}

impl Found {
    fn under(self, root: &str) -> Fetched {
        Fetched::new(wiped(self.bytes)).resolved(format!("{root}/{}", self.place))
    }
}

/// The path without the directories of a mount's generations (`..data`, `..2026_11_24_…`), which change with each swap.
fn place(inside: &Path) -> String {
    let names = inside.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_string_lossy()),
        _ => None,
    });
    names.filter(|name| !name.starts_with("..")).collect::<Vec<_>>().join("/")
}

/// The file's bytes in a buffer that never moves; `None` when it is longer or shorter than it was.
fn read_whole(mut file: &File, length: u64) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let length = usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut buffer = Zeroizing::new(vec![0; length.saturating_add(1)]);
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(length);
    Ok((filled == length).then_some(buffer))
}

fn drop_line_end(bytes: &mut Vec<u8>) {
    if std::str::from_utf8(bytes).is_ok() && bytes.pop_if(|last| *last == b'\n').is_some() {
        bytes.pop_if(|last| *last == b'\r');
    }
}

#[cfg(unix)]
fn others_may(file: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.mode() & 0o007 != 0
}

#[cfg(not(unix))]
fn others_may(_: &Metadata) -> bool {
    false
}

fn of_io(error: &io::Error) -> SecretError {
    let kind = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => SecretErrorKind::NotFound,
        io::ErrorKind::PermissionDenied => SecretErrorKind::Denied,
        _ => SecretErrorKind::Unavailable,
    };
    SecretError::new(kind).with_source(error.kind().to_string())
}

fn not_found(why: &'static str) -> SecretError {
    SecretError::new(SecretErrorKind::NotFound).with_source(why)
}

fn refused(why: &'static str) -> SecretError {
    SecretError::new(SecretErrorKind::Denied).with_source(why)
}

fn unavailable(why: &'static str) -> SecretError {
    SecretError::new(SecretErrorKind::Unavailable).with_source(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests may run as a user whom permissions don't stop: no file tells.
    #[test]
    fn what_the_system_says_is_put_in_our_words() {
        for (said, kind) in [
            (io::ErrorKind::PermissionDenied, SecretErrorKind::Denied),
            (io::ErrorKind::NotFound, SecretErrorKind::NotFound),
            (io::ErrorKind::NotADirectory, SecretErrorKind::NotFound),
            (io::ErrorKind::StaleNetworkFileHandle, SecretErrorKind::Unavailable),
        ] {
            assert_eq!(of_io(&said.into()).kind(), kind, "{said}");
        }
    }

    #[test]
    fn one_line_end_is_dropped_of_texts_only() {
        let kept = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            drop_line_end(&mut bytes);
            bytes
        };
        assert_eq!(kept(b"a\n\n"), b"a\n");
        assert_eq!(kept(b"a\r\n"), b"a");
        assert_eq!(kept(b"a\r"), b"a\r");
        assert_eq!(kept(b"\xff\n"), b"\xff\n");
    }
}
