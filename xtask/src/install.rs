//! Installing one outside program.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use crate::peer::{Kind, Peer};
use crate::process;

/// A copy of the lock file that the installed folder was made from; written last.
const STAMP: &str = "installed-from.lock";

/// An outside program that could not be had, why, and what to do about it.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) name: &'static str,
    pub(crate) why: String,
    pub(crate) cure: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  cure: {}", self.name, self.why, self.cure)
    }
}

/// Whether the installed folder was made from the lock file and script of this checkout.
pub(crate) fn is_installed(peer: &Peer, root: &Path, peers: &Path) -> bool {
    let (source, folder) = (peer.source(root), peer.folder(peers));
    match peer.kind {
        Kind::Npm => {
            can_run("node")
                && same(&source.join("package-lock.json"), &folder.join(STAMP))
                && same(&source.join("server.mjs"), &folder.join("server.mjs"))
        }
    }
}

/// Installs one program, or says why it could not.
pub(crate) fn install_one(peer: &Peer, root: &Path, peers: &Path) -> Result<(), Missing> {
    match peer.kind {
        Kind::Npm => install_npm(peer, &peer.source(root), &peer.folder(peers)),
    }
}

fn install_npm(peer: &Peer, source: &Path, folder: &Path) -> Result<(), Missing> {
    let missing = |why: String, cure: &str| Missing { name: peer.name, why, cure: cure.to_owned() };
    for tool in ["node", "npm"] {
        if !can_run(tool) {
            let cure = "install Node.js 20 or newer (with npm), then run `cargo xtask peers install`";
            return Err(missing(format!("`{tool}` is not on the PATH"), cure));
        }
    }
    let unwritable = |error: io::Error| {
        missing(format!("cannot write {}: {error}", folder.display()), "make the target folder writable")
    };
    copy_sources(source, folder).map_err(unwritable)?;
    let mut npm = process::program("npm", folder);
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    match process::visible(&mut npm) {
        Ok(true) => {
            fs::copy(source.join("package-lock.json"), folder.join(STAMP)).map(drop).map_err(unwritable)
        }
        Ok(false) => Err(missing(
            "`npm ci` failed, see above".to_owned(),
            "check that npm reaches its registry (network, proxy, `npm config get registry`), then run `cargo xtask peers install`",
        )),
        Err(error) => Err(missing(format!("{error:#}"), "check that npm works: `npm --version`")),
    }
}

/// Copies the files of `source` (there are no folders in it) and forgets an earlier stamp.
fn copy_sources(source: &Path, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    match fs::remove_file(folder.join(STAMP)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), folder.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn can_run(tool: &str) -> bool {
    process::succeeds(process::program(tool, Path::new(".")).arg("--version"))
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_copied_and_the_stamp_is_forgotten() {
        let dir = tempfile::tempdir().expect("a folder");
        let (source, folder) = (dir.path().join("source"), dir.path().join("installed"));
        fs::create_dir_all(source.join("node_modules")).expect("a folder");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(source.join("server.mjs"), "new").expect("a file");
        fs::write(folder.join("server.mjs"), "old").expect("a file");
        fs::write(folder.join(STAMP), "{}").expect("a file");
        copy_sources(&source, &folder).expect("copied");
        assert!(same(&source.join("server.mjs"), &folder.join("server.mjs")));
        assert!(!folder.join(STAMP).exists());
        assert!(!folder.join("node_modules").exists());
    }

    #[test]
    fn a_missing_program_is_told_with_its_cure() {
        let missing = Missing { name: "p", why: "no network".into(), cure: "connect".into() };
        assert_eq!(missing.to_string(), "p: no network\n  cure: connect");
        assert!(!can_run("a-program-that-nobody-has"));
    }

    #[test]
    fn files_that_are_not_there_are_not_the_same() {
        assert!(!same(Path::new("no/such/file"), Path::new("no/such/file")));
    }
}
