//! `gambeson audit …`

mod export;
mod find;
mod follow;
mod select;
mod show;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use gambeson_audit_trail::{
    Head, KeyError, PublishedHead, Report, SigningKey, VerifyError, VerifyErrorKind, VerifyOptions,
    VerifyingKey, read_heads, trails_in, verify, verify_set,
};
use gambeson_core::escape_controls;

pub(crate) use self::select::{require_trail, unread};
use crate::outcome::{Outcome, chain, safe_json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Verify a trail offline; names the first record that can't be trusted.
    Verify {
        /// The trail's directory, or several, or one that holds those of several instances.
        #[arg(required = true)]
        dirs: Vec<PathBuf>,
        /// A head that was kept elsewhere, as `heads` prints it: SEQ:HASH, or the hash alone.
        #[arg(long, value_name = "HEAD")]
        head: Option<Head>,
        /// A file of published heads, one JSON object a line: all of a chain must be in it. One without any ends with 3.
        #[arg(long, value_name = "FILE")]
        anchor: Option<PathBuf>,
        /// The public key of whoever signs checkpoints, NAME+ID+KEY; more than one after a change of keys.
        #[arg(long, value_name = "KEY")]
        key: Vec<VerifyingKey>,
        /// With --key: so many records in a row may stand without a checkpoint; more end with 21. A crash leaves as many as the
        /// trail's checkpoints.events, and a few: say more where that is set over 1,000.
        #[arg(long, value_name = "N", default_value_t = VerifyOptions::default().max_unsigned)]
        max_unsigned: u64,
        /// Refuse a clock that went back by more than a minute; else it is only told.
        #[arg(long)]
        strict_clock: bool,
        /// Answer as one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Show the newest records, newest last.
    Tail(follow::Tail),
    /// Write records for other programs: CSV, HTML, OCSF, JSON.
    Export(export::Export),
    /// Find the events of one person, as their subject or as who acted for it, also where names are keyed or sealed.
    Find(find::Find),
    /// Erase the key of one subject: what was sealed for it can't be read again, and the chain stays whole.
    Erase(find::Erase),
    /// Print the public half of the key that signs a trail, as `verify --key` takes it: give it to whoever verifies.
    Key {
        /// The private key: Ed25519 in PKCS#8.
        file: PathBuf,
        /// The name that stands in each signature.
        #[arg(long)]
        name: String,
    },
    /// Verify a trail and print the head of each segment, newest last: keep them elsewhere.
    Heads {
        /// The trail's directory.
        dir: PathBuf,
    },
}

pub(crate) fn run(command: Command) -> Outcome {
    match command {
        Command::Verify { dirs, head, anchor, key, max_unsigned, strict_clock, json } => {
            let options = VerifyOptions::default().max_unsigned(max_unsigned);
            let mut options = key.into_iter().fold(options, VerifyOptions::key);
            if let Some(head) = head {
                options = options.head(head);
            }
            if strict_clock {
                options = options.refuse_clock_steps(Duration::from_secs(60));
            }
            match anchor.as_deref().map(published).transpose() {
                Ok(heads) => verified(&dirs, &options.anchored(heads.unwrap_or_default()), json),
                Err(unreadable) => unreadable,
            }
        }
        Command::Tail(tail) => follow::run(&tail),
        Command::Export(export) => export::run(&export),
        Command::Find(find) => find::find(&find),
        Command::Erase(erase) => find::erase(&erase),
        Command::Key { file, name } => match SigningKey::from_file(&name, &file) {
            Ok(key) => Outcome::said(format!("{}\n", key.public())),
            Err(KeyError::File(error)) => {
                let file = file.display().to_string();
                Outcome::failed(3, format!("can't read {}: {}", escape_controls(&file), chain(&error)))
            }
            Err(error) => Outcome::failed(crate::keys::WRONG_KEY, chain(&error)),
        },
        Command::Heads { dir } => heads(&dir).unwrap_or_else(|refused| refused),
    }
}

fn heads(dir: &Path) -> Result<Outcome, Outcome> {
    require_trail(dir)?;
    let report = verify(dir, &VerifyOptions::default()).map_err(|error| refused(&error))?;
    let heads = report.segments.iter().map(|segment| format!("{}\n", segment.head));
    Ok(Outcome::said(heads.collect::<String>()))
}

/// The heads of a file.
fn published(file: &Path) -> Result<Vec<PublishedHead>, Outcome> {
    read_heads(file).map_err(|error| {
        let file = file.display().to_string();
        Outcome::failed(
            3,
            format!("can't take published heads from {}: {}", escape_controls(&file), chain(&error)),
        )
    })
}

/// Verifies one trail, or the trails of several instances: then the exit code is that of the first that is not whole.
fn verified(dirs: &[PathBuf], options: &VerifyOptions, json: bool) -> Outcome {
    // What can't be listed is told when it is verified.
    let found = dirs.iter().flat_map(|dir| match trails_in(dir) {
        Ok(found) if !found.is_empty() => found,
        _ => vec![dir.clone()],
    });
    let set = verify_set(found, options);
    let mut all = Outcome::said(String::new());
    for (dir, found) in &set.trails {
        let one = match found {
            Ok(report) if json => Outcome::said(report_json(report)),
            Ok(report) => Outcome::said(report_text(dir, report)),
            Err(error) if json => Outcome { out: error_json(error), ..Outcome::failed(code(error), "") },
            Err(error) if set.trails.len() == 1 => refused(error),
            Err(error) => {
                let (dir, told) = (dir.display().to_string(), refused(error));
                Outcome { err: format!("{}: {}", escape_controls(&dir), told.err), ..told }
            }
        };
        all = all.and(one);
    }
    for instance in &set.missing {
        let detail = format!("missing: heads of {instance} were published, but no trail of it is there");
        all = all.and(match json {
            true => Outcome {
                out: safe_json(&serde_json::json!({"ok": false, "kind": "missing", "instance": instance})),
                ..Outcome::failed(11, "")
            },
            false => Outcome::failed(11, escape_controls(&detail)),
        });
    }
    all
}

/// The exit code of each kind is a public promise.
fn code(error: &VerifyError) -> u8 {
    match error.kind() {
        VerifyErrorKind::Edited => 10,
        VerifyErrorKind::Missing => 11,
        VerifyErrorKind::Reordered => 12,
        VerifyErrorKind::TornTail => 13,
        VerifyErrorKind::CutTail => 14,
        VerifyErrorKind::BadGenesis => 15,
        VerifyErrorKind::SegmentOrder => 16,
        VerifyErrorKind::ClockStep => 17,
        VerifyErrorKind::Rewritten => 18,
        VerifyErrorKind::BadSignature => 20,
        VerifyErrorKind::Unsigned => 21,
        VerifyErrorKind::Io => 3,
        _ => 19,
    }
}

fn refused(error: &VerifyError) -> Outcome {
    let trusted = match error.seq() {
        Some(0) => "\nno record can be trusted".into(),
        Some(seq) => format!("\nrecords 0 to {} are whole", seq - 1),
        None => String::new(),
    };
    Outcome::failed(code(error), format!("not verified: {}{trusted}", chain(error)))
}

fn report_text(dir: &Path, report: &Report) -> String {
    let mut text = format!(
        "verified: {} records, {} events, {} segments in {}\nhead: {}\n",
        report.records,
        report.events,
        report.segments.len(),
        escape_controls(&dir.display().to_string()),
        report.head
    );
    let mut note = |applies: bool, words: String| {
        if applies {
            let _ = writeln!(text, "note: {words}");
        }
    };
    note(report.head_confirmed, "the head that was kept elsewhere is in the chain".into());
    if let Some(newest) = report.anchored_to {
        let heads = report.anchored;
        note(true, format!("{heads} published heads are in the chain, the newest of record {newest}"));
    }
    match report.signed {
        Some(seq) => note(true, format!("signed up to record {seq}, by {} checkpoints", report.checkpoints)),
        None => note(
            report.checkpoints > 0,
            "its checkpoints were not looked at: give the public key (--key)".into(),
        ),
    }
    if let Some(first) = report.first_unsigned {
        let unsigned = report.unsigned;
        let words = "no checkpoint vouches for them, as a crash leaves them, or somebody wrote them while the app was stopped";
        note(true, format!("{unsigned} records before starts are unsigned, first record {first}: {words}"));
    }
    let (segments, records) = (report.dropped_segments, report.dropped_records);
    note(
        segments > 0,
        format!("segments 1 to {segments} with {records} records were dropped, as a tombstone says"),
    );
    note(
        report.refusals > 0,
        format!("{} refusals of strangers are counted beside the events", report.refusals),
    );
    note(report.lost > 0, format!("the trail itself counts {} lost events", report.lost));
    note(report.recoveries > 0, format!("{} stops were not clean", report.recoveries));
    if let Some(seq) = report.first_clock_step {
        note(true, format!("the clock went back {} times, first at record {seq}", report.clock_steps));
    }
    let open = "there is no shutdown record at the end: the app runs, or was killed, or the end was cut off; \
                a head kept elsewhere tells (--head, --anchor)";
    note(!report.closed && !report.head_confirmed && report.anchored == 0, open.into());
    text
}

fn report_json(report: &Report) -> String {
    safe_json(&serde_json::json!({
        "ok": true,
        "instance": report.instance,
        "records": report.records,
        "events": report.events,
        "lost": report.lost,
        "recoveries": report.recoveries,
        "closed": report.closed,
        "head_confirmed": report.head_confirmed,
        "anchored": report.anchored,
        "anchored_to": report.anchored_to,
        "checkpoints": report.checkpoints,
        "signed": report.signed,
        "unsigned": report.unsigned,
        "first_unsigned": report.first_unsigned,
        "dropped_segments": report.dropped_segments,
        "dropped_records": report.dropped_records,
        "refusals": report.refusals,
        "head": report.head.to_string(),
        "clock_steps": report.clock_steps,
        "segments": report.segments.len(),
    }))
}

fn error_json(error: &VerifyError) -> String {
    safe_json(&serde_json::json!({
        "ok": false,
        "kind": error.kind().as_str(),
        "seq": error.seq(),
        "segment": error.segment(),
        "message": error.to_string(),
    }))
}
