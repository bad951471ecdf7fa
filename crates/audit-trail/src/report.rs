//! What a verification found.

use std::fmt;
use std::path::PathBuf;

use crate::digest::Head;

/// A chain that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The chain's random id.
    pub instance: String,
    /// How many records, of all types.
    pub records: u64,
    /// How many of them are events.
    pub events: u64,
    /// How many events the trail itself says it lost.
    pub lost: u64,
    /// How many refusals of strangers are counted in records of their own, beside the events.
    pub refusals: u64,
    /// How often it was opened after a stop without a shutdown record.
    pub recoveries: u64,
    /// Whether its last record is the one of a clean stop. Without it the app is running, crashed, or the end was cut
    /// off: only a head that was kept elsewhere tells.
    pub closed: bool,
    /// Whether a head that was kept elsewhere was found in it.
    pub head_confirmed: bool,
    /// The last record.
    pub head: Head,
    /// How often the clock went back, and where first.
    pub clock_steps: u64,
    /// The first record after a clock step.
    pub first_clock_step: Option<u64>,
    /// How many segments at the beginning were dropped, as a tombstone says.
    pub dropped_segments: u64,
    /// How many records those held.
    pub dropped_records: u64,
    /// How many published heads of it are in it.
    pub anchored: u64,
    /// The record of the newest of them. What comes after it nobody outside has vouched for.
    pub anchored_to: Option<u64>,
    /// How many signed checkpoints it holds; without a key nobody looked at them.
    pub checkpoints: u64,
    /// The last record that a checkpoint of a given key vouches for. Whoever may write the files can have changed what
    /// comes after it.
    pub signed: Option<u64>,
    /// How many records before that one no checkpoint vouches for all the same: they were written after the last
    /// checkpoint before a stop, and the trail that went on behind them did not see them being written. A crash leaves as
    /// many as fit between two checkpoints; some where nothing crashed were written by somebody else, and more in a row than
    /// [`VerifyOptions::max_unsigned`](crate::VerifyOptions::max_unsigned) are an error.
    pub unsigned: u64,
    /// The first of them.
    pub first_unsigned: Option<u64>,
    /// The segments with the head of each.
    pub segments: Vec<SegmentReport>,
}

/// One segment of a whole chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentReport {
    /// The number in its name.
    pub number: u64,
    /// Its file.
    pub path: PathBuf,
    /// Its first record.
    pub first_seq: u64,
    /// Its last record.
    pub head: Head,
    /// Whether it is sealed, so that another one follows.
    pub sealed: bool,
}

/// Why a chain is not whole.
#[derive(Debug)]
pub struct VerifyError {
    pub(crate) kind: VerifyErrorKind,
    pub(crate) seq: Option<u64>,
    pub(crate) segment: Option<u64>,
    pub(crate) detail: String,
    pub(crate) source: Option<std::io::Error>,
}

/// What was done to the chain, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VerifyErrorKind {
    /// A record was changed.
    Edited,
    /// Records, or a whole segment, are not there.
    Missing,
    /// Records were moved or repeated.
    Reordered,
    /// The last line was not finished: a crash, or a copy of a file being written. All before it is whole.
    TornTail,
    /// The chain ends before a head that was kept elsewhere, or does not hold it.
    CutTail,
    /// The first record does not begin a chain of a known format, or there is none.
    BadGenesis,
    /// A segment stands where another one belongs, or belongs to another chain.
    SegmentOrder,
    /// The clock went back, and that was to be refused.
    ClockStep,
    /// The record of a head that was kept elsewhere is there, but it is another one: the chain was rewritten.
    Rewritten,
    /// A checkpoint is not signed by a given key, or none is.
    BadSignature,
    /// More records in a row than [`VerifyOptions::max_unsigned`](crate::VerifyOptions::max_unsigned) stand without a checkpoint.
    Unsigned,
    /// The files can't be read.
    Io,
}

impl VerifyErrorKind {
    /// A stable word in kebab case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Edited => "edited",
            Self::Missing => "missing",
            Self::Reordered => "reordered",
            Self::TornTail => "torn-tail",
            Self::CutTail => "cut-tail",
            Self::BadGenesis => "bad-genesis",
            Self::SegmentOrder => "segment-order",
            Self::ClockStep => "clock-step",
            Self::Rewritten => "rewritten",
            Self::BadSignature => "bad-signature",
            Self::Unsigned => "unsigned",
            Self::Io => "io",
        }
    }
}

impl VerifyError {
    /// What was done to the chain, as far as it can be told.
    #[must_use]
    pub fn kind(&self) -> VerifyErrorKind {
        self.kind
    }

    /// Whether a segment that was listed could not be found.
    pub(crate) fn is_gone(&self) -> bool {
        let not_found = |source: &std::io::Error| source.kind() == std::io::ErrorKind::NotFound;
        self.segment.is_some() && self.source.as_ref().is_some_and(not_found)
    }

    /// The first sequence number that can't be trusted; all before it are whole.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        self.seq
    }

    /// The number of the segment where it was found.
    #[must_use]
    pub fn segment(&self) -> Option<u64> {
        self.segment
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind.as_str())?;
        if let Some(seq) = self.seq {
            write!(f, " at record {seq}")?;
        }
        if let Some(segment) = self.segment {
            write!(f, " in segment {segment}")?;
        }
        write!(f, ": {}", self.detail)
    }
}

impl std::error::Error for VerifyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
