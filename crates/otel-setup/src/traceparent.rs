//! The `traceparent` field (W3C Trace Context §3.2).

use gambeson_core::TraceContext;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The field's name, parsed once.
pub(crate) static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The recorded flag (level 1).
const SAMPLED: u8 = 1;
/// The trace id is random in its last seven bytes (level 2).
const RANDOM: u8 = 2;

/// What a valid `traceparent` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parent {
    pub(crate) trace_id: [u8; 16],
    pub(crate) span_id: [u8; 8],
    flags: u8,
}

impl Parent {
    pub(crate) const fn sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    pub(crate) const fn random(&self) -> bool {
        self.flags & RANDOM != 0
    }
}

/// The parent that these headers name; `None` when there is not exactly one that is valid.
pub(crate) fn parent(headers: &HeaderMap) -> Option<Parent> {
    let mut values = headers.get_all(&TRACEPARENT).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    parse(value.as_bytes())
}

/// Version, trace id, parent id and flags, each of its exact length in lower case (§3.2.2). A later version may go on
/// after another dash (§3.2.4).
fn parse(text: &[u8]) -> Option<Parent> {
    let (version, rest) = field::<1>(text)?;
    let (trace_id, rest) = field::<16>(dash(rest)?)?;
    let (span_id, rest) = field::<8>(dash(rest)?)?;
    let ([flags], rest) = field::<1>(dash(rest)?)?;
    let length_fits = match version {
        [0] => rest.is_empty(),
        [0xff] => false,
        _ => rest.is_empty() || rest.starts_with(b"-"),
    };
    (length_fits && trace_id != [0; 16] && span_id != [0; 8]).then_some(Parent { trace_id, span_id, flags })
}

fn dash(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"-")
}

fn field<const N: usize>(text: &[u8]) -> Option<([u8; N], &[u8])> {
    let (digits, rest) = text.split_at_checked(2 * N)?;
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some((bytes, rest))
}

fn digit(c: u8) -> Option<u8> {
    match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    }
}

/// The field of version 00 for a request that `trace` sends.
pub(crate) fn value(trace: &TraceContext, random: bool) -> Option<HeaderValue> {
    let flags = (u8::from(trace.sampled) * SAMPLED) | (u8::from(random) * RANDOM);
    let text = format!("00-{}-{}-{flags:02x}", trace.trace_id_hex(), trace.span_id_hex());
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn valid_parents_are_read() {
        let parent = parse(GOOD.as_bytes()).unwrap();
        assert_eq!((parent.trace_id[0], parent.trace_id[15], parent.span_id[7]), (0x0a, 0x9c, 0x31));
        assert!(parent.sampled() && !parent.random());
        assert!(parse(b"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more").is_some());
        let odd = parse(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe").unwrap();
        assert!(!odd.sampled() && odd.random());
    }

    #[test]
    fn invalid_parents_are_not() {
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert!(parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn two_parents_are_none() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", GOOD.parse().unwrap());
        assert!(parent(&headers).is_some());
        headers.append("traceparent", GOOD.parse().unwrap());
        assert!(parent(&headers).is_none());
    }

    #[test]
    fn what_is_written_is_read() {
        let parent = parse(GOOD.as_bytes()).unwrap();
        let trace = TraceContext::new(parent.trace_id, parent.span_id, true).unwrap();
        assert_eq!(value(&trace, false).unwrap(), GOOD);
        assert!(value(&trace, true).unwrap().to_str().unwrap().ends_with("-03"));
    }
}
