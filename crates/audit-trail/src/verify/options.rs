//! What a trail is held against.

use std::time::Duration;

use crate::anchor::PublishedHead;
use crate::checkpoint::Checkpoints;
use crate::digest::Head;
use crate::note::VerifyingKey;

/// What to hold a trail against.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// A head that was kept elsewhere. Default none: then nobody can tell whether the end was cut off at a line.
    pub head: Option<Head>,
    /// Heads that an anchor has, of this chain and others. Default none. If there are any, one must be of this chain, and
    /// all of this chain must be in it.
    pub anchored: Vec<PublishedHead>,
    /// The public keys of whoever signs the trail's checkpoints, older ones too. Default none: then checkpoints are not
    /// looked at.
    pub keys: Vec<VerifyingKey>,
    /// How many records in a row may stand without a checkpoint. Default 1,024: what a crash leaves at most of a trail with
    /// the default [`Checkpoints`](crate::Checkpoints), the 1,000 of an interval and what is written with them. A trail that
    /// signs less often needs as much more. Only looked at with [`keys`](Self::keys).
    pub max_unsigned: u64,
    /// How far a record's time may lie before the newest one. Default one minute: events wait in a queue.
    pub clock_tolerance: Duration,
    /// Whether a larger step back of the clock is an error. Default no: it is only counted, time servers do that too.
    pub refuse_clock_steps: bool,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            head: None,
            anchored: Vec::new(),
            keys: Vec::new(),
            max_unsigned: Checkpoints::default().most_unsigned(),
            clock_tolerance: Duration::from_secs(60),
            refuse_clock_steps: false,
        }
    }
}

impl VerifyOptions {
    /// Sets [`head`](Self::head).
    #[must_use]
    pub fn head(mut self, head: Head) -> Self {
        self.head = Some(head);
        self
    }

    /// Sets [`anchored`](Self::anchored), for example to what [`read_heads`](crate::read_heads) gives.
    #[must_use]
    pub fn anchored(mut self, heads: Vec<PublishedHead>) -> Self {
        self.anchored = heads;
        self
    }

    /// Adds one of the [`keys`](Self::keys): from then on every checkpoint must be signed by one of them, and each seal and
    /// shutdown must stand right behind one.
    #[must_use]
    pub fn key(mut self, key: VerifyingKey) -> Self {
        self.keys.push(key);
        self
    }

    /// Sets [`max_unsigned`](Self::max_unsigned).
    #[must_use]
    pub fn max_unsigned(mut self, records: u64) -> Self {
        self.max_unsigned = records;
        self
    }

    /// Sets [`clock_tolerance`](Self::clock_tolerance) and makes a larger step an error.
    #[must_use]
    pub fn refuse_clock_steps(mut self, tolerance: Duration) -> Self {
        self.clock_tolerance = tolerance;
        self.refuse_clock_steps = true;
        self
    }
}
