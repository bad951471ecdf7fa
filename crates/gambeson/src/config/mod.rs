//! The whole stack as one file: `gambeson.toml`, overridden by the environment.
//!
//! One table for each crate, read by that crate; what the tables may hold is on the page of each crate's `Config`.
//!
//! ```toml
//! [hardening-headers]
//! public-origin = "https://notes.example.com"
//! reports = "/.well-known/reports"
//!
//! [oidc-auth]
//! issuer = "https://id.example.com"
//! audience = "notes"
//!
//! [rbac]
//! policy = "policy.toml"
//! ```
//!
//! A variable `GAMBESON_<CRATE>__<FIELD>` overrides a setting: `GAMBESON_OIDC_AUTH__AUDIENCE=notes-staging`, deeper tables
//! with one more `__` each. Its text is read as TOML where it is TOML (`3`, `true`, `["a", "b"]`), else as a string; an
//! empty one says nothing. Code comes last: every field of [`Config`] is public.
//!
//! Names that nobody knows are errors with the nearest known one; everything that is wrong in file and environment is
//! told at once. [`Config::origins`] says where each setting came from. Paths are relative to the file.
//!
//! A setting that is a [`Mode`](gambeson_core::Mode) (`rbac.mode`, and of `hardening-headers` `host-mode`, `csrf.mode`, `limits.mode` and `rate.mode`) is
//! `"enforce"`, or says until when it only observes: `{ observe = { until = "2027-01-31T00:00:00Z" } }`. From that moment on it enforces, also after a restart.

mod modes;
mod read;
mod sources;
mod tables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gambeson_core::{ConfigError, ConfigProblems, Profile};

pub use self::sources::Origin;
use self::sources::Sources;
pub use self::tables::{
    ActivationsTable, AnchorTable, AuditTrailTable, CopiesTable, KeysTable, OutcomesTable, RbacTable,
    SigningTable, StackTable,
};

/// The file that [`Config::load`] reads, in the working directory.
pub const FILE: &str = "gambeson.toml";

/// What [`FILE`] and the environment say.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Config {
    /// `GAMBESON_PROFILE`; production unless said. Not in the file: a file is copied from machine to machine.
    pub profile: Profile,
    /// `[stack]`: what concerns several crates.
    pub stack: StackTable,
    /// `[hardening-headers]`.
    pub hardening_headers: gambeson_hardening_headers::Config,
    /// `[oidc-auth]`.
    pub oidc_auth: gambeson_oidc_auth::Config,
    /// `[rbac]`.
    pub rbac: RbacTable,
    /// `[secrets]`.
    pub secrets: gambeson_secrets::Config,
    /// `[cost-guard]`.
    pub cost_guard: gambeson_cost_guard::Config,
    /// `[otel-setup]`.
    pub otel_setup: gambeson_otel_setup::Config,
    /// `[audit-trail]`.
    pub audit_trail: AuditTrailTable,
    origins: BTreeMap<String, Origin>,
    folder: PathBuf,
}

impl Config {
    /// Reads `gambeson.toml` of the working directory, if there is one, and the environment.
    ///
    /// # Errors
    /// As [`Config::parse`], and a file or variable that can't be read.
    pub fn load() -> Result<Self, ConfigError> {
        match std::fs::read_to_string(FILE) {
            Ok(text) => Self::parse(&text, environment()?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::parse("", environment()?),
            Err(error) => Err(ConfigError::one(FILE, "", format!("can't be read: {error}"))),
        }
    }

    /// Reads this file, which must be there, and the environment. Paths are relative to its folder.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError::one(FILE, path.display().to_string(), format!("can't be read: {error}"))
        })?;
        Ok(Self::parse(&text, environment()?)?.in_folder(path.parent().unwrap_or(Path::new(""))))
    }

    /// Reads a file's text and variables.
    ///
    /// # Errors
    /// Everything that is wrong, at once: text that is no TOML, tables and settings that nobody knows, values of the
    /// wrong kind, a profile that is not to be had here.
    pub fn parse(
        text: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let variables: Vec<(String, String)> = variables.into_iter().collect();
        let mut problems = ConfigProblems::new();
        let profile = profile(&variables, &mut problems);
        let mut sources = Sources::merge(text, variables, &mut problems);
        modes::read(&mut sources, &mut problems);
        let config = Self {
            profile,
            stack: read::take(&mut sources, "stack", &mut problems),
            hardening_headers: read::take(&mut sources, "hardening-headers", &mut problems),
            oidc_auth: read::take(&mut sources, "oidc-auth", &mut problems),
            rbac: read::take(&mut sources, "rbac", &mut problems),
            secrets: read::take(&mut sources, "secrets", &mut problems),
            cost_guard: read::take(&mut sources, "cost-guard", &mut problems),
            otel_setup: read::take(&mut sources, "otel-setup", &mut problems),
            audit_trail: read::take(&mut sources, "audit-trail", &mut problems),
            origins: BTreeMap::new(),
            folder: PathBuf::new(),
        };
        read::nothing_left(&sources, &mut problems);
        problems.into_result(Self { origins: sources.origins, ..config })
    }

    /// Where each setting came from, by its dotted name; what is not listed has its default.
    pub fn origins(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.origins.iter().map(|(name, origin)| (name.as_str(), origin))
    }

    /// Takes paths relative to this folder instead of the working directory.
    #[must_use]
    pub fn in_folder(self, folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), ..self }
    }

    /// A path of the configuration as the process has to open it.
    pub(crate) fn path(&self, written: &Path) -> PathBuf {
        self.folder.join(written)
    }
}

/// The variables of this process; those of others may hold what they like.
fn environment() -> Result<Vec<(String, String)>, ConfigError> {
    let mut problems = ConfigProblems::new();
    let mut variables = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        match value.into_string() {
            Ok(value) => variables.push((name, value)),
            Err(_) if name.starts_with(sources::PREFIX) => problems.add(name, "", "write it as UTF-8"),
            Err(_) => {}
        }
    }
    problems.into_result(variables)
}

fn profile(variables: &[(String, String)], problems: &mut ConfigProblems) -> Profile {
    let lookup = |name: &str| variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    Profile::from_lookup(lookup).unwrap_or_else(|error| {
        problems.add(Profile::VARIABLE, lookup(Profile::VARIABLE).unwrap_or_default(), error.to_string());
        Profile::Production
    })
}

#[cfg(test)]
mod tests;
