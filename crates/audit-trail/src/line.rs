//! One line of a segment: how it is framed, hashed and read back.

use gambeson_core::Timestamp;

use crate::digest::Digest;

/// No line is longer, its newline included; a longer one is no line of a trail.
pub(crate) const MAX_LINE: usize = 1 << 20;

const HASH: &[u8] = b",\"hash\":\"";
const END: &[u8] = b"\"}";
/// `,"hash":"` 64 digits `"}`
const TRAILER: usize = HASH.len() + 64 + END.len();

/// Appends the line of a record to `out` and returns its hash.
///
/// `members` are the members after `prev`, beginning with `"at":` and `"record":`.
pub(crate) fn append(out: &mut Vec<u8>, seq: u64, prev: &Digest, members: &str) -> Digest {
    let start = out.len();
    out.extend_from_slice(b"{\"seq\":");
    out.extend_from_slice(seq.to_string().as_bytes());
    out.extend_from_slice(b",\"prev\":\"");
    out.extend_from_slice(&prev.hex());
    out.extend_from_slice(b"\",");
    out.extend_from_slice(members.as_bytes());
    let hash = Digest::of(out.get(start..).unwrap_or_default());
    out.extend_from_slice(HASH);
    out.extend_from_slice(&hash.hex());
    out.extend_from_slice(END);
    out.push(b'\n');
    hash
}

/// A line whose own hash is right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) seq: u64,
    pub(crate) prev: &'a [u8],
    pub(crate) at: &'a str,
    pub(crate) record: &'a str,
    pub(crate) hash: Digest,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Line<'a> {
    /// Reads a line, given without its newline; `None` when it is not what a trail wrote.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (body, trailer) = bytes.split_at_checked(bytes.len().checked_sub(TRAILER)?)?;
        let digits = trailer.strip_prefix(HASH)?.strip_suffix(END)?;
        let hash = Digest::of(body);
        if digits != hash.hex() {
            return None;
        }
        let (seq, rest) = number(body.strip_prefix(b"{\"seq\":")?)?;
        let (prev, rest) = rest.strip_prefix(b",\"prev\":\"")?.split_at_checked(64)?;
        let (at, rest) = word(rest.strip_prefix(b"\",\"at\":\"")?)?;
        let (record, _) = word(rest.strip_prefix(b",\"record\":\"")?)?;
        Some(Self { seq, prev, at, record, hash, bytes })
    }

    /// When, if it is written as a trail writes it.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        Some(Timestamp::from_unix_nanos(millis(self.at)?.checked_mul(1_000_000)?))
    }

    /// The digest that the record names as its predecessor's; zeros where it is none.
    pub(crate) fn prev_digest(&self) -> Digest {
        std::str::from_utf8(self.prev).ok().and_then(|prev| prev.parse().ok()).unwrap_or(Digest::ZERO)
    }

    /// Whether the record names this digest as its predecessor's.
    pub(crate) fn follows(&self, prev: &Digest) -> bool {
        self.prev == prev.hex()
    }
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().position(|b| !b.is_ascii_digit())?;
    let (digits, rest) = bytes.split_at_checked(end)?;
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

/// The text up to the next quote, and what follows that quote.
fn word(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|b| *b == b'"')?;
    let (text, rest) = bytes.split_at_checked(end)?;
    Some((std::str::from_utf8(text).ok()?, rest.get(1..)?))
}

/// Milliseconds since 1970 of `2026-11-23T08:15:30.250Z`: the one form of RFC 3339 that trails are written in.
pub(crate) fn millis(at: &str) -> Option<i64> {
    let digits = |range: std::ops::Range<usize>| -> Option<i64> {
        let text = at.get(range)?;
        text.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
        text.parse().ok()
    };
    if at.len() != 24 || !at.ends_with('Z') {
        return None;
    }
    let (year, month, day) = (digits(0..4)?, digits(5..7)?, digits(8..10)?);
    let (hour, minute, second, milli) = (digits(11..13)?, digits(14..16)?, digits(17..19)?, digits(20..23)?);
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 1_000 + milli)
}

/// Days from 1970-01-01 to a Gregorian date: years starting in March, 400-year cycles of 146,097 days.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let year_of_cycle = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
    year.div_euclid(400) * 146_097 + day_of_cycle - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_reads_back_and_no_byte_of_it_can_change() {
        let mut bytes = Vec::new();
        let members = r#""at":"2026-11-23T08:15:30.250Z","record":"event","action":"a\"b""#;
        let hash = append(&mut bytes, 42, &Digest::of(b"x"), members);
        let text = bytes.strip_suffix(b"\n").unwrap();
        let line = Line::read(text).unwrap();
        assert_eq!((line.seq, line.record, line.hash), (42, "event", hash));
        assert!(line.follows(&Digest::of(b"x")) && !line.follows(&Digest::ZERO));
        for place in 0..text.len() {
            for bit in 0..8 {
                let mut changed = text.to_vec();
                changed[place] ^= 1 << bit;
                assert!(Line::read(&changed).is_none(), "byte {place}, bit {bit}");
            }
        }
    }

    proptest! {
        #[test]
        fn times_read_as_core_writes_them(millis_since in -9_000_000_000_000_i64..9_000_000_000_000) {
            let at = Timestamp::from_unix_nanos(millis_since * 1_000_000).to_string();
            prop_assert_eq!(millis(&at), Some(millis_since));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Line::read(&bytes).is_none());
            let _ = millis(&String::from_utf8_lossy(&bytes));
        }
    }
}
