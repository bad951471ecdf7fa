//! A trail's secret in a file of its own.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use gambeson_core::{Entropy, SecretBytes, SystemEntropy};

use super::{FieldKeys, hex};
use crate::error::TrailError;
use crate::segment;

impl FieldKeys {
    /// Keyed digests under the secret in the file at `path`; if there is none, it is made of 32 random bytes, for its owner only.
    ///
    /// For an app that has no other place for secrets: keep the file on another volume than the trail, and keep it. With
    /// another secret nobody finds anybody in what was recorded before. A file that is there is never replaced, and of two processes that make
    /// it at once both have the same secret.
    ///
    /// # Errors
    /// [`Keys`](crate::TrailErrorKind::Keys): the file can't be read or made, in a folder that exists, or is too short.
    pub fn in_file(path: impl AsRef<Path>) -> Result<Self, TrailError> {
        let path = path.as_ref();
        let secret = read_or_make(path).map_err(|error| {
            TrailError::keys(&format!("read or make the secret in {}", path.display()), error)
        })?;
        Self::new(&secret)
    }
}

fn read_or_make(path: &Path) -> io::Result<SecretBytes> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path)?,
        other => return other.map(SecretBytes::new),
    }
    fs::read(path).map(SecretBytes::new)
}

/// Whole or not there, whenever the machine stops.
fn make(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut random = [0; 48];
    SystemEntropy::new().fill(&mut random).map_err(io::Error::other)?;
    let (name, secret) = random.split_at(16);
    let beside = folder.join(format!("new-{}", hex::encode(name)));
    let mut file = segment::private().create_new(true).write(true).open(&beside)?;
    let written = file.write_all(secret).and_then(|()| file.sync_all());
    // A link, unlike a new name, replaces nothing.
    let named = written.and_then(|()| fs::hard_link(&beside, path));
    fs::remove_file(&beside)?;
    match named {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        // Also if another process has made it: its name may not be durable yet.
        _ => segment::sync_dir(folder),
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn it_is_made_once_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let fingerprint = || FieldKeys::in_file(&path).unwrap().fingerprint().to_owned();
        let all: Vec<_> = thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(fingerprint)).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(all.iter().all(|one| *one == all[0]) && fingerprint() == all[0], "{all:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside");
        assert_eq!(fs::read(&path).unwrap().len(), 32);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn what_is_there_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "too short").unwrap();
        assert!(FieldKeys::in_file(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"too short");
        #[cfg(unix)]
        {
            // As where the volume behind it is not mounted.
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(folder.path().join("gone/secret"), &link).unwrap();
            let error = FieldKeys::in_file(&link).unwrap_err().to_string();
            assert!(error.contains("can't read or make the secret in "), "{error}");
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        }
    }
}
