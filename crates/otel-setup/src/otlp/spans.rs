//! Spans as `ExportTraceServiceRequest`.

use gambeson_core::Money;
use http::Version;

use super::wire::Message;
use super::{Resource, SCHEMA_URL, nanos};
use crate::metrics::ErrorLabel;
use crate::span::{AppSpan, ClientSpan, FieldValue, ServerSpan, SpanKind, SpanRecord};
use crate::traceparent::Parent;

const ATTRIBUTES: u64 = 9;

/// The name and port by which clients know this service, as the app declares them.
#[derive(Debug, Clone)]
pub(crate) struct ServerAddress {
    pub(crate) host: Box<str>,
    pub(crate) port: Option<u16>,
}

/// All these spans in one request.
pub(crate) fn spans_request(
    resource: &Resource,
    server: Option<&ServerAddress>,
    spans: &[SpanRecord],
) -> Vec<u8> {
    let mut request = Message::default();
    request.message(1, |resource_spans| {
        resource.write(resource_spans, 1);
        resource_spans.message(2, |scope_spans| {
            scope_spans.scope(1);
            for span in spans {
                scope_spans.message(2, |out| write_span(out, span, server));
            }
            scope_spans.string(3, SCHEMA_URL);
        });
    });
    request.into_bytes()
}

fn write_span(out: &mut Message, span: &SpanRecord, server: Option<&ServerAddress>) {
    out.bytes(1, &span.trace.trace_id);
    out.bytes(2, &span.trace.span_id);
    if let Some(state) = &span.state {
        out.string(3, state);
    }
    if let Some(parent) = &span.parent {
        out.bytes(4, &parent.id);
    }
    out.string(5, &span.name());
    out.varint(6, kind(&span.kind));
    out.fixed64(7, nanos(span.started));
    out.fixed64(8, nanos(span.started.plus(span.took)));
    match &span.kind {
        SpanKind::Server(details) => {
            write_server(out, details, server);
            if let Some(link) = &details.link {
                out.message(13, |out| write_link(out, link));
            }
        }
        SpanKind::Client(details) => write_client(out, details),
        SpanKind::App(details) => write_app(out, details),
    }
    if span.failed {
        const ERROR: u64 = 2;
        out.message(15, |status| status.varint(3, ERROR));
    }
    out.fixed32(16, flags(span));
}

fn kind(kind: &SpanKind) -> u64 {
    match kind {
        SpanKind::App(_) => 1,
        SpanKind::Server(_) => 2,
        SpanKind::Client(_) => 3,
    }
}

/// The flags of Trace Context, and whether the parent is in another process.
fn flags(span: &SpanRecord) -> u32 {
    const KNOWN: u32 = 0x100;
    const REMOTE: u32 = 0x200;
    let remote = span.parent.is_some_and(|parent| parent.remote);
    u32::from(span.trace.sampled) | u32::from(span.random) << 1 | KNOWN | if remote { REMOTE } else { 0 }
}

fn write_link(out: &mut Message, link: &Parent) {
    out.bytes(1, &link.trace_id);
    out.bytes(2, &link.span_id);
    // Known to be remote.
    out.fixed32(6, u32::from(link.sampled()) | 0x300);
}

fn write_server(out: &mut Message, span: &ServerSpan, server: Option<&ServerAddress>) {
    out.text(ATTRIBUTES, "http.request.method", span.method.as_str());
    if let Some(odd) = &span.odd_method {
        out.text(ATTRIBUTES, "http.request.method_original", odd);
    }
    out.text(ATTRIBUTES, "url.scheme", scheme(span.https));
    if let Some(version) = protocol(span.version) {
        out.text(ATTRIBUTES, "network.protocol.version", version);
    }
    if let Some(route) = &span.route {
        out.text(ATTRIBUTES, "http.route", route.as_str());
    }
    if let Some(server) = server {
        out.text(ATTRIBUTES, "server.address", &server.host);
        if let Some(port) = server.port {
            out.int(ATTRIBUTES, "server.port", i64::from(port));
        }
    }
    if let Some(client) = span.client {
        out.text(ATTRIBUTES, "client.address", &client.to_string());
    }
    write_end(out, span.status, span.error, span.cancelled);
    if let Some(rejection) = &span.rejection {
        out.text(ATTRIBUTES, "gambeson.rejection", rejection.slug());
        out.text(ATTRIBUTES, "gambeson.rejection.class", rejection.class().as_str());
    }
    if let Some(cost) = span.cost {
        out.float(ATTRIBUTES, "gambeson.cost.amount", units(cost));
        out.text(ATTRIBUTES, "gambeson.cost.currency", cost.currency().as_str());
    }
    if span.late {
        out.boolean(ATTRIBUTES, "gambeson.sampled_late", true);
    }
}

fn write_client(out: &mut Message, span: &ClientSpan) {
    out.text(ATTRIBUTES, "http.request.method", span.method.as_str());
    out.text(ATTRIBUTES, "gambeson.dependency", &span.dependency);
    out.text(ATTRIBUTES, "url.scheme", scheme(span.https));
    if let Some(host) = &span.host {
        out.text(ATTRIBUTES, "server.address", host);
        out.int(ATTRIBUTES, "server.port", i64::from(span.port));
    }
    if span.resends > 0 {
        out.int(ATTRIBUTES, "http.request.resend_count", i64::from(span.resends));
    }
    write_end(out, span.status, span.error, span.cancelled);
    if let Some(rejection) = &span.rejection {
        out.text(ATTRIBUTES, "gambeson.rejection", rejection.slug());
        out.text(ATTRIBUTES, "gambeson.rejection.class", rejection.class().as_str());
    }
}

fn write_end(out: &mut Message, status: u16, error: ErrorLabel, cancelled: bool) {
    if status != 0 {
        out.int(ATTRIBUTES, "http.response.status_code", i64::from(status));
    }
    match error {
        // Given up by the client: an end of its own, no error.
        _ if cancelled => out.boolean(ATTRIBUTES, "gambeson.cancelled", true),
        ErrorLabel::None => {}
        ErrorLabel::Status => out.text(ATTRIBUTES, "error.type", &status.to_string()),
        ErrorLabel::Word(word) => out.text(ATTRIBUTES, "error.type", word),
    }
}

fn write_app(out: &mut Message, span: &AppSpan) {
    out.text(ATTRIBUTES, "code.namespace", span.target);
    for (name, value) in &span.fields {
        match value {
            _ if names_a_secret(name) => out.text(ATTRIBUTES, name, "REDACTED"),
            FieldValue::Text(text) => out.text(ATTRIBUTES, name, text),
            FieldValue::Int(number) => out.int(ATTRIBUTES, name, *number),
            FieldValue::Double(number) => out.float(ATTRIBUTES, name, *number),
            FieldValue::Bool(truth) => out.boolean(ATTRIBUTES, name, *truth),
        }
    }
    if span.dropped_fields > 0 {
        out.varint(10, u64::from(span.dropped_fields));
    }
}

/// Whether a field of this name had better not leave.
fn names_a_secret(name: &str) -> bool {
    const WORDS: [&str; 9] = [
        "password",
        "passwd",
        "secret",
        "token",
        "authorization",
        "cookie",
        "api_key",
        "apikey",
        "credential",
    ];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

fn scheme(https: bool) -> &'static str {
    if https { "https" } else { "http" }
}

fn protocol(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

fn units(money: Money) -> f64 {
    money.nanos() as f64 / 1e9
}
