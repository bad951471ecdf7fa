//! The value of a reference in the shape that a handle asked for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use gambeson_core::{Monotonic, Timestamp};
use tokio::sync::watch;

use super::taken::Reading;
use crate::error::Malformed;
use crate::state::Version;

/// One version of a value.
pub(crate) struct Held<T> {
    pub(crate) value: T,
    pub(crate) version: Version,
}

type Decode<T> = Box<dyn Fn(&[u8]) -> Result<T, Malformed> + Send + Sync>;

/// What handles read: swapped whole, never changed.
pub(crate) struct Cell<T> {
    pub(crate) held: ArcSwap<Held<T>>,
    /// The last version that readers could see.
    pub(crate) signal: watch::Sender<Version>,
    /// The first nanosecond of the monotonic clock at which the held value may not be used any more. It is this cell's own:
    /// a read that brings something of another shape doesn't prolong the value that is held here.
    usable_until: AtomicU64,
    /// Since when the store has a newer version that is not of this shape.
    lags: Mutex<Option<Timestamp>>,
    decode: Decode<T>,
}

impl<T> Cell<T> {
    pub(super) fn new(
        held: Held<T>,
        usable_until: Monotonic,
        decode: impl Fn(&[u8]) -> Result<T, Malformed> + Send + Sync + 'static,
    ) -> Self {
        let signal = watch::Sender::new(held.version);
        let (lags, usable_until) = (Mutex::new(None), AtomicU64::new(usable_until.as_nanos()));
        Self { held: ArcSwap::from_pointee(held), signal, usable_until, lags, decode: Box::new(decode) }
    }

    /// Whether the held value may be used now. Looked at before the value is loaded: a newer one is good for longer.
    pub(crate) fn is_usable(&self, now: Monotonic) -> bool {
        now.as_nanos() < self.usable_until.load(Ordering::Acquire)
    }

    fn prolong(&self, usable_until: Monotonic) {
        self.usable_until.store(usable_until.as_nanos(), Ordering::Release);
    }

    /// The value that these bytes are in this shape.
    pub(crate) fn decoded(&self, bytes: &[u8]) -> Result<T, Malformed> {
        (self.decode)(bytes)
    }

    /// Since when the store has a newer version that is not of this shape.
    pub(crate) fn lags_since(&self) -> Option<Timestamp> {
        *self.lags.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A cell of whatever type.
pub(super) trait View: Send + Sync {
    /// A new version of the bytes.
    fn offer(&self, new: &Reading) -> Result<(), Malformed>;

    /// The store still has what this cell holds.
    fn confirm(&self, usable_until: Monotonic);
}

impl<T: Send + Sync + 'static> View for Cell<T> {
    fn offer(&self, new: &Reading) -> Result<(), Malformed> {
        let decoded = self.decoded(new.bytes.expose());
        let mut lags = self.lags.lock().unwrap_or_else(PoisonError::into_inner);
        *lags = decoded.as_ref().err().map(|_| lags.unwrap_or(new.read_at));
        drop(lags);
        self.held.store(Arc::new(Held { value: decoded?, version: new.version }));
        // After the value: what was held before is not usable for longer.
        self.prolong(new.usable_until);
        self.signal.send_replace(new.version);
        Ok(())
    }

    fn confirm(&self, usable_until: Monotonic) {
        if self.lags_since().is_none() {
            self.prolong(usable_until);
        }
    }
}
