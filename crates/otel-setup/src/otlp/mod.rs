//! OTLP 1.x over HTTP in its binary protobuf encoding.
//!
//! The messages are written by hand: they are a dozen, their numbers are a stable promise of the protocol, and a schema compiler with
//! its runtime would bring more crates than the rest of this one.

mod metrics;
mod resource;
mod spans;
mod wire;

use gambeson_core::Timestamp;

pub(crate) use metrics::metrics_request;
pub(crate) use resource::Resource;
pub(crate) use spans::{ServerAddress, spans_request};
use wire::{Field, Message, next_field};

/// The media type of requests and answers.
pub(crate) const CONTENT_TYPE: &str = "application/x-protobuf";

/// The semantic conventions whose names are used.
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.42.0";

impl Message {
    /// One `KeyValue` in the repeated field `attributes` of this number.
    fn text(&mut self, field: u64, key: &str, value: &str) {
        self.attribute(field, key, |any| any.string(1, value));
    }

    fn int(&mut self, field: u64, key: &str, value: i64) {
        self.attribute(field, key, |any| any.varint(3, value.cast_unsigned()));
    }

    fn float(&mut self, field: u64, key: &str, value: f64) {
        self.attribute(field, key, |any| any.double(4, value));
    }

    fn boolean(&mut self, field: u64, key: &str, value: bool) {
        self.attribute(field, key, |any| any.varint(2, u64::from(value)));
    }

    fn attribute(&mut self, field: u64, key: &str, value: impl FnOnce(&mut Message)) {
        self.message(field, |pair| {
            pair.string(1, key);
            pair.message(2, value);
        });
    }

    fn scope(&mut self, field: u64) {
        self.message(field, |scope| {
            scope.string(1, env!("CARGO_PKG_NAME"));
            scope.string(2, env!("CARGO_PKG_VERSION"));
        });
    }
}

fn nanos(time: Timestamp) -> u64 {
    u64::try_from(time.unix_nanos()).unwrap_or(0)
}

/// How many items of a request the collector rejected; `None` when this is no answer of a collector.
///
/// The answers for traces and metrics have one form: field 1 is the partial success, whose field 1 is the count.
pub(crate) fn rejected(answer: &[u8]) -> Option<u64> {
    let mut rejected = 0;
    let mut rest = answer;
    while !rest.is_empty() {
        let (field, after) = next_field(rest)?;
        if let Field::Bytes(1, mut partial) = field {
            while !partial.is_empty() {
                let (field, after) = next_field(partial)?;
                if let Field::Varint(1, count) = field {
                    rejected = count;
                }
                partial = after;
            }
        }
        rest = after;
    }
    Some(rejected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_success_is_read_and_garbage_is_not() {
        assert_eq!(rejected(b""), Some(0));
        assert_eq!(rejected(b"\x0a\x00"), Some(0));
        assert_eq!(rejected(b"\x0a\x07\x08\x03\x12\x03bad"), Some(3));
        assert_eq!(rejected(b"<!doctype html><title>Log in</title>"), None);
    }
}
