//! Decisions as a trail, or a file of its lines, has them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use gambeson_audit_trail::{Entry, Filter, StoredEvent, read};
use gambeson_core::{AuditKind, Outcome as Ended};
use gambeson_rbac::PastDecision;
use serde::Deserialize;

use super::policy_file::shown;
use crate::outcome::{Outcome, chain};

/// The longest line that a trail writes, in bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// Hands on every decision of the trail in a directory, or of a file of lines; the oldest first.
pub(super) fn each(from: &Path, mut take: impl FnMut(PastDecision)) -> Result<(), Outcome> {
    if from.is_dir() {
        let entries = read(from, Filter::events().kind(AuditKind::Authorization));
        let failed = |error| Outcome::failed(3, chain(&error));
        for entry in entries.map_err(failed)? {
            if let Entry::Event(event) = entry.map_err(failed)? {
                take(decision(Line::from(*event)));
            }
        }
        return Ok(());
    }
    each_line(from, |line| take(decision(line)))
}

/// When a caller's newest decision with roles was made, and the roles.
pub(super) fn newest_roles(from: &Path, name: &str) -> Result<(Box<str>, Vec<Box<str>>), Outcome> {
    let mut newest = None;
    each(from, |past| {
        if past.subject.as_deref() == Some(name)
            && let Some(roles) = past.roles
        {
            newest = Some((past.at, roles));
        }
    })?;
    newest.ok_or_else(|| {
        let name = gambeson_core::escape_controls(name);
        Outcome::failed(3, format!("{} has no decision about {name} that tells roles", shown(from)))
    })
}

/// One event: what a segment holds, or what `gambeson audit tail --json` prints.
#[derive(Debug, Deserialize)]
struct Line {
    seq: u64,
    at: String,
    kind: Option<AuditKind>,
    action: Option<String>,
    outcome: Option<Ended>,
    reason: Option<String>,
    subject: Option<Named>,
    actor: Option<Named>,
    method: Option<String>,
    route: Option<String>,
    policy: Option<String>,
    #[serde(default)]
    details: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Named {
    sub: String,
}

impl From<StoredEvent> for Line {
    fn from(event: StoredEvent) -> Self {
        Self {
            seq: event.seq,
            at: event.at,
            kind: Some(event.kind),
            action: Some(event.action),
            outcome: Some(event.outcome),
            reason: event.reason,
            subject: event.subject.map(|subject| Named { sub: subject.sub }),
            actor: event.actor.map(|actor| Named { sub: actor.sub }),
            method: event.method,
            route: event.route,
            policy: event.policy,
            details: event.details,
        }
    }
}

fn decision(line: Line) -> PastDecision {
    let mut past = PastDecision::new(line.action.unwrap_or_default(), line.outcome.unwrap_or(Ended::Failed));
    past.place = line.seq;
    past.at = line.at.into();
    past.reason = line.reason.map(Into::into);
    past.policy = line.policy.map(Into::into);
    past.subject = line.subject.map(|subject| subject.sub.into());
    past.actor = line.actor.map(|actor| actor.sub.into());
    past.route = line.method.zip(line.route).map(|(method, route)| format!("{method} {route}").into());
    line.details.iter().for_each(|(name, value)| past.detail(name, value));
    past
}

fn each_line(path: &Path, mut take: impl FnMut(Line)) -> Result<(), Outcome> {
    let failed = |what: String| Outcome::failed(3, format!("can't read {}: {what}", shown(path)));
    let mut reader = BufReader::new(File::open(path).map_err(|error| failed(error.to_string()))?);
    let mut bytes = Vec::new();
    for number in 1u64.. {
        bytes.clear();
        let taken = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes);
        if taken.map_err(|error| failed(error.to_string()))? == 0 {
            break;
        }
        let line: Line = serde_json::from_slice(&bytes)
            .map_err(|error| failed(format!("line {number} is no event of an audit trail: {error}")))?;
        if line.kind == Some(AuditKind::Authorization) {
            take(line);
        }
    }
    Ok(())
}
