//! What the trail asks of the disk, so that a test can count, hold or refuse it.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

/// Makes what was written durable, and knows how much room there is.
pub(crate) trait Disk: Send + Sync + fmt::Debug {
    /// Returns when the bytes of `file` are on stable storage.
    fn sync(&self, file: &File) -> io::Result<()>;

    /// How many bytes an ordinary user may still write below `dir`; `None` where the system does not say.
    fn free(&self, dir: &Path) -> io::Result<Option<u64>>;
}

/// The disk that the system knows.
#[derive(Debug)]
pub(crate) struct SystemDisk;

impl Disk for SystemDisk {
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    #[cfg(unix)]
    fn free(&self, dir: &Path) -> io::Result<Option<u64>> {
        let found = rustix::fs::statvfs(dir)?;
        Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
    }

    #[cfg(not(unix))]
    fn free(&self, _: &Path) -> io::Result<Option<u64>> {
        Ok(None)
    }
}
