//! Reads OTLP as a collector does: the protobuf wire format, and of it the fields that matter.

use std::collections::BTreeMap;

/// A field of a message: number, wire type, and its bytes (8 of them for a number).
type Field = (u64, u64, Vec<u8>);

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

fn fields(mut bytes: &[u8]) -> Vec<Field> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let value = match tag & 7 {
            0 => varint(&mut bytes).to_le_bytes().to_vec(),
            wire => {
                let length = match wire {
                    1 => 8,
                    2 => usize::try_from(varint(&mut bytes)).unwrap(),
                    5 => 4,
                    other => panic!("wire type {other}"),
                };
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                value.to_vec()
            }
        };
        fields.push((tag >> 3, tag & 7, value));
    }
    fields
}

fn all(bytes: &[u8], number: u64) -> Vec<Vec<u8>> {
    fields(bytes).into_iter().filter(|field| field.0 == number).map(|field| field.2).collect()
}

fn one(bytes: &[u8], number: u64) -> Vec<u8> {
    all(bytes, number).pop().unwrap_or_default()
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attributes(message: &[u8], field: u64) -> BTreeMap<String, String> {
    let pairs = all(message, field);
    let count = pairs.len();
    let read: BTreeMap<_, _> = pairs.iter().map(|pair| (text(one(pair, 1)), any(&one(pair, 2)))).collect();
    assert_eq!(read.len(), count, "an attribute stands twice");
    read
}

fn any(value: &[u8]) -> String {
    let (kind, _, value) = fields(value).remove(0);
    match kind {
        1 => text(value),
        2 => (number(&value) != 0).to_string(),
        3 => number(&value).cast_signed().to_string(),
        4 => f64::from_bits(number(&value)).to_string(),
        other => panic!("a value of kind {other}"),
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) state: String,
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) kind: u64,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) attributes: BTreeMap<String, String>,
    /// Trace id and span id of each.
    pub(crate) links: Vec<(String, String)>,
    pub(crate) status: u64,
    pub(crate) flags: u64,
}

impl Span {
    pub(crate) fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).map(String::as_str)
    }
}

/// The resource and the spans of an `ExportTraceServiceRequest`.
pub(crate) fn spans(request: &[u8]) -> (BTreeMap<String, String>, Vec<Span>) {
    let resource_spans = one(request, 1);
    let resource = attributes(&one(&resource_spans, 1), 1);
    let scope_spans = one(&resource_spans, 2);
    assert_eq!(text(one(&one(&scope_spans, 1), 1)), "gambeson-otel-setup");
    (resource, all(&scope_spans, 2).iter().map(|span| read_span(span)).collect())
}

fn read_span(span: &[u8]) -> Span {
    let links = all(span, 13);
    Span {
        trace_id: hex(&one(span, 1)),
        span_id: hex(&one(span, 2)),
        state: text(one(span, 3)),
        parent: hex(&one(span, 4)),
        name: text(one(span, 5)),
        kind: number(&one(span, 6)),
        start: number(&one(span, 7)),
        end: number(&one(span, 8)),
        attributes: attributes(span, 9),
        links: links.iter().map(|link| (hex(&one(link, 1)), hex(&one(link, 2)))).collect(),
        status: number(&one(&one(span, 15), 3)),
        flags: number(&one(span, 16)),
    }
}

/// A point of a metric: its attributes, and its value or count.
pub(crate) type Point = (BTreeMap<String, String>, f64);

/// The metrics of an `ExportMetricsServiceRequest`.
pub(crate) fn metrics(request: &[u8]) -> BTreeMap<String, Vec<Point>> {
    let scope_metrics = one(&one(request, 1), 2);
    let read = |metric: &Vec<u8>| (text(one(metric, 1)), points(metric));
    all(&scope_metrics, 2).iter().map(read).collect()
}

fn points(metric: &[u8]) -> Vec<Point> {
    let (sum, histogram) = (one(metric, 7), one(metric, 9));
    let counters = all(&sum, 1).into_iter().map(|point| (attributes(&point, 7), value(&point)));
    let histograms = all(&histogram, 1).into_iter().map(|point| {
        let counts: Vec<u64> = one(&point, 6).chunks(8).map(number).collect();
        let count = number(&one(&point, 4));
        assert_eq!(counts.len(), one(&point, 7).len() / 8 + 1);
        assert_eq!(counts.iter().sum::<u64>(), count);
        (attributes(&point, 9), count as f64)
    });
    assert_eq!(number(&one(if sum.is_empty() { &histogram } else { &sum }, 2)), 2, "cumulative");
    counters.chain(histograms).collect()
}

fn value(point: &[u8]) -> f64 {
    match (one(point, 4), one(point, 6)) {
        (double, integer) if integer.is_empty() => f64::from_bits(number(&double)),
        (_, integer) => number(&integer).cast_signed() as f64,
    }
}
