//! `gambeson audit find` and `erase`: what is known of one person, and the end of it.

use std::path::PathBuf;

use clap::Args;
use gambeson_audit_trail::{Filter, Kept, StoredEvent, read_with_keys};

use super::keys::Keys;
use super::select::{require_trail, unread};
use super::show;
use crate::outcome::Outcome;

#[derive(Debug, Args)]
pub(crate) struct Find {
    /// The trail's directory.
    dir: PathBuf,
    /// The subject's name.
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
    let filter = Filter::events().subject(&wanted.subject);
    let mut out = String::new();
    for entry in read_with_keys(&wanted.dir, filter, &keys).map_err(|error| unread(&error))? {
        out.push_str(&show::entry(&entry.map_err(|error| unread(&error))?, wanted.json));
    }
    if !out.is_empty() {
        return Ok(Outcome::said(out));
    }
    let mut hidden = Hidden::default();
    for entry in read_with_keys(&wanted.dir, Filter::events(), &keys).map_err(|error| unread(&error))? {
        if let Some(event) = entry.map_err(|error| unread(&error))?.into_event() {
            hidden.count(&event, |text| keys.made(text));
        }
    }
    Err(hidden.explain())
}

/// Names that could not be compared.
#[derive(Debug, Default)]
struct Hidden {
    other_secret: u64,
    sealed: u64,
    erased: u64,
}

impl Hidden {
    fn count(&mut self, event: &StoredEvent, ours: impl Fn(&str) -> bool) {
        let Some(subject) = &event.subject else { return };
        match Kept::of(&subject.sub) {
            Kept::Hmac if !ours(&subject.sub) => self.other_secret += 1,
            Kept::Sealed => self.sealed += 1,
            Kept::Erased => self.erased += 1,
            _ => {}
        }
    }

    fn explain(&self) -> Outcome {
        if self.other_secret > 0 {
            let count = self.other_secret;
            return Outcome::failed(4, format!("{count} names are keyed with another secret: give that one"));
        }
        if self.sealed > 0 {
            return Outcome::failed(4, format!("{} names are sealed: give --subject-keys", self.sealed));
        }
        let erased = match self.erased {
            0 => String::new(),
            count => format!("; {count} events are of subjects that are erased"),
        };
        Outcome::failed(1, format!("no event of that subject{erased}"))
    }
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
