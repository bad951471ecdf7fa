//! `gambeson audit tail`, once or for ever.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use gambeson_audit_trail::{Entry, FieldKeys, Filter, TrailError, tail, tail_with_keys};
use gambeson_core::{Clock, SystemClock, Timer};

use super::select::{Selection, require_trail, unread};
use super::show;
use crate::keys::Keys;
use crate::outcome::Outcome;

/// How long it waits before it looks again.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// The trail's directory.
    dir: PathBuf,
    /// How many.
    #[arg(short = 'n', long = "lines", default_value_t = 10)]
    lines: usize,
    /// Go on: show new records as they come, until interrupted.
    #[arg(short, long)]
    follow: bool,
    /// One JSON object a line, as stored.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    keys: Keys,
}

pub(super) fn run(wanted: &Tail) -> Outcome {
    try_run(wanted).unwrap_or_else(|refused| refused)
}

fn try_run(wanted: &Tail) -> Result<Outcome, Outcome> {
    require_trail(&wanted.dir)?;
    let keys = wanted.keys.open()?;
    let filter = wanted.selection.filter();
    let end = if wanted.follow { newest(wanted)? } else { 0 };
    let entries = read(wanted, &filter, wanted.lines, keys.as_ref()).map_err(|error| unread(&error))?;
    let text: String = entries.iter().map(|entry| show::entry(entry, wanted.json)).collect();
    if !wanted.follow {
        return Ok(Outcome::said(text));
    }
    let shown = entries.last().map_or(end, |last| end.max(last.seq()));
    if !say(&text) {
        return Ok(Outcome::default());
    }
    follow(wanted, &filter, keys.as_ref(), shown)
}

fn follow(
    wanted: &Tail,
    filter: &Filter,
    keys: Option<&FieldKeys>,
    mut shown: u64,
) -> Result<Outcome, Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| Outcome::failed(3, error.to_string()))?;
    let clock = SystemClock::new();
    loop {
        runtime.block_on(async { clock.until(clock.monotonic().plus(PAUSE)).await });
        let end = newest(wanted)?;
        let entries =
            read(wanted, &filter.clone().after(shown), usize::MAX, keys).map_err(|error| unread(&error))?;
        let text: String = entries.iter().map(|entry| show::entry(entry, wanted.json)).collect();
        if !say(&text) {
            return Ok(Outcome::default());
        }
        shown = entries.last().map_or(end, |last| end.max(last.seq())).max(shown);
    }
}

/// The newest record of all, so that what the filter leaves out is not read again and again.
fn newest(wanted: &Tail) -> Result<u64, Outcome> {
    let newest = tail(&wanted.dir, &Filter::all(), 1).map_err(|error| unread(&error))?;
    Ok(newest.first().map_or(0, Entry::seq))
}

fn read(
    wanted: &Tail,
    filter: &Filter,
    most: usize,
    keys: Option<&FieldKeys>,
) -> Result<Vec<Entry>, TrailError> {
    match keys {
        Some(keys) => tail_with_keys(&wanted.dir, filter, most, keys),
        None => tail(&wanted.dir, filter, most),
    }
}

/// `false` when the reader went away.
fn say(text: &str) -> bool {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}
