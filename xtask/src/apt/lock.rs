//! The lock file of Debian packages: names, versions, hashes, and no address.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::archive::Package;

/// How many changed packages are named before they are only counted.
const NAMED: usize = 5;

/// What the packages were when the lock file was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lock {
    entries: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    version: String,
    architecture: String,
    sha256: String,
}

impl Lock {
    /// Reads the file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no lock file", path.display()))
    }

    /// Reads lines of `name version architecture sha256`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let entries = lines.map(|line| match line.split(' ').collect::<Vec<_>>().as_slice() {
            [name, version, architecture, sha256] if sha256.len() == 64 => Ok(Entry {
                name: (*name).to_owned(),
                version: (*version).to_owned(),
                architecture: (*architecture).to_owned(),
                sha256: (*sha256).to_owned(),
            }),
            _ => bail!("`{line}` is not `name version architecture sha256`"),
        });
        Ok(Self { entries: entries.collect::<Result<_>>()? })
    }

    /// The lock of these packages.
    pub(crate) fn of(packages: &[Package]) -> Self {
        let entry = |package: &Package| Entry {
            name: package.name.clone(),
            version: package.version.clone(),
            architecture: package.architecture.clone(),
            sha256: package.sha256.clone(),
        };
        Self { entries: packages.iter().map(entry).collect() }
    }

    /// The file's text.
    pub(crate) fn text(&self, name: &str) -> String {
        let mut text = format!("# Debian packages; written by `cargo xtask peers lock {name}`.\n");
        for Entry { name, version, architecture, sha256 } in &self.entries {
            let _ = writeln!(text, "{name} {version} {architecture} {sha256}");
        }
        text
    }

    /// The locked version of a package.
    pub(crate) fn version(&self, name: &str) -> Option<&str> {
        self.entries.iter().find(|entry| entry.name == name).map(|entry| entry.version.as_str())
    }

    /// What the archive has in other versions than the locked ones, for people; `None`: nothing.
    pub(crate) fn moved_on(&self, packages: &[Package]) -> Option<String> {
        let changed: Vec<&Package> =
            packages.iter().filter(|package| self.version(&package.name) != Some(&package.version)).collect();
        if changed.is_empty() {
            return None;
        }
        let mut text = format!(
            "  {} of them are not the locked versions: the archive moved on, or is of another release; taken as its \
             signed index has them:",
            changed.len()
        );
        for package in changed.iter().take(NAMED) {
            let locked = self.version(&package.name).unwrap_or("nothing");
            let _ = write!(text, "\n    {}: {locked} is locked, {} is there", package.name, package.version);
        }
        if changed.len() > NAMED {
            let _ = write!(text, "\n    and {} more", changed.len() - NAMED);
        }
        Some(text)
    }

    /// Refuses a downloaded file that has a locked name, version and architecture, but other bytes.
    pub(crate) fn check(&self, file: &Path, sha256: &str) -> Result<()> {
        let name = file.file_name().unwrap_or_default().to_string_lossy().replace("%3a", ":");
        let locked = self
            .entries
            .iter()
            .find(|entry| name == format!("{}_{}_{}.deb", entry.name, entry.version, entry.architecture));
        match locked {
            Some(entry) if entry.sha256 != sha256 => {
                bail!("{name} has the hash {sha256}, the lock file has {}: it was not unpacked", entry.sha256)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package {
            name: name.into(),
            version: version.into(),
            architecture: "amd64".into(),
            bytes: 1,
            sha256: "a".repeat(64),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let lock = Lock::of(&[package("wrk", "1:4.1.0-3"), package("libx", "2")]);
        assert_eq!(Lock::parse(&lock.text("wrk")).expect("parses"), lock);
        assert_eq!(lock.version("wrk"), Some("1:4.1.0-3"));
        assert!(Lock::parse("wrk 4.1.0\n").is_err());
    }

    #[test]
    fn an_archive_that_moved_on_is_told() {
        let lock = Lock::of(&[package("wrk", "1"), package("libx", "2")]);
        assert_eq!(lock.moved_on(&[package("wrk", "1")]), None);
        let told = lock.moved_on(&[package("wrk", "2"), package("liby", "1")]).expect("told");
        assert!(told.contains("wrk: 1 is locked, 2 is there"), "{told}");
        assert!(told.contains("liby: nothing is locked, 1 is there"), "{told}");
    }

    #[test]
    fn other_bytes_under_a_locked_version_are_refused() {
        let lock = Lock::of(&[package("wrk", "1:4")]);
        assert!(lock.check(Path::new("x/wrk_1%3a4_amd64.deb"), &"a".repeat(64)).is_ok());
        assert!(lock.check(Path::new("x/wrk_1%3a4_amd64.deb"), &"b".repeat(64)).is_err());
        assert!(
            lock.check(Path::new("x/wrk_1%3a5_amd64.deb"), &"b".repeat(64)).is_ok(),
            "the index vouches for it"
        );
    }
}
