//! Installing one outside program.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::node::Node;
use crate::peer::{Kind, NODE, Peer, WHEEL_LOCK};
use crate::process;

/// A copy of the lock file that the installed folder was made from; written last.
const STAMP: &str = "installed-from.lock";

const NPM_CURE: &str = "check that npm reaches its registry (network, proxy, `npm config get registry`)";

const WHEEL_CURE: &str =
    "install one of the versions of python3 that the lock file names, with pip that reaches its index";

const NODE_CURE: &str = "install Node.js 20 or newer with npm, or python3 with pip that reaches its index";

const APT_CURE: &str = "install the program in this machine's own way: one on the PATH is taken; on Debian, check that \
                        apt reaches its archive";

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

/// Whether there is what the lock file and sources of this checkout ask for.
pub(crate) fn is_installed(peer: &Peer, root: &Path, peers: &Path) -> bool {
    let (source, folder) = (peer.source(root), peer.folder(peers));
    let locked = same(&source.join(peer.kind.lock()), &folder.join(STAMP));
    match peer.kind {
        Kind::NodeWheel => Node::of_machine().is_some() || (locked && Node::installed(&folder).is_some()),
        Kind::Wheel { program, .. } => locked && folder.join(program).is_file(),
        Kind::Npm(_) => locked && same_sources(&source, &folder) && Node::find(&peers.join(NODE)).is_some(),
        Kind::Apt(apt) => apt.is_on_machine() || (locked && apt.find(peer.name, &folder).is_some()),
    }
}

/// Installs one program, or says why it could not.
pub(crate) fn install_one(peer: &Peer, root: &Path, peers: &Path) -> Result<(), Missing> {
    let (source, folder) = (peer.source(root), peer.folder(peers));
    let missing = |why: String, cure: &str| Missing { name: peer.name, why, cure: cure.to_owned() };
    let unwritable = |error: io::Error| {
        missing(format!("cannot write {}: {error}", folder.display()), "make the target folder writable")
    };
    let lock = source.join(peer.kind.lock());
    let (installed, cure) = match peer.kind {
        Kind::NodeWheel => {
            clear(&folder).map_err(unwritable)?;
            (process::visible(&mut pip(&source, &folder)), NODE_CURE)
        }
        Kind::Wheel { .. } => {
            clear(&folder).map_err(unwritable)?;
            (process::visible(&mut pip(&source, &folder)), WHEEL_CURE)
        }
        Kind::Npm(_) => {
            let Some(node) = Node::find(&peers.join(NODE)) else {
                return Err(missing("there is no Node.js to run it".to_owned(), NODE_CURE));
            };
            copy_sources(&source, &folder).map_err(unwritable)?;
            (process::visible(&mut npm_ci(&node, &folder)), NPM_CURE)
        }
        Kind::Apt(apt) => {
            clear(&folder).map_err(unwritable)?;
            (apt.install(peer.name, &lock, &folder).map(|()| true), APT_CURE)
        }
    };
    match installed {
        Ok(true) => fs::copy(lock, folder.join(STAMP)).map(drop).map_err(unwritable),
        Ok(false) => Err(missing("its installer failed, see above".to_owned(), cure)),
        Err(error) => Err(missing(format!("{error:#}"), cure)),
    }
}

/// Unpacks the pinned wheel; a wheel holds no install scripts.
fn pip(source: &Path, folder: &Path) -> Command {
    let mut pip = process::program("python3", source);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps"]);
    pip.args(["--only-binary", ":all:", "--require-hashes", "--requirement"]).arg(WHEEL_LOCK);
    pip.arg("--target").arg(folder);
    pip
}

fn npm_ci(node: &Node, folder: &Path) -> Command {
    let mut npm = node.npm(folder);
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    npm
}

/// Removes what an earlier version left; pip writes into a new folder only.
fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
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

/// Whether every file of `source` is in `folder` too.
fn same_sources(source: &Path, folder: &Path) -> bool {
    let entries = fs::read_dir(source).into_iter().flatten().filter_map(Result::ok);
    let mut files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    files.all(|file| same(&file.path(), &folder.join(file.file_name())))
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
    }

    #[test]
    fn files_that_are_not_there_are_not_the_same() {
        assert!(!same(Path::new("no/such/file"), Path::new("no/such/file")));
    }
}
