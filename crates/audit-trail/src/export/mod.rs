//! Trails for other programs: a spreadsheet, a page, a security data lake.
//!
//! | format | what | lossless |
//! |---|---|---|
//! | [`Json`](Format::Json) | one JSON object a line, as the trail has it | yes |
//! | [`Ocsf`](Format::Ocsf) | one event of the Open Cybersecurity Schema Framework 1.6.0 a line | yes, but for `prev`; see below |
//! | [`Csv`](Format::Csv) | RFC 4180 with a header, each cell in quotes | but for control characters, which read `\u{…}` |
//! | [`Html`](Format::Html) | one page with a table, no script | likewise |
//!
//! # Formulas
//!
//! A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return, and some overlook blanks before it. A cell whose
//! first character that is no blank is one of these (or its full-width twin), or an apostrophe, gets an apostrophe before it: a
//! reader that takes one leading apostrophe off has the text again.
//!
//! # OCSF
//!
//! | kind | class | activity |
//! |---|---|---|
//! | `authentication` | Authentication (3002) | Logon (1) and Logoff (2) by the words `login` and `logout` in the action, else Other (99) |
//! | `authorization`, `secret_access`, `budget_refusal` | API Activity (6003) | by method: POST Create (1), GET and HEAD Read (2), PUT and PATCH Update (3), DELETE Delete (4); else Other (99) |
//! | `policy_change`, `configuration_change` | Entity Management (3004) | Other (99) |
//! | `provenance`, `application`, and what the trail says about itself | Base Event (0) | Other (99) |
//! | `refusals` of strangers that were put together | that of a single one, with `count`, `start_time` and `end_time` | likewise |
//!
//! Authorize Session (3003) is about rights that are given to a session, not about a decision on a request, and is not used. `success` is
//! status 1, `denied` and `failed` are status 2 with that word as `status_detail` and the reason as `status_code`; severity is
//! Informational (1) for successes and Low (2) for the rest, since what is worth an alarm is the reader's to say. Where a class asks for a user and
//! there is none, it is named `unknown`. What the schema has no honest place for is under `unmapped`: the route's template, the
//! actor of a delegated call, the policy, the span, the details. An address that is keyed or sealed is `src_endpoint.uid`.

mod csv;
mod escape;
mod html;
mod ocsf;

use std::io::{self, BufWriter, Write};

use crate::entry::{ControlRecord, Entry, StoredEvent};
use crate::error::TrailError;

/// How an export is written; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// The trail's own JSON, one object a line.
    Json,
    /// OCSF events, one JSON object a line.
    Ocsf,
    /// Comma-separated values.
    Csv,
    /// A page.
    Html,
}

/// Writes `entries` to `out` as they come, and says how many there were. Memory does not grow with their number.
///
/// ```
/// use gambeson_audit_trail::{AuditTrail, Config, Filter, export, read};
/// use gambeson_core::{AuditEvent, AuditKind, AuditSink, Durability, Outcome, Timestamp};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let dir = folder.path().join("audit");
/// let trail = AuditTrail::open(&dir, &Config::default())?;
/// let at = Timestamp::from_unix_seconds(1_795_421_730);
/// let event = AuditEvent::new(AuditKind::Application, "=HYPERLINK(…)", Outcome::Success, at);
/// let _ = trail.record(event, Durability::Async);
/// drop(trail);
/// let mut out = Vec::new();
/// export::write(read(&dir, Filter::events())?, export::Format::Csv, &mut out)?;
/// assert!(String::from_utf8(out)?.contains(r#""'=HYPERLINK(…)""#));
/// # Ok(()) }
/// ```
///
/// # Errors
/// What reading the entries failed with, or [`Io`](crate::TrailErrorKind::Io) when `out` takes no more.
pub fn write(
    entries: impl IntoIterator<Item = Result<Entry, TrailError>>,
    format: Format,
    out: impl Write,
) -> Result<u64, TrailError> {
    let mut out = BufWriter::with_capacity(64 << 10, out);
    let mut count = 0;
    begin(format, &mut out).map_err(refused)?;
    for entry in entries {
        one(format, &entry?, &mut out).map_err(refused)?;
        count += 1;
    }
    end(format, &mut out).and_then(|()| out.flush()).map_err(refused)?;
    Ok(count)
}

