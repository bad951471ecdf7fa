//! `gambeson audit export`: as it is read, so that a trail of any size fits.

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gambeson_audit_trail::{TrailError, export, read, read_with_keys};

use super::select::{Selection, require_trail, unread};
use crate::keys::Keys;
use crate::outcome::Outcome;

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The trail's directory.
    dir: PathBuf,
    /// The form.
    #[arg(long, value_enum, default_value_t = Form::Json)]
    format: Form,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    keys: Keys,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// The trail's own JSON, one object a line.
    Json,
    /// Events of the Open Cybersecurity Schema Framework, one object a line.
    Ocsf,
    /// Comma-separated values; no cell is a formula.
    Csv,
    /// A page with a table.
    Html,
}

impl From<Form> for export::Format {
    fn from(form: Form) -> Self {
        match form {
            Form::Json => Self::Json,
            Form::Ocsf => Self::Ocsf,
            Form::Csv => Self::Csv,
            Form::Html => Self::Html,
        }
    }
}

pub(super) fn run(wanted: &Export) -> Outcome {
    try_run(wanted).unwrap_or_else(|refused| refused)
}

fn try_run(wanted: &Export) -> Result<Outcome, Outcome> {
    require_trail(&wanted.dir)?;
    let filter = wanted.selection.filter();
    let entries = match wanted.keys.open()? {
        Some(keys) => read_with_keys(&wanted.dir, filter, &keys),
        None => read(&wanted.dir, filter),
    };
    let entries = entries.map_err(|error| unread(&error))?;
    match export::write(entries, wanted.format.into(), io::stdout().lock()) {
        Ok(_) => Ok(Outcome::default()),
        // A reader that went away (`| head`) is no failure.
        Err(error) if is_gone(&error) => Ok(Outcome::default()),
        Err(error) => {
            let refused = unread(&error);
            Err(Outcome { err: format!("the export is not whole: {}", refused.err), ..refused })
        }
    }
}

fn is_gone(error: &TrailError) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|source| source.kind() == io::ErrorKind::BrokenPipe)
}
