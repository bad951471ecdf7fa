//! Records as the members of a JSON object, in the one order in which they are written.

use std::borrow::Cow;
use std::fmt::{Display, Write};

use gambeson_core::{AuditEvent, Subject, Timestamp, json_string};

use crate::digest::Digest;
use crate::fields::{Fields, Veil};
use crate::losses::{Cause, Loss};
use crate::refusals::Told;
use crate::retention::Sealed;
use crate::unsealed::{Party, Unsealed};

/// A longer text is cut there and says by how many bytes.
const MAX_TEXT: usize = 1_024;
/// More details than these are counted under the name `details.omitted`.
const MAX_DETAILS: usize = 32;

/// The members of an event, from `at` on, and the texts that have yet to be sealed into them.
pub(crate) fn event(
    event: &AuditEvent,
    fields: &Fields,
    now: impl FnOnce() -> Timestamp,
) -> (String, Option<Box<Unsealed>>) {
    let mut out = start(event.at, "event");
    let context = &event.context;
    let mut veil = fields.veil(context, now);
    text(&mut out, "kind", event.kind.as_str());
    text(&mut out, "action", &event.action);
    text(&mut out, "outcome", event.outcome.as_str());
    optional(&mut out, "reason", event.reason.as_deref());
    subject(&mut out, "subject", context.subject.as_ref(), Party::Subject, &mut veil);
    subject(&mut out, "actor", context.actor.as_ref(), Party::Actor, &mut veil);
    optional(&mut out, "tenant", context.tenant.as_deref());
    optional(&mut out, "method", event.method.as_ref().map(|method| method.as_str()));
    optional(&mut out, "route", context.route.as_ref().map(|route| route.as_str()));
    optional(&mut out, "object", event.object.as_deref());
    optional(&mut out, "policy", event.policy.as_deref());
    if let Some(address) = context.address {
        out.push_str(",\"address\":");
        veil.person(&mut out, Party::Subject, "address", &address.to_string());
    }
    optional(&mut out, "request_id", context.request_id.as_ref().map(|id| id.as_str()));
    shown(&mut out, "trace_id", context.trace.map(|trace| trace.trace_id_hex()));
    shown(&mut out, "span_id", context.trace.map(|trace| trace.span_id_hex()));
    details(&mut out, &event.details, &mut veil);
    (out, veil.unsealed())
}

fn start(at: Timestamp, record: &str) -> String {
    let mut out = String::with_capacity(512);
    let _ = write!(out, "\"at\":\"{at}\",\"record\":\"{record}\"");
    out
}

fn text(out: &mut String, name: &'static str, value: &str) {
    member(out, name);
    clipped(out, value);
}

/// The name of a member of ours, which has nothing in it to escape.
fn member(out: &mut String, name: &'static str) {
    debug_assert!(!name.contains(['"', '\\']), "{name} is written as it is");
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
}

fn optional(out: &mut String, name: &'static str, value: Option<&str>) {
    if let Some(value) = value {
        text(out, name, value);
    }
}

fn shown(out: &mut String, name: &'static str, value: Option<impl Display>) {
    if let Some(value) = value {
        text(out, name, &value.to_string());
    }
}

fn subject(
    out: &mut String,
    name: &'static str,
    subject: Option<&Subject>,
    party: Party,
    veil: &mut Veil<'_>,
) {
    if let Some(subject) = subject {
        member(out, name);
        out.push_str("{\"iss\":");
        clipped(out, &subject.issuer);
        out.push_str(",\"sub\":");
        veil.person(out, party, "sub", &clip(&subject.name));
        out.push('}');
    }
}

fn clipped(out: &mut String, value: &str) {
    json_string(out, &clip(value));
}

fn clip(value: &str) -> Cow<'_, str> {
    if value.len() <= MAX_TEXT {
        return Cow::Borrowed(value);
    }
    let end = (0..=MAX_TEXT).rev().find(|end| value.is_char_boundary(*end)).unwrap_or(0);
    let (kept, cut) = value.split_at(end);
    format!("{kept}…(+{} bytes)", cut.len()).into()
}

