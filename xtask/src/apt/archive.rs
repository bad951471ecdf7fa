//! The package archive that this machine's sources name, read without root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process;

/// The C library and its loader belong together and to the machine; debug symbols are looked up at fixed places.
const OF_THE_MACHINE: &[&str] = &["libc6", "libc-bin", "libc6-dbg", "locales"];

/// One package of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
    pub(crate) bytes: u64,
    /// As the archive's signed index has it.
    pub(crate) sha256: String,
}

/// What counts as there already when packages are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// What the machine has.
    Machine,
    /// Nothing: the same answer on every machine of this release.
    Nothing,
}

/// An archive's index in a folder of ours; apt checks its signature with the machine's keys.
#[derive(Debug)]
pub(crate) struct Archive {
    folder: PathBuf,
}

impl Archive {
    /// Fetches the index into `folder`.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let archive = Self { folder: folder.join("apt") };
        for inner in ["state/lists/partial", "cache/archives/partial", "log"] {
            fs::create_dir_all(archive.folder.join(inner))?;
        }
        fs::write(archive.folder.join("nothing"), "")?;
        fs::write(archive.folder.join("apt.conf"), settings(&archive.folder))?;
        // One source of several that can't be reached is no reason to end: what matters is whether the package is there.
        if !process::visible(archive.apt("apt-get", Status::Machine).args(["-qq", "update"]))? {
            println!("  (not every source of this machine answered)");
        }
        Ok(archive)
    }

    /// What `packages` need that is not there by `status`, themselves included.
    pub(crate) fn closure(&self, packages: &[&str], status: Status) -> Result<Vec<Package>> {
        let mut apt = self.apt("apt-get", status);
        apt.args(["install", "--print-uris", "--yes", "-qq", "--no-install-recommends"]).args(packages);
        let uris = process::output(&mut apt).context("the archive does not have the packages")?;
        let names: Vec<String> = uris.lines().filter_map(name_and_version).collect();
        if names.is_empty() {
            bail!("apt has nothing to download for {}", packages.join(" "));
        }
        let mut show = self.apt("apt-cache", status);
        let shown = process::output(show.args(["show", "--no-all-versions"]).args(names))?;
        let mut found: Vec<Package> = shown.split("\n\n").filter_map(stanza).collect();
        found.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
        found.dedup();
        Ok(found)
    }

    /// Downloads each package into `folder`, checked by apt against the index: the files with the hashes they have.
    pub(crate) fn download(&self, packages: &[Package], folder: &Path) -> Result<Vec<(PathBuf, String)>> {
        let mut apt = self.apt("apt-get", Status::Machine);
        apt.current_dir(folder).args(["-qq", "download"]);
        apt.args(packages.iter().map(|package| format!("{}={}", package.name, package.version)));
        process::output(&mut apt)?;
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let file = entry?.path();
            let sum = process::output(process::program("sha256sum", folder).arg(&file))?;
            let sum = sum.trim_start_matches('\\').split(' ').next().unwrap_or_default().to_owned();
            if !packages.iter().any(|package| package.sha256 == sum) {
                bail!("{} is not what the archive's index names", file.display());
            }
            files.push((file, sum));
        }
        if files.len() != packages.len() {
            bail!("{} of {} packages came", files.len(), packages.len());
        }
        Ok(files)
    }

    /// Removes the index.
    pub(crate) fn forget(self) -> Result<()> {
        Ok(fs::remove_dir_all(self.folder)?)
    }

    /// One of apt's programs on our copy of the index.
    fn apt(&self, program: &str, status: Status) -> Command {
        let mut apt = process::program(program, &self.folder);
        if status == Status::Nothing {
            apt.arg("-o").arg(format!("Dir::State::status={}", self.folder.join("nothing").display()));
        }
        // Read after the machine's own settings, which go on naming the sources and the keys.
        apt.env("APT_CONFIG", self.folder.join("apt.conf")).env("LC_ALL", "C");
        apt
    }
}

/// Settings that keep all of apt's own files in `folder`, and leave out what is not needed.
fn settings(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "Dir::State \"{folder}/state\";\n\
         Dir::State::status \"/var/lib/dpkg/status\";\n\
         Dir::Cache \"{folder}/cache\";\n\
         Dir::Log \"{folder}/log\";\n\
         Debug::NoLocking \"1\";\n\
         APT::Sandbox::User \"\";\n\
         Acquire::Languages \"none\";\n\
         Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n\
         Acquire::Retries \"3\";\n"
    )
}

/// `name=version` from a line `'address' name_version_architecture.deb bytes …`.
fn name_and_version(line: &str) -> Option<String> {
    let mut parts = line.split(' ').nth(1)?.split('_');
    let (name, version) = (parts.next()?, parts.next()?.replace("%3a", ":"));
    (!OF_THE_MACHINE.contains(&name)).then(|| format!("{name}={version}"))
}

/// One package from a paragraph of the index.
fn stanza(text: &str) -> Option<Package> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map(|value| value.trim().to_owned())
    };
    Some(Package {
        name: field("Package")?,
        version: field("Version")?,
        architecture: field("Architecture")?,
        bytes: field("Size")?.parse().ok()?,
        sha256: field("SHA256")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_addresses_is_read() {
        let line = "'http://x/f.deb' fonts-liberation_1%3a1.07.4-11_all.deb 827812 MD5Sum:0";
        assert_eq!(name_and_version(line).as_deref(), Some("fonts-liberation=1:1.07.4-11"));
        assert_eq!(
            name_and_version("'http://x/f.deb' libc6_2.36-9_amd64.deb 1 "),
            None,
            "the machine's own stays"
        );
        assert_eq!(name_and_version("noise"), None);
    }

    #[test]
    fn a_paragraph_of_the_index_is_read() {
        let text = "Package: wrk\nVersion: 4.1.0-3\nArchitecture: amd64\nDescription: x\n Size: no\nSize: 43340\nSHA256: ab\n";
        let package = stanza(text).expect("a package");
        assert_eq!((package.name.as_str(), package.bytes, package.sha256.as_str()), ("wrk", 43_340, "ab"));
        assert_eq!(stanza("Package: wrk\nVersion: 1\n"), None);
    }
}
