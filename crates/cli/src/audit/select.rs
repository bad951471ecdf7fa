//! Which records a command is asked for.

use std::path::Path;

use clap::Args;
use gambeson_audit_trail::{Filter, TrailError, TrailErrorKind};
use gambeson_core::{Outcome as Ended, Timestamp, escape_controls};

use crate::outcome::{Outcome, chain};

#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Only records from this time on: a date, or a time as 2026-11-23T08:15:30Z.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Only records before this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Only events of this tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// Only events of the subject of this name. Keyed and sealed names need --secret.
    #[arg(long)]
    subject: Option<String>,
    /// Only events that ended so: success, denied or failed.
    #[arg(long, value_name = "OUTCOME", value_parser = ended)]
    outcome: Option<Ended>,
}

impl Selection {
    pub(super) fn filter(&self) -> Filter {
        let mut filter = Filter::all();
        if let Some(since) = self.since {
            filter = filter.since(since);
        }
        if let Some(until) = self.until {
            filter = filter.until(until);
        }
        if let Some(tenant) = &self.tenant {
            filter = filter.tenant(tenant);
        }
        if let Some(subject) = &self.subject {
            filter = filter.subject(subject);
        }
        if let Some(outcome) = self.outcome {
            filter = filter.outcome(outcome);
        }
        filter
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    let midnight = (text.len() == 10).then(|| format!("{text}T00:00:00Z"));
    let moment = midnight.as_deref().unwrap_or(text).parse::<jiff::Timestamp>();
    let nanos = moment.ok().and_then(|moment| i64::try_from(moment.as_nanosecond()).ok());
    nanos.map(Timestamp::from_unix_nanos).ok_or_else(|| {
        "expected a date such as 2026-11-23, or a time with its zone such as 2026-11-23T08:15:30Z".into()
    })
}

fn ended(text: &str) -> Result<Ended, String> {
    [Ended::Success, Ended::Denied, Ended::Failed]
        .into_iter()
        .find(|outcome| outcome.as_str() == text)
        .ok_or_else(|| "expected success, denied or failed".into())
}

/// A folder without a segment is told, not shown as an empty trail.
pub(crate) fn require_trail(dir: &Path) -> Result<(), Outcome> {
    let shown = dir.display().to_string();
    let shown = escape_controls(&shown);
    let files = std::fs::read_dir(dir)
        .map_err(|error| Outcome::failed(3, format!("can't read {shown}: {}", chain(&error))))?;
    let is_segment = |name: &str| name.starts_with("trail-") && name.ends_with(".jsonl");
    let found = files.filter_map(Result::ok).any(|file| file.file_name().to_str().is_some_and(is_segment));
    match found {
        true => Ok(()),
        false => Err(Outcome::failed(
            3,
            format!("there is no trail in {shown}: no file trail-000001.jsonl or later"),
        )),
    }
}

/// What a reader failed with.
pub(crate) fn unread(error: &TrailError) -> Outcome {
    let code = match error.kind() {
        TrailErrorKind::Damaged => 10,
        TrailErrorKind::Keys => 4,
        _ => 3,
    };
    Outcome::failed(code, chain(error))
}