fn details(out: &mut String, details: &[(&'static str, String)], veil: &mut Veil<'_>) {
    if details.is_empty() {
        return;
    }
    out.push_str(",\"details\":");
    for (at, (name, value)) in details.iter().take(MAX_DETAILS).enumerate() {
        out.push(if at == 0 { '{' } else { ',' });
        // A name given twice keeps both values: readers of JSON would drop one of them.
        let before = details.iter().take(at).filter(|(other, _)| other == name).count();
        match before {
            0 => clipped(out, name),
            n => clipped(out, &format!("{name}#{}", n + 1)),
        }
        out.push(':');
        veil.detail(out, name, &clip(value));
    }
    if let Some(omitted) = details.len().checked_sub(MAX_DETAILS).filter(|n| *n > 0) {
        let _ = write!(out, ",\"details.omitted\":\"{omitted}\"");
    }
    out.push('}');
}

/// The first record of a trail.
pub(crate) fn genesis(at: Timestamp, instance: &str) -> String {
    let mut out = start(at, "genesis");
    let _ = write!(out, ",\"format\":3,\"algorithm\":\"sha256\",\"instance\":\"{instance}\",\"segment\":1");
    out
}

/// The first record of each further segment.
pub(crate) fn segment(at: Timestamp, instance: &str, number: u64) -> String {
    let mut out = start(at, "segment");
    let _ = write!(
        out,
        ",\"format\":3,\"algorithm\":\"sha256\",\"instance\":\"{instance}\",\"segment\":{number}"
    );
    out
}

/// The last record of a segment that has a successor.
pub(crate) fn seal(at: Timestamp, next: u64) -> String {
    let mut out = start(at, "seal");
    let _ = write!(out, ",\"next\":{next}");
    out
}

/// Written when a trail goes on after a clean stop.
pub(crate) fn resumed(at: Timestamp, unsigned: u64) -> String {
    let mut out = start(at, "start");
    self::unsigned(&mut out, unsigned);
    out
}

/// Written when a trail goes on after a stop that left no shutdown record.
pub(crate) fn recovery(at: Timestamp, unsigned: u64, torn: Option<(&str, u64, Digest)>) -> String {
    let mut out = start(at, "recovery");
    self::unsigned(&mut out, unsigned);
    if let Some((file, bytes, digest)) = torn {
        let _ = write!(out, ",\"torn_bytes\":{bytes},\"torn_sha256\":\"{digest}\",\"set_aside\":\"{file}\"");
    }
    out
}

/// Of how many records before it the trail found no signature by its key.
fn unsigned(out: &mut String, records: u64) {
    if records > 0 {
        let _ = write!(out, ",\"unsigned\":{records}");
    }
}

/// Holds a signed note over all records before it.
pub(crate) fn checkpoint(at: Timestamp, note: &str) -> String {
    let mut out = start(at, "checkpoint");
    out.push_str(",\"note\":");
    json_string(&mut out, note);
    out
}

/// Counts refusals of strangers.
pub(crate) fn refusals(at: Timestamp, told: &Told) -> String {
    let mut out = start(at, "refusals");
    if let Some(group) = &told.group {
        text(&mut out, "kind", group.kind.as_str());
        text(&mut out, "action", &group.action);
        text(&mut out, "outcome", group.outcome.as_str());
        optional(&mut out, "reason", group.reason.as_deref());
        optional(&mut out, "method", group.method.as_deref());
        optional(&mut out, "route", group.route.as_deref());
        shown(&mut out, "network", group.network);
    }
    let Loss { count, first, last } = told.count;
    let _ = write!(out, ",\"count\":{count},\"first\":\"{first}\",\"last\":\"{last}\"");
    out
}

/// Says which segments were dropped, and how their chain ended.
pub(crate) fn tombstone(at: Timestamp, first: u64, last: &Sealed) -> String {
    let mut out = start(at, "tombstone");
    let (segment, seq, hash) = (last.segment.number, last.last_seq, last.last_hash);
    let _ = write!(
        out,
        ",\"first_segment\":{first},\"last_segment\":{segment},\"last_seq\":{seq},\"last_hash\":\"{hash}\""
    );
    out
}

/// Counts what was lost.
pub(crate) fn gap(at: Timestamp, cause: Cause, loss: &Loss) -> String {
    let mut out = start(at, "gap");
    let _ = write!(
        out,
        ",\"cause\":\"{}\",\"lost\":{},\"first\":\"{}\",\"last\":\"{}\"",
        cause.as_str(),
        loss.count,
        loss.first,
        loss.last
    );
    out
}

/// The last record of a clean stop.
pub(crate) fn shutdown(at: Timestamp) -> String {
    start(at, "shutdown")
}

#[cfg(test)]
mod tests {
    use gambeson_core::{AuditKind, Outcome, SecretBytes};

    use super::*;
    use crate::config::Config;
    use crate::keys::{FieldKeys, MemorySubjectKeys};

    fn worst() -> AuditEvent {
        let long = "\u{1}".repeat(1 << 20);
        let mut worst =
            AuditEvent::new(AuditKind::Authorization, long.clone(), Outcome::Denied, Timestamp::default());
        worst.object = Some(long.clone().into());
        worst.policy = Some(long.clone().into());
        worst.reason = Some(long.clone().into());
        worst.context.tenant = Some(long.clone().into());
        let subject = Subject { issuer: long.clone().into(), name: long.clone().into() };
        worst.context.subject = Some(subject.clone());
        worst.context.actor = Some(subject);
        for _ in 0..100 {
            worst = worst.detail("same", long.clone());
        }
        worst
    }

    #[test]
    fn the_longest_event_fits_a_line() {
        let fields = Fields::new(&Config::default(), None).unwrap();
        let (members, unsealed) = event(&worst(), &fields, Timestamp::default);
        assert!(unsealed.is_none() && members.len() < crate::line::MAX_LINE / 2, "{}", members.len());
        let parsed: serde_json::Value = serde_json::from_str(&format!("{{{members}}}")).unwrap();
        assert_eq!(parsed["details"]["details.omitted"], "68");
        assert!(parsed["details"]["same#32"].as_str().unwrap().ends_with("(+1047552 bytes)"));
    }

    #[test]
    fn it_fits_when_everything_is_sealed() {
        let keys = FieldKeys::new(&SecretBytes::new(vec![1; 32])).unwrap();
        let keys = keys.with_subjects(std::sync::Arc::new(MemorySubjectKeys::new())).unwrap();
        let config = Config::default().personal_details(["same"]);
        let fields = Fields::new(&config, Some(&keys)).unwrap();
        let (members, unsealed) = event(&worst(), &fields, Timestamp::default);
        let unsealed = unsealed.unwrap();
        assert!(members.len() + unsealed.bytes() < crate::line::MAX_LINE / 2, "while it waits, too");
        let (members, fault) = unsealed.seal(&members);
        assert!(fault.is_none() && members.len() < crate::line::MAX_LINE / 2, "{}", members.len());
        let parsed: serde_json::Value = serde_json::from_str(&format!("{{{members}}}")).unwrap();
        assert!(parsed["details"]["same#32"].as_str().unwrap().starts_with("sealed:"));
    }
}
