//! `gambeson audit find` and `erase`: what is known of one person, and the end of it.

use std::path::PathBuf;

use clap::Args;
use gambeson_audit_trail::{Filter, read_with_keys};

use super::select::{require_trail, unread};
use super::show;
use crate::hidden::Hidden;
use crate::keys::Keys;
use crate::outcome::Outcome;

#[derive(Debug, Args)]
pub(crate) struct Find {
    /// The trail's directory.
    dir: PathBuf,
    /// The name, as subject or as actor.
    #[arg(long)]
    subject: String,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    keys: Keys,
}

#[derive(Debug, Args)]
pub(crate) struct Erase {
    /// Who vouches for the name, as `iss` in the trail.
    #[arg(long, required_unless_present = "strangers")]
    issuer: Option<String>,
    /// The subject's name.
    #[arg(long, required_unless_present = "strangers")]
    subject: Option<String>,
    /// What was sealed for requests of nobody in particular.
    #[arg(long, conflicts_with_all = ["issuer", "subject"])]
    strangers: bool,
    /// Yes: it can't be undone.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    keys: Keys,
}

pub(super) fn find(wanted: &Find) -> Outcome {
    try_find(wanted).unwrap_or_else(|refused| refused)
}

fn try_find(wanted: &Find) -> Result<Outcome, Outcome> {
    require_trail(&wanted.dir)?;
    let keys = wanted.keys.required()?;
    let theirs = Filter::events().person(&wanted.subject);
    let (mut out, mut hidden) = (String::new(), Hidden::default());
    for entry in read_with_keys(&wanted.dir, Filter::events(), &keys).map_err(|error| unread(&error))? {
        match entry {
            Ok(entry) if theirs.takes(&entry, Some(&keys)) => out.push_str(&show::entry(&entry, wanted.json)),
            Ok(entry) => {
                let event = entry.into_event();
                let named = event.iter().flat_map(|event| [&event.subject, &event.actor]).flatten();
                named.for_each(|named| hidden.count(&named.sub, Some(&keys)));
            }
            // What was found before is an answer too, but not a whole one.
            Err(error) => return Ok(Outcome::said(out).and(unread(&error))),
        }
    }
    let told = hidden.told();
    Ok(match out.is_empty() && told.code == 0 {
        true => Outcome::failed(1, "no event of that subject").and(told),
        false => Outcome::said(out).and(told),
    })
}

pub(super) fn erase(wanted: &Erase) -> Outcome {
    try_erase(wanted).unwrap_or_else(|refused| refused)
}

fn try_erase(wanted: &Erase) -> Result<Outcome, Outcome> {
    let keys = wanted.keys.required()?;
    if !wanted.yes {
        let words = "nothing was erased: nobody can bring the key back; say --yes if that is meant";
        return Err(Outcome::failed(2, words));
    }
    let erased = match (&wanted.issuer, &wanted.subject) {
        (Some(issuer), Some(subject)) => keys.erase(issuer, subject),
        _ => keys.erase_strangers(),
    };
    match erased.map_err(|error| unread(&error))? {
        true => Ok(Outcome::said(
            "erased: what was sealed for it can't be read any more; backups of the key store bring it back",
        )),
        false => {
            Err(Outcome::failed(1, "there is no key for it: nothing was sealed, or it is erased already"))
        }
    }
}