fn begin(format: Format, out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Json | Format::Ocsf => Ok(()),
        Format::Csv => csv::row(out, COLUMNS),
        Format::Html => html::begin(out, COLUMNS),
    }
}

fn one(format: Format, entry: &Entry, out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Json => json_line(out, entry),
        Format::Ocsf => json_line(out, &ocsf::event(entry)),
        Format::Csv => csv::row(out, cells(entry)),
        Format::Html => html::row(out, cells(entry)),
    }
}

fn end(format: Format, out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Html => html::end(out),
        Format::Json | Format::Ocsf | Format::Csv => Ok(()),
    }
}

fn json_line(out: &mut impl Write, value: &impl serde::Serialize) -> io::Result<()> {
    let json = serde_json::to_string(value)?;
    out.write_all(escape::json(&json).as_bytes())?;
    out.write_all(b"\n")
}

fn refused(error: io::Error) -> TrailError {
    TrailError::export(error)
}

const COLUMNS: [&str; 21] = [
    "seq",
    "at",
    "record",
    "kind",
    "action",
    "outcome",
    "reason",
    "issuer",
    "subject",
    "actor_issuer",
    "actor",
    "tenant",
    "method",
    "route",
    "object",
    "policy",
    "address",
    "request_id",
    "trace_id",
    "details",
    "hash",
];

fn cells(entry: &Entry) -> [String; COLUMNS.len()] {
    match entry {
        Entry::Event(event) => event_cells(event),
        Entry::Control(control) => control_cells(control),
    }
}

fn event_cells(event: &StoredEvent) -> [String; COLUMNS.len()] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let issuer = |subject: &Option<crate::StoredSubject>| {
        subject.as_ref().map(|one| one.iss.clone()).unwrap_or_default()
    };
    let name = |subject: &Option<crate::StoredSubject>| {
        subject.as_ref().map(|one| one.sub.clone()).unwrap_or_default()
    };
    let details = match event.details.is_empty() {
        true => String::new(),
        false => serde_json::to_string(&event.details).unwrap_or_default(),
    };
    [
        event.seq.to_string(),
        event.at.clone(),
        "event".into(),
        event.kind.as_str().into(),
        event.action.clone(),
        event.outcome.as_str().into(),
        text(&event.reason),
        issuer(&event.subject),
        name(&event.subject),
        issuer(&event.actor),
        name(&event.actor),
        text(&event.tenant),
        text(&event.method),
        text(&event.route),
        text(&event.object),
        text(&event.policy),
        text(&event.address),
        text(&event.request_id),
        text(&event.trace_id),
        details,
        event.hash.clone(),
    ]
}

/// What the trail says about itself has few columns of its own: the rest is among the details. Refusals that were put
/// together stand where a single one would.
fn control_cells(control: &ControlRecord) -> [String; COLUMNS.len()] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let filled = [
        ("seq", control.seq.to_string()),
        ("at", control.at.clone()),
        ("record", control.record.clone()),
        ("kind", control.kind.map(|kind| kind.as_str().into()).unwrap_or_default()),
        ("action", text(&control.action)),
        ("outcome", control.outcome.map(|outcome| outcome.as_str().into()).unwrap_or_default()),
        ("reason", text(&control.reason)),
        ("method", text(&control.method)),
        ("route", text(&control.route)),
        ("address", text(&control.network)),
        ("hash", control.hash.clone()),
    ];
    let mut details = serde_json::to_value(control).unwrap_or_default();
    if let Some(members) = details.as_object_mut() {
        members.retain(|name, _| name != "network" && filled.iter().all(|(column, _)| column != name));
    }
    let details = details.to_string();
    COLUMNS.map(|column| match filled.iter().find(|(name, _)| *name == column) {
        Some((_, text)) => text.clone(),
        None if column == "details" => details.clone(),
        None => String::new(),
    })
}
