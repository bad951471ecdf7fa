//! Events of the Open Cybersecurity Schema Framework, version 1.6.0.

use std::net::IpAddr;

use gambeson_core::{AuditKind, Outcome};
use serde_json::{Map, Value, json};

use crate::entry::{ControlRecord, Entry, StoredEvent, StoredSubject};
use crate::line;

const VERSION: &str = "1.6.0";

/// The event that says what this record says.
pub(super) fn event(entry: &Entry) -> Value {
    match entry {
        Entry::Event(event) => of_event(event),
        Entry::Control(control) => match control.kind {
            Some(kind) => of_refusals(control, kind),
            None => of_control(control),
        },
    }
}

/// A class and an activity of it.
struct Class {
    uid: u32,
    name: &'static str,
    category: &'static str,
    activity: u32,
    activity_name: String,
}

impl Class {
    fn new(uid: u32, name: &'static str, category: &'static str) -> Self {
        Self { uid, name, category, activity: 99, activity_name: String::new() }
    }

    fn doing(self, activity: u32, name: &str) -> Self {
        Self { activity, activity_name: name.into(), ..self }
    }

    fn of(kind: AuditKind, action: &str, method: Option<&str>) -> Self {
        match kind {
            AuditKind::Authentication => {
                let class = Self::new(3_002, "Authentication", "Identity & Access Management");
                if action.contains("logout") {
                    class.doing(2, "Logoff")
                } else if action.contains("login") {
                    class.doing(1, "Logon")
                } else {
                    class.doing(99, action)
                }
            }
            AuditKind::Authorization | AuditKind::SecretAccess | AuditKind::BudgetRefusal => {
                let class = Self::new(6_003, "API Activity", "Application Activity");
                match method {
                    Some("POST") => class.doing(1, "Create"),
                    Some("GET" | "HEAD") => class.doing(2, "Read"),
                    Some("PUT" | "PATCH") => class.doing(3, "Update"),
                    Some("DELETE") => class.doing(4, "Delete"),
                    _ => class.doing(99, action),
                }
            }
            AuditKind::PolicyChange | AuditKind::ConfigurationChange => {
                let class = Self::new(3_004, "Entity Management", "Identity & Access Management");
                class.doing(99, action)
            }
            _ => Self::new(0, "Base Event", "Uncategorized").doing(99, action),
        }
    }

    /// What every event has.
    fn begin(&self, at: &str, seq: u64, hash: &str) -> Map<String, Value> {
        let mut out = Map::new();
        let mut put = |name: &str, value: Value| drop(out.insert(name.into(), value));
        put("class_uid", self.uid.into());
        put("class_name", self.name.into());
        put("category_uid", (self.uid / 1_000).into());
        put("category_name", self.category.into());
        put("activity_id", self.activity.into());
        put("activity_name", self.activity_name.as_str().into());
        put("type_uid", (self.uid * 100 + self.activity).into());
        put("time", line::millis(at).unwrap_or_default().into());
        let product = json!({ "name": "gambeson-audit-trail", "vendor_name": "Gambeson", "version": env!("CARGO_PKG_VERSION") });
        put(
            "metadata",
            json!({ "version": VERSION, "product": product, "uid": hash, "sequence": seq, "original_time": at, "log_name": "audit-trail" }),
        );
        out
    }
}

fn of_event(event: &StoredEvent) -> Value {
    let class = Class::of(event.kind, &event.action, event.method.as_deref());
    let mut out = class.begin(&event.at, event.seq, &event.hash);
    status(&mut out, &event.action, event.outcome, event.reason.as_deref());
    metadata(&mut out, event);
    let user = user(event.subject.as_ref());
    let source = event.address.as_deref().map(endpoint);
    match class.uid {
        3_002 => {
            out.insert("user".into(), user.unwrap_or_else(unknown));
            // The schema asks for the service that one logs in to; which app this is, the trail does not know.
            out.insert("service".into(), json!({ "name": "unknown" }));
        }
        3_004 => {
            out.insert("entity".into(), entity(event));
            if let Some(user) = user {
                out.insert("actor".into(), json!({ "user": user }));
            }
        }
        6_003 => {
            out.insert("actor".into(), json!({ "user": user.unwrap_or_else(unknown) }));
            out.insert("api".into(), api(event));
            out.insert("src_endpoint".into(), source.clone().unwrap_or_else(|| json!({ "name": "unknown" })));
        }
        _ => {
            if let Some(user) = user {
                out.insert("actor".into(), json!({ "user": user }));
            }
        }
    }
    if let (Some(source), true) = (source, class.uid != 0) {
        out.insert("src_endpoint".into(), source);
    }
    if let Some(object) = &event.object
        && class.uid == 6_003
    {
        out.insert("resources".into(), json!([{ "name": object }]));
    }
    if let (Some(method), true) = (&event.method, class.uid != 0) {
        out.insert("http_request".into(), json!({ "http_method": method }));
    }
    unmapped(&mut out, event, class.uid);
    Value::Object(out)
}

fn status(out: &mut Map<String, Value>, action: &str, outcome: Outcome, reason: Option<&str>) {
    let success = outcome == Outcome::Success;
    let (id, status) = if success { (1, "Success") } else { (2, "Failure") };
    let (severity_id, severity) = if success { (1, "Informational") } else { (2, "Low") };
    out.insert("status_id".into(), id.into());
    out.insert("status".into(), status.into());
    out.insert("status_detail".into(), outcome.as_str().into());
    out.insert("severity_id".into(), severity_id.into());
    out.insert("severity".into(), severity.into());
    if let Some(reason) = reason {
        out.insert("status_code".into(), reason.into());
    }
    out.insert("message".into(), format!("{action} {}", outcome.as_str()).into());
}

