//! `cargo xtask copy-out`: each example alone in an empty folder, against the crates as they would be published.
//!
//! What only a stranger would notice fails here: a file that a package leaves out, an example that leans on the
//! workspace. The workspace's lock file goes with each copy, so that a release of somebody's breaks no build of ours; who
//! copies an example gets the newest versions instead.

mod copied;
mod packed;

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::process;
use crate::workspace::Workspace;
use packed::Packed;

/// The workspace's own development profile, so that what others wrote is not compiled twice.
const PROFILE: &[&str] = &["profile.dev.debug=\"line-tables-only\"", "profile.dev.package.\"*\".debug=false"];

/// Packs the crates, copies the examples, builds and tests each; false when one does not stand alone.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let scratch = empty_folder(&workspace.root)?;
    let packed = Packed::create(workspace, &scratch.join("crates"))?;
    let mut alone = Vec::new();
    for example in examples(workspace) {
        let folder = scratch.join(&example);
        let leans = copied::copy(workspace, &format!("examples/{example}/"), &folder)?;
        leans.iter().for_each(|line| println!("{example} leans on the workspace: {line}"));
        fs::copy(workspace.root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        let passed = leans.is_empty() && cargo(workspace, &packed, &folder, "test")?;
        alone.push((example, passed));
    }
    for program in packed.programs() {
        let passed = cargo(workspace, &packed, &program.folder, "build")?;
        alone.push((program.name.clone(), passed));
    }
    println!();
    for (name, passed) in &alone {
        println!("copy-out: {name}: {}", if *passed { "stands alone" } else { "DOES NOT STAND ALONE" });
    }
    fs::remove_dir_all(&scratch)?;
    Ok(alone.iter().all(|(_, passed)| *passed))
}

/// The folders of the examples.
fn examples(workspace: &Workspace) -> Vec<String> {
    let folders = workspace.packages.iter().filter_map(|package| package.manifest_path.parent());
    let examples = workspace.root.join("examples");
    let inside = folders.filter_map(|folder| folder.strip_prefix(&examples).ok());
    inside.map(|folder| folder.to_string_lossy().into_owned()).collect()
}

/// An empty folder outside the workspace, always the same one, lest the target folder fills with one build a path.
fn empty_folder(root: &Path) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    root.hash(&mut hasher);
    let folder = env::temp_dir().join(format!("gambeson-copy-out-{:016x}", hasher.finish()));
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Runs cargo in a folder outside the workspace, where our crates are the packed ones.
fn cargo(workspace: &Workspace, packed: &Packed, folder: &Path, command: &str) -> Result<bool> {
    let mut cargo = process::cargo(folder);
    cargo.args([command, "--quiet"]);
    for setting in PROFILE {
        cargo.args(["--config", setting]);
    }
    // What others wrote comes from the workspace's builds; programs of the copies must not take the place of its own.
    let target = workspace.target.display();
    cargo.arg("--config").arg(format!("build.build-dir=\"{target}\""));
    cargo.arg("--target-dir").arg(workspace.target.join("copy-out"));
    cargo.arg("--config").arg(packed.config());
    println!("$ cargo {command}   (in {})", folder.display());
    Ok(cargo.status().context("cannot start cargo")?.success())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_profile_is_the_workspace_s() {
        let manifest = include_str!("../../Cargo.toml");
        assert!(manifest.contains("[profile.dev]\ndebug = \"line-tables-only\"\n"));
        assert!(manifest.contains("[profile.dev.package.\"*\"]\ndebug = false\n"));
    }
}
