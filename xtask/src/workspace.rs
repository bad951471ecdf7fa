//! What cargo and git know about the workspace.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;

/// The checkout: where it is, its packages, its target folder.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One member of the workspace.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The registries that it may be published to; `None`: any.
    publish: Option<Vec<String>>,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a member's dependency tables.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    pub(crate) optional: bool,
}

impl Package {
    /// A package that nobody publishes.
    #[cfg(test)]
    pub(crate) fn at(name: &str, manifest_path: &str, dependencies: Vec<Dependency>) -> Self {
        let (version, publish) = ("0.0.0".to_owned(), Some(Vec::new()));
        Self { name: name.to_owned(), version, publish, manifest_path: manifest_path.into(), dependencies }
    }

    /// Whether it may be published.
    pub(crate) fn is_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|registries| !registries.is_empty())
    }
}

impl Workspace {
    /// Asks cargo about the workspace that the user stands in, without resolving or downloading anything.
    pub(crate) fn load() -> Result<Self> {
        let arguments = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
        let json = process::output(process::cargo(Path::new(".")).args(arguments))?;
        serde_json::from_str(&json).context("reading the output of cargo metadata")
    }

    /// The files of the checkout that are, or would be, committed; relative to the root, with `/` between folders.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut git = process::program("git", &self.root);
        git.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
        let listed = process::output(&mut git).context("the lint reads the files that git knows")?;
        let mut files: Vec<String> = listed.split_terminator('\0').map(str::to_owned).collect();
        files.retain(|file| self.root.join(file).is_file());
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// Where outside programs for tests are installed.
    pub(crate) fn peers(&self) -> PathBuf {
        self.target.join("peers")
    }

    /// Where cargo tools for CI are installed.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// The value of an environment variable that names a file, relative to the root, if it is set and not empty.
    pub(crate) fn path_from_env(&self, variable: &str) -> Option<PathBuf> {
        let value = env::var_os(variable).filter(|value| !value.is_empty())?;
        Some(self.root.join(value))
    }
}
