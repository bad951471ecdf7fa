//! The folder that all data lives in: readable by its owner only, and kept out of git.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The folder, made with mode 0700; its files get mode 0600.
#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// Makes the folder when it is not there, and closes it to others when it is.
    pub fn create(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
        let dir = Self(path.to_owned());
        let ignore = dir.0.join(".gitignore");
        if !ignore.exists() {
            private_file(&ignore)?.write_all(b"*\n")?;
        }
        Ok(dir)
    }

    /// The notes' file; SQLite gives its companions the same mode.
    pub fn notes(&self) -> io::Result<PathBuf> {
        let path = self.0.join("notes.sqlite");
        private_file(&path)?;
        Ok(path)
    }

    /// The audit trail's folder.
    pub fn audit(&self) -> PathBuf {
        self.0.join("audit")
    }

    /// Where the trail's keys are, unless they are kept elsewhere.
    pub fn audit_keys(&self) -> PathBuf {
        self.0.join("audit-keys")
    }

    /// In a folder of keys: the trail's secret.
    pub fn secret(&self) -> PathBuf {
        self.0.join("secret")
    }

    /// In a folder of keys: those of the subjects, one each.
    pub fn subjects(&self) -> PathBuf {
        self.0.join("subjects")
    }

    /// Who has taken which role until when.
    pub fn activations(&self) -> PathBuf {
        self.0.join("activations.toml")
    }
}

/// A file that only its owner can read, to be appended to.
pub fn private_file(path: &Path) -> io::Result<fs::File> {
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(file)
}
