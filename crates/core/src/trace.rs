//! The ids that tie telemetry, refusals and audit lines of one request together.

use std::fmt;

use crate::word::shown;

/// Trace id, span id and sampled flag as W3C Trace Context has them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TraceContext {
    /// The trace, 16 bytes, not all zero.
    pub trace_id: [u8; 16],
    /// The span within the trace, 8 bytes, not all zero.
    pub span_id: [u8; 8],
    /// Whether the caller recorded it.
    pub sampled: bool,
}

impl TraceContext {
    /// A context; `None` when an id is all zero, which Trace Context calls invalid.
    pub fn new(trace_id: [u8; 16], span_id: [u8; 8], sampled: bool) -> Option<Self> {
        (trace_id != [0; 16] && span_id != [0; 8]).then_some(Self { trace_id, span_id, sampled })
    }

    /// The trace id as 32 lower-case hexadecimal digits.
    pub fn trace_id_hex(&self) -> impl fmt::Display + use<> {
        Hex(self.trace_id)
    }

    /// The span id as 16 lower-case hexadecimal digits.
    pub fn span_id_hex(&self) -> impl fmt::Display + use<> {
        Hex(self.span_id)
    }
}

shown!(Debug for TraceContext, |at| format_args!("TraceContext({}-{}-{:02})", at.trace_id_hex(), at.span_id_hex(), u8::from(at.sampled)));

struct Hex<const N: usize>([u8; N]);

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
