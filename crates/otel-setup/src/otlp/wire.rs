//! The protobuf wire format, as far as OTLP needs it: written without a schema compiler, read for one kind of answer.

/// Writes fields of one message.
#[derive(Debug, Default)]
pub(crate) struct Message(Vec<u8>);

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED32: u64 = 5;

impl Message {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn tag(&mut self, field: u64, kind: u64) {
        self.raw_varint(field << 3 | kind);
    }

    /// `uint32`, `uint64`, `bool`, `enum` or `int64` (as its two's complement).
    pub(crate) fn varint(&mut self, field: u64, value: u64) {
        self.tag(field, VARINT);
        self.raw_varint(value);
    }

    pub(crate) fn fixed64(&mut self, field: u64, value: u64) {
        self.tag(field, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn fixed32(&mut self, field: u64, value: u32) {
        self.tag(field, FIXED32);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn double(&mut self, field: u64, value: f64) {
        self.fixed64(field, value.to_bits());
    }

    pub(crate) fn bytes(&mut self, field: u64, value: &[u8]) {
        self.tag(field, LENGTH);
        self.raw_varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    pub(crate) fn string(&mut self, field: u64, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// A repeated 8-byte field in its packed form.
    pub(crate) fn packed64(&mut self, field: u64, values: impl ExactSizeIterator<Item = u64>) {
        self.tag(field, LENGTH);
        self.raw_varint(values.len() as u64 * 8);
        values.for_each(|value| self.0.extend_from_slice(&value.to_le_bytes()));
    }

    /// Fields that were written elsewhere.
    pub(crate) fn append(&mut self, fields: &[u8]) {
        self.0.extend_from_slice(fields);
    }

    /// A message within this one.
    pub(crate) fn message(&mut self, field: u64, write: impl FnOnce(&mut Self)) {
        self.tag(field, LENGTH);
        let start = self.0.len();
        write(self);
        let mut length = Self::default();
        length.raw_varint((self.0.len() - start) as u64);
        self.0.splice(start..start, length.0);
    }
}

/// The field of a message that was read: its number, and what it holds.
pub(crate) enum Field<'a> {
    Varint(u64, u64),
    Bytes(u64, &'a [u8]),
    Other,
}

/// The next field of `message`, and what comes after it; `None` at its end or where it can't be read on.
pub(crate) fn next_field(message: &[u8]) -> Option<(Field<'_>, &[u8])> {
    let (tag, rest) = read_varint(message)?;
    let number = tag >> 3;
    if number == 0 {
        return None;
    }
    match tag & 7 {
        VARINT => read_varint(rest).map(|(value, rest)| (Field::Varint(number, value), rest)),
        FIXED64 => rest.split_at_checked(8).map(|(_, rest)| (Field::Other, rest)),
        FIXED32 => rest.split_at_checked(4).map(|(_, rest)| (Field::Other, rest)),
        LENGTH => {
            let (length, rest) = read_varint(rest)?;
            let (bytes, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some((Field::Bytes(number, bytes), rest))
        }
        _ => None,
    }
}

fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * index as u32)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_as_protobuf_has_them() {
        let mut message = Message::default();
        message.varint(1, 150);
        message.string(2, "testing");
        message.message(3, |inner| inner.varint(1, 150));
        message.fixed32(4, 1);
        message.packed64(5, [2].into_iter());
        let wanted =
            b"\x08\x96\x01\x12\x07testing\x1a\x03\x08\x96\x01\x25\x01\0\0\0\x2a\x08\x02\0\0\0\0\0\0\0";
        assert_eq!(message.into_bytes(), wanted);
    }

    #[test]
    fn long_messages_get_a_long_length() {
        let mut message = Message::default();
        message.message(1, |inner| inner.string(1, &"x".repeat(300)));
        let bytes = message.into_bytes();
        let Some((Field::Bytes(1, inner), [])) = next_field(&bytes) else { panic!("one field") };
        let Some((Field::Bytes(1, text), [])) = next_field(inner) else { panic!("one field") };
        assert_eq!(text.len(), 300);
    }

    #[test]
    fn garbage_is_not_read() {
        for garbage in [&b"<html>"[..], b"\x0a\xff\xff\xff\xff\x0f", b"\x80", b"\0", &[0xff; 32]] {
            assert!(next_field(garbage).is_none(), "{garbage:?}");
        }
    }
}