fn metadata(out: &mut Map<String, Value>, event: &StoredEvent) {
    let Some(metadata) = out.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    metadata.insert("event_code".into(), event.kind.as_str().into());
    if let Some(tenant) = &event.tenant {
        metadata.insert("tenant_uid".into(), tenant.as_str().into());
    }
    if let Some(id) = &event.request_id {
        metadata.insert("correlation_uid".into(), id.as_str().into());
    }
    if let Some(trace) = &event.trace_id {
        metadata.insert("profiles".into(), json!(["trace"]));
        out.insert("trace".into(), json!({ "uid": trace }));
    }
}

fn user(subject: Option<&StoredSubject>) -> Option<Value> {
    // Whether it is a person or a service the trail does not say.
    subject
        .map(|subject| json!({ "uid": subject.sub, "domain": subject.iss, "type_id": 0, "type": "Unknown" }))
}

fn unknown() -> Value {
    json!({ "name": "unknown", "type_id": 0, "type": "Unknown" })
}

fn endpoint(address: &str) -> Value {
    match address.parse::<IpAddr>() {
        Ok(_) => json!({ "ip": address }),
        Err(_) => json!({ "uid": address }),
    }
}

fn api(event: &StoredEvent) -> Value {
    let mut api = json!({ "operation": event.action });
    if let Some(id) = &event.request_id {
        api["request"] = json!({ "uid": id });
    }
    api
}

fn entity(event: &StoredEvent) -> Value {
    let name = event.object.as_deref().unwrap_or(&event.action);
    match event.kind {
        AuditKind::PolicyChange => json!({ "name": name, "type_id": 5, "type": "Policy" }),
        _ => json!({ "name": name, "type_id": 99, "type": "Configuration" }),
    }
}

fn unmapped(out: &mut Map<String, Value>, event: &StoredEvent, class: u32) {
    let mut rest = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            rest.insert(name.into(), value);
        }
    };
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    put("route", text(&event.route));
    put("policy", text(&event.policy));
    put("span_id", text(&event.span_id));
    put("actor", event.actor.as_ref().map(|actor| json!({ "iss": actor.iss, "sub": actor.sub })));
    put("details", (!event.details.is_empty()).then(|| json!(event.details)));
    if class == 0 {
        put("method", text(&event.method));
        put("address", text(&event.address));
    }
    if !matches!(class, 3_004 | 6_003) {
        put("object", text(&event.object));
    }
    if !rest.is_empty() {
        out.insert("unmapped".into(), Value::Object(rest));
    }
}

/// Many refusals of strangers as one event: the class and what it requires are those of a single one.
fn of_refusals(control: &ControlRecord, kind: AuditKind) -> Value {
    let action = control.action.as_deref().unwrap_or_default();
    let class = Class::of(kind, action, control.method.as_deref());
    let mut out = class.begin(&control.at, control.seq, &control.hash);
    status(&mut out, action, control.outcome.unwrap_or(Outcome::Denied), control.reason.as_deref());
    let mut put = |name: &str, value: Value| drop(out.insert(name.into(), value));
    put("count", control.count.unwrap_or(1).into());
    for (name, at) in [("start_time", &control.first), ("end_time", &control.last)] {
        if let Some(at) = at.as_deref().and_then(line::millis) {
            put(name, at.into());
        }
    }
    match class.uid {
        3_002 => {
            put("user", unknown());
            put("service", json!({ "name": "unknown" }));
        }
        3_004 => put("entity", json!({ "name": action })),
        6_003 => {
            put("actor", json!({ "user": unknown() }));
            put("api", json!({ "operation": action }));
            put("src_endpoint", json!({ "name": "unknown" }));
        }
        _ => {}
    }
    if let (Some(method), true) = (&control.method, class.uid != 0) {
        put("http_request", json!({ "http_method": method }));
    }
    put("unmapped", json!({ "network": control.network, "route": control.route, "record": control.record }));
    Value::Object(out)
}

fn of_control(control: &ControlRecord) -> Value {
    let class = Class::new(0, "Base Event", "Uncategorized").doing(99, &control.record);
    let mut out = class.begin(&control.at, control.seq, &control.hash);
    let lost = control.lost.unwrap_or(0);
    // Lost events and stops that were not clean are worth a look.
    let worth_a_look = lost > 0 || control.record == "recovery";
    let (severity_id, severity) = if worth_a_look { (3, "Medium") } else { (1, "Informational") };
    out.insert("severity_id".into(), severity_id.into());
    out.insert("severity".into(), severity.into());
    if lost > 0 {
        out.insert("count".into(), lost.into());
    }
    let message = match lost {
        0 => format!("audit trail: {}", control.record),
        lost => format!("audit trail: {lost} events lost"),
    };
    out.insert("message".into(), message.into());
    let mut rest = serde_json::to_value(control).unwrap_or_default();
    if let Some(members) = rest.as_object_mut() {
        for told in ["seq", "at", "hash"] {
            members.remove(told);
        }
    }
    out.insert("unmapped".into(), rest);
    Value::Object(out)
}
