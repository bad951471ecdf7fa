//! Records as lines.

use std::fmt::Write;

use gambeson_audit_trail::{ControlRecord, Entry, StoredEvent};
use gambeson_core::escape_controls;

use crate::outcome::safe_json;

/// One line; what strangers wrote can't move the cursor.
pub(super) fn entry(entry: &Entry, json: bool) -> String {
    if json {
        return format!("{}\n", safe_json(entry));
    }
    let line = match entry {
        Entry::Event(event) => event_line(event),
        Entry::Control(control) => control_line(control),
        _ => format!("{} (a record of a newer version)", entry.seq()),
    };
    format!("{}\n", escape_controls(&line))
}

fn event_line(event: &StoredEvent) -> String {
    let mut line = format!(
        "{} {} {} {} {}",
        event.seq,
        event.at,
        event.kind.as_str(),
        event.outcome.as_str(),
        event.action
    );
    let subject = event.subject.as_ref().map(|subject| &subject.sub);
    let actor = event.actor.as_ref().map(|actor| &actor.sub);
    let parts = [
        ("reason", event.reason.as_ref()),
        ("subject", subject),
        ("actor", actor),
        ("tenant", event.tenant.as_ref()),
        ("method", event.method.as_ref()),
        ("route", event.route.as_ref()),
        ("object", event.object.as_ref()),
        ("address", event.address.as_ref()),
        ("trace", event.trace_id.as_ref()),
    ];
    for (name, value) in parts {
        if let Some(value) = value {
            let _ = write!(line, " {name}={value}");
        }
    }
    line
}

fn control_line(control: &ControlRecord) -> String {
    let mut line = format!("{} {} -- {}", control.seq, control.at, control.record);
    if let Some(lost) = control.lost {
        let _ = write!(line, ": {lost} events lost ({})", control.cause.as_deref().unwrap_or("?"));
    }
    if let Some(count) = control.count {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".into());
        let (action, reason, network) =
            (text(&control.action), text(&control.reason), text(&control.network));
        let _ = write!(line, ": {count} times {action} reason={reason} from {network}");
    }
    if let (Some(first), Some(last)) = (control.first_segment, control.last_segment) {
        let _ = write!(line, ": segments {first} to {last} were dropped");
    }
    if let Some(records) = control.unsigned {
        let _ = write!(line, ": {records} records before it are unsigned");
    }
    if let Some(bytes) = control.torn_bytes {
        let _ = write!(line, ": {bytes} bytes of a torn line set aside");
    }
    line
}
