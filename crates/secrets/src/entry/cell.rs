//! The value of a reference in the shape that a handle asked for.

use std::sync::Arc;
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwap;
use gambeson_core::Timestamp;
use tokio::sync::watch;

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
    /// Since when the store has a newer version that is not of this shape.
    lags: Mutex<Option<Timestamp>>,
    decode: Decode<T>,
}

impl<T> Cell<T> {
    pub(super) fn new(
        held: Held<T>,
        decode: impl Fn(&[u8]) -> Result<T, Malformed> + Send + Sync + 'static,
    ) -> Self {
        let signal = watch::Sender::new(held.version);
        let lags = Mutex::new(None);
        Self { held: ArcSwap::from_pointee(held), signal, lags, decode: Box::new(decode) }
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
    fn offer(&self, bytes: &[u8], version: Version, now: Timestamp) -> Result<(), Malformed>;
}

impl<T: Send + Sync + 'static> View for Cell<T> {
    fn offer(&self, bytes: &[u8], version: Version, now: Timestamp) -> Result<(), Malformed> {
        let decoded = self.decoded(bytes);
        let mut lags = self.lags.lock().unwrap_or_else(PoisonError::into_inner);
        *lags = decoded.as_ref().err().map(|_| lags.unwrap_or(now));
        drop(lags);
        self.held.store(Arc::new(Held { value: decoded?, version }));
        self.signal.send_replace(version);
        Ok(())
    }
}
