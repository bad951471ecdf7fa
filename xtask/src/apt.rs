//! Debian packages, unpacked below the target folder: no root, no install scripts.
//!
//! What is trusted: apt checks every package against the archive's signed index. The lock file pins versions with
//! hashes on top of that, and a package of a locked version with another hash is refused. An archive replaces versions
//! with security updates and then has the locked one no longer: its newer version is taken and said aloud, so that an
//! update of a browser breaks nobody's build; `cargo xtask peers lock <name>` pins it again.

mod archive;
mod lock;
mod unpacked;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::process;
use archive::{Archive, Package, Status};
use lock::Lock;

/// The lock file beside a peer's other sources.
pub(crate) const LOCK: &str = "packages.lock";

/// A program of Debian's archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Apt {
    /// What is asked for; the first one gives the version.
    pub(crate) packages: &'static [&'static str],
    /// Names under which a machine may have the program itself; a machine's own comes first, as with Node.js.
    pub(crate) machine: &'static [&'static str],
    /// The program below the unpacked root.
    pub(crate) program: &'static str,
    /// A variable that it needs, with a path below the unpacked root.
    pub(crate) variable: Option<(&'static str, &'static str)>,
}

impl Apt {
    /// The machine's own program, else the one that was unpacked into `folder`.
    pub(crate) fn find(&self, name: &str, folder: &Path) -> Option<PathBuf> {
        let own = self.machine.iter().find_map(|name| process::on_path(name));
        own.or_else(|| Some(unpacked::launcher(name, folder)).filter(|launcher| launcher.is_file()))
    }

    /// Whether the machine has the program itself.
    pub(crate) fn is_on_machine(&self) -> bool {
        self.machine.iter().any(|name| process::on_path(name).is_some())
    }

    /// Downloads what the machine lacks for the program, and unpacks it into `folder`.
    pub(crate) fn install(&self, name: &str, lock: &Path, folder: &Path) -> Result<()> {
        let locked = Lock::read(lock)?;
        let archive = Archive::open(folder)?;
        let wanted = archive.closure(self.packages, Status::Machine)?;
        announce(&wanted);
        if let Some(moved) = locked.moved_on(&wanted) {
            println!("{moved}\n  pin it: cargo xtask peers lock {name}");
        }
        let downloads = folder.join("packages");
        fs::create_dir_all(&downloads)?;
        for (file, sha256) in archive.download(&wanted, &downloads)? {
            locked.check(&file, &sha256)?;
            unpacked::extract(&file, folder)?;
        }
        fs::remove_dir_all(&downloads)?;
        archive.forget()?;
        unpacked::write_launcher(self, name, folder)?;
        let launcher = unpacked::launcher(name, folder);
        if !process::starts(process::program(&launcher.to_string_lossy(), folder).arg("--version")) {
            bail!("it was unpacked but does not start: `{} --version`", launcher.display());
        }
        Ok(())
    }

    /// Writes the lock file anew from what the archive has now; returns the program's version.
    pub(crate) fn lock(&self, name: &str, lock: &Path, scratch: &Path) -> Result<String> {
        let archive = Archive::open(scratch)?;
        let closure = archive.closure(self.packages, Status::Nothing)?;
        archive.forget()?;
        fs::write(lock, Lock::of(&closure).text(name))?;
        let first = self.packages.first().copied().unwrap_or_default();
        let version =
            closure.into_iter().find(|package| package.name == first).map(|package| package.version);
        Ok(version.unwrap_or_default())
    }
}

fn announce(wanted: &[Package]) {
    let bytes: u64 = wanted.iter().map(|package| package.bytes).sum();
    let tenths = bytes / 100_000;
    println!("  {} Debian packages, {}.{} MB to download", wanted.len(), tenths / 10, tenths % 10);
}
