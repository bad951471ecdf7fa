//! The keys that a command is given.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use gambeson_audit_trail::{FieldKeys, FileSubjectKeys};
use gambeson_core::{SecretBytes, SecretRef, escape_controls};

use crate::outcome::{Outcome, chain};

/// A key is missing or is not the right one.
pub(crate) const WRONG_KEY: u8 = 4;

#[derive(Debug, Args)]
pub(crate) struct Keys {
    /// The trail's secret, taken byte for byte: env://NAME or file:///path.
    #[arg(long, value_name = "REFERENCE")]
    secret: Option<SecretRef>,
    /// The folder with the keys of subjects, to open what is sealed.
    #[arg(long, value_name = "DIR", requires = "secret")]
    subject_keys: Option<PathBuf>,
}

impl Keys {
    /// The keys that were given; `None`: none.
    pub(crate) fn open(&self) -> Result<Option<FieldKeys>, Outcome> {
        let Some(reference) = &self.secret else { return Ok(None) };
        let secret = read(reference)?;
        let wrong = |error: &dyn std::error::Error| Outcome::failed(WRONG_KEY, chain(error));
        let keys = FieldKeys::new(&secret).map_err(|error| wrong(&error))?;
        let Some(dir) = &self.subject_keys else { return Ok(Some(keys)) };
        let store = FileSubjectKeys::open_existing(dir).map_err(|error| {
            let dir = dir.display().to_string();
            Outcome::failed(
                3,
                format!("can't open the keys of subjects in {}: {}", escape_controls(&dir), chain(&error)),
            )
        })?;
        keys.with_subjects(Arc::new(store)).map(Some).map_err(|error| wrong(&error))
    }

    /// The keys, for a command that can't do without.
    pub(crate) fn required(&self) -> Result<FieldKeys, Outcome> {
        let missing = "give --secret, and --subject-keys where the trail seals";
        self.open()?.ok_or_else(|| Outcome::failed(WRONG_KEY, missing))
    }
}

/// Never repeats what it read.
fn read(reference: &SecretRef) -> Result<SecretBytes, Outcome> {
    let found = match reference.scheme() {
        "env" => std::env::var_os(reference.location())
            .map(std::ffi::OsString::into_encoded_bytes)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the variable is not set")),
        "file" => fs::read(reference.location()),
        _ => return Err(Outcome::failed(2, format!("{reference} is neither env://NAME nor file:///path"))),
    };
    match found {
        Ok(bytes) => Ok(SecretBytes::new(bytes)),
        Err(error) => Err(Outcome::failed(3, format!("can't read {reference}: {}", chain(&error)))),
    }
}
