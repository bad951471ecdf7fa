//! Decisions as a trail, or a file of its lines, has them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use gambeson_audit_trail::{Entry, FieldKeys, Filter, Kept, StoredEvent, read};
use gambeson_core::{AuditKind, Outcome as Ended};
use gambeson_rbac::PastDecision;
use serde::Deserialize;

use super::policy_file::shown;
use crate::audit::{require_trail, unread};
use crate::hidden::Hidden;
use crate::keys::WRONG_KEY;
use crate::outcome::{Outcome, chain};

/// The longest line that a trail writes, in bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// Which details of a decision a command depends on: an answer without them would be a wrong one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Needs {
    Roles,
    RolesAndRecord,
}

impl Needs {
    /// As rbac names them in its events.
    fn details(self) -> &'static [&'static str] {
        match self {
            Self::Roles => &["roles", "actor_roles", "activated_roles"],
            Self::RolesAndRecord => &["roles", "actor_roles", "activated_roles", "record"],
        }
    }
}

/// Hands on every decision of the trail in a directory, or of a file of lines; the oldest first. What is sealed is opened. Gives a
/// note on what nobody can open.
pub(super) fn each(
    from: &Path,
    keys: Option<&FieldKeys>,
    needs: Needs,
    mut take: impl FnMut(PastDecision),
) -> Result<String, Outcome> {
    let mut opening = Opening { keys, needs, lost: 0 };
    if from.is_dir() {
        require_trail(from)?;
        let entries = read(from, Filter::events().kind(AuditKind::Authorization));
        let failed = |error| Outcome::failed(3, chain(&error));
        for entry in entries.map_err(failed)? {
            if let Entry::Event(event) = entry.map_err(failed)? {
                take(opening.decision(Line::from(*event))?);
            }
        }
    } else {
        each_line(from, |line| {
            take(opening.decision(line)?);
            Ok(())
        })?;
    }
    Ok(opening.note())
}

/// The roles of a caller's newest decision that tells them.
pub(super) struct NewestRoles {
    pub(super) at: Box<str>,
    pub(super) roles: Vec<Box<str>>,
    /// Why a later decision may have been overlooked.
    pub(super) told: Outcome,
}

/// The newest roles of a caller.
pub(super) fn newest_roles(
    from: &Path,
    keys: Option<&FieldKeys>,
    name: &str,
) -> Result<NewestRoles, Outcome> {
    let (mut newest, mut hidden) = (None, Hidden::default());
    let covered = each(from, keys, Needs::Roles, |past| {
        let Some(subject) = past.subject.as_deref() else { return };
        if subject != name && !keys.is_some_and(|keys| keys.stands_for("sub", name, subject)) {
            hidden.count(subject, keys);
        } else if let Some(roles) = past.roles {
            newest = Some((past.at, roles));
            // What stands before it can't be newer.
            hidden = Hidden::default();
        }
    })?;
    let told = hidden.told().and(Outcome::failed(0, covered));
    if let Some((at, roles)) = newest {
        Ok(NewestRoles { at, roles, told })
    } else {
        let name = gambeson_core::escape_controls(name);
        let none = format!("{} has no decision about {name} that tells roles", shown(from));
        // That a key is missing is the better reason.
        Err(Outcome {
            code: if told.code == 0 { 3 } else { told.code },
            ..Outcome::failed(3, none).and(told)
        })
    }
}

/// Makes decisions of lines, with the keys of their trail.
struct Opening<'k> {
    keys: Option<&'k FieldKeys>,
    needs: Needs,
    /// Decisions with details that can't be opened by anybody.
    lost: u64,
}

impl Opening<'_> {
    fn decision(&mut self, mut line: Line) -> Result<PastDecision, Outcome> {
        for named in [&mut line.subject, &mut line.actor].into_iter().flatten() {
            if let Some(name) = self.opened("sub", &named.sub)? {
                named.sub = name;
            }
        }
        let mut past = decision(&line);
        let mut lost = false;
        for (name, text) in &line.details {
            let needed = self.needs.details().contains(&name.as_str());
            let opened = if needed { self.opened(name, text)? } else { None };
            let text = opened.as_deref().unwrap_or(text);
            match Kept::of(text) {
                Kept::Sealed if needed => {
                    let place = line.seq;
                    let words = "is sealed: give --secret and --subject-keys";
                    return Err(Outcome::failed(
                        WRONG_KEY,
                        format!("record {place}: its detail `{name}` {words}"),
                    ));
                }
                Kept::Hmac | Kept::Erased | Kept::Withheld if needed => lost = true,
                _ => past.detail(name, text),
            }
        }
        past.cut |= lost;
        self.lost += u64::from(lost);
        Ok(past)
    }

    fn opened(&self, field: &str, text: &str) -> Result<Option<String>, Outcome> {
        let Some(keys) = self.keys else { return Ok(None) };
        keys.open_text(field, text).map_err(|error| unread(&error))
    }

    fn note(&self) -> String {
        match self.lost {
            0 => String::new(),
            lost => format!(
                "note: {lost} have roles or a record that nobody can read: erased, withheld, or kept as digests\n"
            ),
        }
    }
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

/// A decision without the details.
fn decision(line: &Line) -> PastDecision {
    let text = |text: &Option<String>| text.as_deref().map(Box::from);
    let action = line.action.clone().unwrap_or_default();
    let mut past = PastDecision::new(action, line.outcome.unwrap_or(Ended::Failed));
    past.place = line.seq;
    past.at = line.at.as_str().into();
    past.reason = text(&line.reason);
    past.policy = text(&line.policy);
    past.subject = line.subject.as_ref().map(|subject| subject.sub.as_str().into());
    past.actor = line.actor.as_ref().map(|actor| actor.sub.as_str().into());
    let route = line.method.as_ref().zip(line.route.as_ref());
    past.route = route.map(|(method, route)| format!("{method} {route}").into());
    past
}

fn each_line(path: &Path, mut take: impl FnMut(Line) -> Result<(), Outcome>) -> Result<(), Outcome> {
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
            take(line)?;
        }
    }
    Ok(())
}
