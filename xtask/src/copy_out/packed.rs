//! The crates as they would be published.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::process;
use crate::workspace::Workspace;

/// Every crate of the workspace that is published, packed and unpacked again.
#[derive(Debug)]
pub(crate) struct Packed {
    crates: Vec<PackedCrate>,
    config: PathBuf,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct PackedCrate {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
}

impl Packed {
    /// Packs into `folder`.
    pub(crate) fn create(workspace: &Workspace, folder: &Path) -> Result<Self> {
        let packages: Vec<_> = workspace.packages.iter().filter(|package| package.is_published()).collect();
        let target = workspace.target.join("copy-out");
        let mut cargo = process::cargo(&workspace.root);
        cargo.args(["package", "--no-verify", "--allow-dirty", "--quiet", "--target-dir"]).arg(&target);
        for package in &packages {
            cargo.args(["--package", &package.name]);
        }
        if !process::visible(&mut cargo)? {
            bail!("the crates cannot be packed, see above");
        }
        fs::create_dir(folder)?;
        let mut crates = Vec::new();
        for package in packages {
            let name = format!("{}-{}", package.name, package.version);
            let file = target.join("package").join(format!("{name}.crate"));
            unpack(&file, folder)?;
            crates.push(PackedCrate { name: package.name.clone(), folder: folder.join(name) });
        }
        let config = folder.join("patch.toml");
        fs::write(&config, patch(&crates))?;
        Ok(Self { crates, config })
    }

    /// The file that makes cargo take these instead of published ones.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// The crates that are programs, which no example uses.
    pub(crate) fn programs(&self) -> impl Iterator<Item = &PackedCrate> {
        self.crates.iter().filter(|one| one.folder.join("src/main.rs").is_file())
    }
}

/// Unpacks a crate's file. Its files are as old as they were unpacked now: all that cargo packs bears one date of years ago, by which
/// cargo would take a changed source for the one that it has compiled.
fn unpack(file: &Path, folder: &Path) -> Result<()> {
    process::output(process::program("tar", folder).arg("-xzmf").arg(file)).map(drop)
}

fn patch(crates: &[PackedCrate]) -> String {
    let mut text = String::from("[patch.crates-io]\n");
    for one in crates {
        let _ = writeln!(text, "{} = {{ path = {:?} }}", one.name, one.folder.display().to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unpacked_is_younger_than_what_was_compiled_before() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let compiled = folder.join("compiled");
        fs::write(folder.join("lib.rs"), "pub fn changed() {}").unwrap();
        fs::write(&compiled, "").unwrap();
        // As cargo dates what it packs.
        let mut pack = process::program("tar", folder);
        process::output(pack.args(["-czf", "a.crate", "--mtime=2006-07-24", "lib.rs"])).unwrap();
        unpack(&folder.join("a.crate"), folder).unwrap();
        let modified = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
        assert!(modified(&folder.join("lib.rs")) >= modified(&compiled));
    }

    #[test]
    fn cargo_is_pointed_at_each_crate() {
        let one = PackedCrate { name: "gambeson".into(), folder: "/x/gambeson-0.1.0".into() };
        assert_eq!(patch(&[one]), "[patch.crates-io]\ngambeson = { path = \"/x/gambeson-0.1.0\" }\n");
    }
}
