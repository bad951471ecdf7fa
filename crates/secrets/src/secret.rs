//! The live handle.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::Guard;
use gambeson_core::SecretRef;

use crate::SecretString;
use crate::entry::{Cell, Entry, Held};
use crate::error::ReadError;
use crate::state::{SecretState, Version};

/// A live handle on a secret: always holds the last good value, however often that is replaced.
///
/// Keep it, and [`load`](Secret::load) where the value is needed; a value that is kept does not follow a rotation.
pub struct Secret<T> {
    cell: Arc<Cell<T>>,
    entry: Arc<Entry>,
    /// The last version that `changed` told of.
    told: AtomicU64,
}

impl<T> Secret<T> {
    pub(crate) fn new(cell: Arc<Cell<T>>, entry: Arc<Entry>) -> Self {
        let told = AtomicU64::new(cell.held.load().version.0);
        Self { cell, entry, told }
    }

    /// The value, as good as it is: no lock, no allocation, no clock.
    ///
    /// Use [`Secret::usable`] where a value that is too old must not be used. What it gives is to be let go soon, and best
    /// not held over an await: a replaced value is wiped when the last reader lets it go.
    #[must_use]
    pub fn load(&self) -> Loaded<T> {
        Loaded(self.cell.held.load())
    }

    /// As [`Secret::load`], unless the value is [`SecretState::Failed`]; looks at the clock once.
    ///
    /// # Errors
    /// [`ReadErrorKind::Unavailable`](crate::ReadErrorKind::Unavailable): the value is too old.
    pub fn usable(&self) -> Result<Loaded<T>, ReadError> {
        match self.is_usable() {
            true => Ok(self.load()),
            false => Err(self.entry.too_old()),
        }
    }

    /// The version of the value that `load` gives now.
    #[must_use]
    pub fn version(&self) -> Version {
        self.cell.held.load().version
    }

    /// Waits until there is a version that this handle was not told of yet: at first, one newer than when it was taken.
    /// Versions between are skipped. `None`: secrets were shut down.
    ///
    /// Cancel safe: a version that was not told is told by the next call.
    pub async fn changed(&self) -> Option<Version> {
        let mut signal = self.cell.signal.subscribe();
        let told = self.told.load(Ordering::Acquire);
        let newer = async { signal.wait_for(|version| version.0 > told).await.map(|version| *version).ok() };
        // Reads never end otherwise than by closing.
        let version = crate::race::race(newer, self.entry.bell.finished(u64::MAX)).await??;
        self.told.fetch_max(version.0, Ordering::AcqRel);
        Some(version)
    }

    fn is_usable(&self) -> bool {
        self.cell.is_usable(self.entry.shared.clock.monotonic())
    }

    /// How good the value is.
    #[must_use]
    pub fn state(&self) -> SecretState {
        if !self.is_usable() {
            return SecretState::Failed;
        }
        match (self.entry.state(), self.cell.lags_since()) {
            (SecretState::Fresh, Some(since)) => SecretState::Stale { since },
            (state, _) => state,
        }
    }

    /// The other side rejected the current value (a 401, PostgreSQL's 28P01): it is read again as soon as the policy allows,
    /// once for all who say so. While the store keeps to that value, saying so again is heard after growing waits only, up to
    /// [`Policy::max_backoff`](crate::Policy::max_backoff), so that another side's mistake uses up no reads. Where the value may have been replaced meanwhile, use [`Secret::report_rejected_version`].
    pub fn report_rejected(&self) {
        self.report_rejected_version(self.version());
    }

    /// The other side rejected the value of this version; nothing happens if that is no longer the current one.
    pub fn report_rejected_version(&self, version: Version) {
        self.entry.rejected(version);
    }

    /// Reads the secret again as soon as the policy allows, and waits for that.
    ///
    /// # Errors
    /// The read failed; the handle keeps the last good value.
    pub async fn refresh(&self) -> Result<Version, ReadError> {
        self.entry.read_anew().await
    }

    /// Where the secret is, without its field.
    #[must_use]
    pub fn reference(&self) -> &SecretRef {
        &self.entry.reference
    }
}

impl Secret<SecretString> {
    /// Another view of the same secret text.
    pub(crate) fn derive<U: Send + Sync + 'static>(
        &self,
        decode: impl Fn(&SecretString) -> Result<U, crate::error::Malformed> + Send + Sync + 'static,
    ) -> Result<Secret<U>, ReadError> {
        let source = Arc::clone(&self.cell);
        let cell = self.entry.view(move |bytes| decode(&source.decoded(bytes)?))?;
        Ok(Secret::new(cell, Arc::clone(&self.entry)))
    }
}

impl<T> Clone for Secret<T> {
    fn clone(&self) -> Self {
        let told = AtomicU64::new(self.told.load(Ordering::Acquire));
        Self { cell: Arc::clone(&self.cell), entry: Arc::clone(&self.entry), told }
    }
}

/// Shows the reference and nothing of the value.
impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("reference", &self.entry.reference).finish_non_exhaustive()
    }
}

/// The value of a [`Secret`] at one moment.
pub struct Loaded<T>(Guard<Arc<Held<T>>>);

impl<T> Loaded<T> {
    /// Its version, for [`Secret::report_rejected_version`].
    #[must_use]
    pub fn version(&self) -> Version {
        self.0.version
    }
}

impl<T> Deref for Loaded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

/// Shows the version and nothing of the value.
impl<T> fmt::Debug for Loaded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("version", &self.0.version).finish_non_exhaustive()
    }
}
