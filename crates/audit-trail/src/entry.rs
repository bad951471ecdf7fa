//! Records as they are read back.

use std::collections::BTreeMap;

use gambeson_core::{AuditKind, Outcome};
use serde::{Deserialize, Serialize};

use crate::line::Line;

/// One record of a trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Entry {
    /// An event.
    Event(Box<StoredEvent>),
    /// What the trail says about itself.
    Control(Box<ControlRecord>),
}

impl Entry {
    /// The place in the chain.
    #[must_use]
    pub fn seq(&self) -> u64 {
        match self {
            Self::Event(event) => event.seq,
            Self::Control(control) => control.seq,
        }
    }

    /// When, RFC 3339 in UTC.
    #[must_use]
    pub fn at(&self) -> &str {
        match self {
            Self::Event(event) => &event.at,
            Self::Control(control) => &control.at,
        }
    }

    /// The event, if it is one.
    #[must_use]
    pub fn into_event(self) -> Option<StoredEvent> {
        match self {
            Self::Event(event) => Some(*event),
            Self::Control(_) => None,
        }
    }

    pub(crate) fn read(line: &Line<'_>) -> Result<Self, serde_json::Error> {
        Ok(match line.record {
            "event" => Self::Event(serde_json::from_slice(line.bytes)?),
            _ => Self::Control(serde_json::from_slice(line.bytes)?),
        })
    }
}

/// An event as the file holds it. Texts were written by strangers: escape them before they reach a terminal or a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StoredEvent {
    /// The place in the chain.
    pub seq: u64,
    /// The hash of the record before it.
    #[serde(skip_serializing)]
    pub prev: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    #[serde(skip_serializing)]
    record: String,
    /// What sort of event.
    pub kind: AuditKind,
    /// What was tried.
    pub action: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was refused or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<StoredSubject>,
    /// Who acted on the subject's behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<StoredSubject>,
    /// The organisation of the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The HTTP method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The route template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// What was acted upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The digest of the policy that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The client's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The trace, 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The span, 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span_id: Option<String>,
    /// Whatever else was told, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
    /// The record's own hash.
    pub hash: String,
}

impl StoredEvent {
    /// Every text that may be sealed or keyed, with the field that it stands in. Which details are, the text itself tells.
    pub(crate) fn about_people_mut(&mut self) -> impl Iterator<Item = (&str, &mut String)> {
        let subjects = [&mut self.subject, &mut self.actor].into_iter().flatten();
        let subjects = subjects.map(|subject| ("sub", &mut subject.sub));
        let address = self.address.as_mut().map(|address| ("address", address));
        let details = self.details.iter_mut().map(|(name, text)| (field_of_detail(name), text));
        subjects.chain(address).chain(details)
    }
}

/// A detail that was given twice is the same field as the first.
fn field_of_detail(name: &str) -> &str {
    match name.rsplit_once('#') {
        Some((field, number)) if number.parse::<u32>().is_ok() => field,
        _ => name,
    }
}

/// Issuer and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StoredSubject {
    /// Who vouches for the name.
    pub iss: String,
    /// The name.
    pub sub: String,
}

/// What the trail says about itself; which members there are depends on `record`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ControlRecord {
    /// The place in the chain.
    pub seq: u64,
    /// The hash of the record before it.
    #[serde(skip_serializing)]
    pub prev: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// `genesis`, `segment`, `seal`, `start`, `recovery`, `gap`, `refusals`, `tombstone`, `checkpoint` or
    /// `shutdown`.
    pub record: String,
    /// Of `genesis` and `segment`: the format's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<u32>,
    /// Of `genesis` and `segment`: the hash algorithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// Of `genesis` and `segment`: the chain's random id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Of `genesis` and `segment`: the number in the file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<u64>,
    /// Of `seal`: the number of the segment that follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// Of `checkpoint`: the signed note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Of `refusals`: what sort of event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<AuditKind>,
    /// Of `refusals`: what was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Of `refusals`: how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Of `refusals`: why they were refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of `refusals`: the HTTP method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Of `refusals`: the route template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Of `refusals`: the clients' network, `192.0.2.0/24`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Of `refusals`: how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Of `gap`: why, `queue_full`, `write_failed`, `keys`, `quota` or `disk_low`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Of `gap`: how many events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// Of `gap` and `refusals`: when the first of them happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// Of `gap` and `refusals`: when the last of them happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// Of `tombstone`: the first segment that was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_segment: Option<u64>,
    /// Of `tombstone`: the last segment that was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_segment: Option<u64>,
    /// Of `tombstone`: the last record that was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seq: Option<u64>,
    /// Of `tombstone`: its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_hash: Option<String>,
    /// Of `start` and `recovery`: how many records before it the trail did not find signed by its key when it went on.
    /// Its later checkpoints don't vouch for those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsigned: Option<u64>,
    /// Of `recovery`: how many bytes of a torn line were set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torn_bytes: Option<u64>,
    /// Of `recovery`: their SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torn_sha256: Option<String>,
    /// Of `recovery`: the file that holds them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_aside: Option<String>,
    /// The record's own hash.
    pub hash: String,
}

impl ControlRecord {
    pub(crate) fn read(line: &Line<'_>) -> Option<Self> {
        serde_json::from_slice(line.bytes).ok()
    }
}
