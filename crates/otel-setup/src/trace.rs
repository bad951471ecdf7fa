//! Which trace a request belongs to (W3C Trace Context, level 1; `tracestate` is not read).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use gambeson_core::{Entropy, TraceContext};
use http::HeaderMap;

/// The trace id and the sampled flag of a `traceparent` field; `None` when there is not exactly one that is valid.
pub(crate) fn parent(headers: &HeaderMap) -> Option<([u8; 16], bool)> {
    let mut values = headers.get_all("traceparent").iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    parse(value.as_bytes())
}

/// Version, trace id, parent id and flags, each of its exact length in lower case (§3.2.2). A later version may go on
/// after another dash (§3.2.4).
fn parse(text: &[u8]) -> Option<([u8; 16], bool)> {
    let (version, rest) = field::<1>(text)?;
    let (trace_id, rest) = field::<16>(dash(rest)?)?;
    let (parent_id, rest) = field::<8>(dash(rest)?)?;
    let ([flags], rest) = field::<1>(dash(rest)?)?;
    let length_fits = match version {
        [0] => rest.is_empty(),
        [0xff] => false,
        _ => rest.is_empty() || rest.starts_with(b"-"),
    };
    (length_fits && trace_id != [0; 16] && parent_id != [0; 8]).then_some((trace_id, flags & 1 == 1))
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

/// Makes ids out of random bytes that were fetched in advance, so that a request costs no system call.
pub(crate) struct Ids {
    entropy: Arc<dyn Entropy>,
    pool: Mutex<Pool>,
}

struct Pool {
    bytes: [u8; 2_048],
    used: usize,
}

impl Ids {
    pub(crate) fn new(entropy: Arc<dyn Entropy>) -> Self {
        let pool = Pool { bytes: [0; 2_048], used: 2_048 };
        Self { entropy, pool: Mutex::new(pool) }
    }

    /// A new span, in the trace of `parent` or in a new one; `None` when the system has no randomness.
    pub(crate) fn span(&self, parent: Option<([u8; 16], bool)>) -> Option<TraceContext> {
        let random: [u8; 24] = self.take()?;
        let (new_trace, span) = random.split_at(16);
        let (trace_id, sampled) = match parent {
            Some(parent) => parent,
            None => (new_trace.try_into().ok()?, false),
        };
        TraceContext::new(trace_id, span.try_into().ok()?, sampled)
    }

    fn take<const N: usize>(&self) -> Option<[u8; N]> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.used + N > pool.bytes.len() {
            // Never hand out old bytes, even if filling fails half-way.
            pool.used = pool.bytes.len();
            self.entropy.fill(&mut pool.bytes).ok()?;
            pool.used = 0;
        }
        let taken = pool.bytes.get(pool.used..pool.used + N)?.try_into().ok()?;
        pool.used += N;
        Some(taken)
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ids").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn valid_parents_are_read() {
        let (trace_id, sampled) = parse(GOOD.as_bytes()).unwrap();
        assert_eq!((trace_id[0], trace_id[15], sampled), (0x0a, 0x9c, true));
        assert!(parse(b"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more").is_some());
        assert!(!parse(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe").unwrap().1);
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
    fn ids_differ_and_a_parent_keeps_its_trace() {
        let ids = Ids::new(Arc::new(gambeson_core::FixedEntropy::starting_at(7)));
        let mut seen = std::collections::HashSet::new();
        assert!((0..500).all(|_| seen.insert(ids.span(None).unwrap().trace_id)));
        let child = ids.span(Some(([9; 16], true))).unwrap();
        assert_eq!((child.trace_id, child.sampled), ([9; 16], true));
    }
}
