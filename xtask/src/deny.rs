//! `cargo xtask deny`: licences, bans, sources and advisories of the dependencies, by cargo-deny.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::workspace::Workspace;

const VERSION: &str = "0.20.2";

/// Names an archive of the RustSec advisory list, for machines that cannot fetch the live one.
const ARCHIVE: &str = "GAMBESON_ADVISORY_DB";

/// Read by `deny.toml`: where advisory lists are kept.
const FOLDER: &str = "GAMBESON_ADVISORY_DBS";

/// What cargo-deny calls its clone of the default list.
const CLONE: &str = "advisory-db-3157b0e258782691";

/// Where the advisories come from in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Advisories {
    Live,
    Archive,
    None,
}

/// Checks the dependencies with the best advisory list that can be had.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let deny = Deny {
        program: cargo_deny(workspace)?,
        root: &workspace.root,
        lists: workspace.target.join("advisory-dbs"),
    };
    let archive = workspace.path_from_env(ARCHIVE);
    match deny.obtain(archive.as_deref())? {
        Advisories::Live => process::visible(deny.command().args(["check"])),
        Advisories::Archive => {
            println!(
                "advisories: the live list cannot be had; checking against the archive that {ARCHIVE} names"
            );
            // The offline check sees all platforms' crates, also those that this machine never built.
            let fetched = process::visible(process::cargo(deny.root).args(["fetch", "--locked", "--quiet"]))?;
            Ok(fetched && process::visible(deny.command().args(["--offline", "check"]))?)
        }
        Advisories::None => {
            let passed = process::visible(deny.command().args(["check", "bans", "licenses", "sources"]));
            println!(
                "\n!!! ADVISORIES WERE NOT CHECKED: the live list cannot be had and {ARCHIVE} names no archive."
            );
            println!(
                "!!! cure: give this machine access to the RustSec list, or set {ARCHIVE} to a .tar.xz of it.\n"
            );
            passed
        }
    }
}

struct Deny<'a> {
    program: PathBuf,
    root: &'a Path,
    lists: PathBuf,
}

impl Deny<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(self.root).env(FOLDER, &self.lists);
        command.args(["--workspace", "--all-features"]);
        command
    }

    /// The live list if it can be had now, else the archive.
    fn obtain(&self, archive: Option<&Path>) -> Result<Advisories> {
        let clone = self.lists.join(CLONE);
        // Made by an earlier run out of an archive: it has no remote to update from.
        if clone.exists()
            && !process::succeeds(process::program("git", &clone).args(["remote", "get-url", "origin"]))
        {
            fs::remove_dir_all(&clone).with_context(|| format!("cannot remove {}", clone.display()))?;
        }
        if process::succeeds(self.command().args(["fetch", "db"])) {
            return Ok(Advisories::Live);
        }
        let Some(archive) = archive else { return Ok(Advisories::None) };
        if clone.exists() {
            fs::remove_dir_all(&clone).with_context(|| format!("cannot remove {}", clone.display()))?;
        }
        unpack(archive, &clone)?;
        Ok(Advisories::Archive)
    }
}

/// Makes the git repository that cargo-deny expects out of an archive of its files.
fn unpack(archive: &Path, clone: &Path) -> Result<()> {
    fs::create_dir_all(clone).with_context(|| format!("cannot create {}", clone.display()))?;
    process::output(process::program("tar", clone).arg("-xf").arg(archive))?;
    let identity =
        ["-c", "user.name=xtask", "-c", "user.email=xtask@localhost", "-c", "commit.gpgsign=false"];
    for words in
        [&["init", "--quiet"][..], &["add", "--all"], &["commit", "--quiet", "--message", "advisory list"]]
    {
        process::output(process::program("git", clone).args(identity).args(words))?;
    }
    // cargo-deny asks the clone when it was fetched last.
    fs::write(clone.join(".git/FETCH_HEAD"), "").context("cannot mark the list as fetched")
}

/// The cargo-deny of this machine, or our own below the target folder, installed when there is none.
fn cargo_deny(workspace: &Workspace) -> Result<PathBuf> {
    if process::succeeds(process::program("cargo-deny", &workspace.root).arg("--version")) {
        return Ok("cargo-deny".into());
    }
    let tools = workspace.tools();
    let program = tools.join("bin").join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    if !process::succeeds(Command::new(&program).arg("--version")) {
        println!("cargo-deny {VERSION} will be installed into {} (about 3 minutes)", tools.display());
        let mut cargo = process::cargo(&workspace.root);
        cargo
            .args(["install", "cargo-deny", "--locked", "--quiet", "--version", VERSION, "--root"])
            .arg(&tools);
        if !process::visible(&mut cargo)? {
            bail!(
                "cargo-deny could not be installed; cure: check the network, or put cargo-deny on the PATH"
            );
        }
    }
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_keeps_its_lists_where_we_put_them() {
        let configuration = include_str!("../../deny.toml");
        assert!(configuration.contains(&format!("db-path = \"${{{FOLDER}")), "deny.toml reads {FOLDER}");
    }

    #[test]
    fn an_archive_that_is_none_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = folder.path().join("none.tar.xz");
        assert!(unpack(&archive, &folder.path().join("clone")).is_err());
    }
}
