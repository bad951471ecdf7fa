//! One reference: its value, its readers and its refresher.

mod bell;
mod cell;
mod pace;
mod refresher;
mod taken;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use gambeson_core::{Monotonic, SecretBytes, SecretError, SecretRef, Timestamp};

use tokio::sync::watch;

pub(crate) use bell::{Bell, Demand};
use cell::View;
pub(crate) use cell::{Cell, Held};
use taken::Reading;

use crate::error::{Malformed, ReadError, ReadErrorKind};
use crate::shared::Shared;
use crate::state::{SecretState, Version};
use crate::store::SecretStore;
use crate::telemetry;

/// One reference without its field. Its refresher holds it weakly: who holds handles keeps it alive.
pub(crate) struct Entry {
    pub(crate) reference: SecretRef,
    pub(crate) shared: Arc<Shared>,
    pub(crate) bell: Arc<Bell>,
    store: Arc<dyn SecretStore>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    reading: Option<Reading>,
    views: Vec<Weak<dyn View>>,
    trouble: Option<Trouble>,
    rejections: Rejections,
}

/// Reads that failed since the last good one.
#[derive(Clone)]
struct Trouble {
    since: Timestamp,
    failures: u32,
    last: ReadError,
}

/// How often the other side rejected one version.
#[derive(Default)]
struct Rejections {
    version: Option<Version>,
    count: u32,
    /// Until then, who says so is not listened to: it was read again already.
    heard_from: Monotonic,
}

impl Entry {
    pub(crate) fn new(reference: SecretRef, store: Arc<dyn SecretStore>, shared: Arc<Shared>) -> Self {
        let (bell, known) = (Arc::new(Bell::new()), Mutex::default());
        Self { reference, shared, bell, store, known }
    }

    /// Starts the refresher; `false` when there is no runtime to run it.
    pub(crate) fn start(self: &Arc<Self>, running: watch::Receiver<()>) -> bool {
        refresher::start(self, running)
    }

    /// Waits until there is a value. However many wait, the store is asked once.
    ///
    /// After a failure it is asked again only when the policy allows another read; until then the failure is the answer.
    pub(crate) async fn ready(&self) -> Result<(), ReadError> {
        loop {
            let read = match self.outcome() {
                Some(Ok(())) => return Ok(()),
                None => self.bell.expected(),
                Some(Err(error)) => match self.bell.expected() {
                    Some(read) => Some(read),
                    None => return Err(error),
                },
            };
            if self.bell.is_closed() {
                return Err(ReadError::new(ReadErrorKind::Closed, &self.reference));
            }
            // None: the first read is about to be noted as ended.
            self.bell.finished(read.unwrap_or(1)).await;
            if let Some(outcome) = self.outcome() {
                return outcome;
            }
        }
    }

    /// Asks for a read that begins now or as soon as the policy allows, and waits for its end.
    pub(crate) async fn read_anew(&self) -> Result<Version, ReadError> {
        let read = self.bell.ring(Demand::Wanted);
        self.bell.finished(read).await;
        if self.bell.is_closed() {
            return Err(ReadError::new(ReadErrorKind::Closed, &self.reference));
        }
        let known = self.known();
        match (&known.trouble, &known.reading) {
            (Some(trouble), _) => Err(trouble.last.clone()),
            (None, Some(reading)) => Ok(reading.version),
            (None, None) => Err(ReadError::new(ReadErrorKind::Unavailable, &self.reference)),
        }
    }

    fn outcome(&self) -> Option<Result<(), ReadError>> {
        let known = self.known();
        match (&known.reading, &known.trouble) {
            (Some(_), _) => Some(Ok(())),
            (None, Some(trouble)) => Some(Err(trouble.last.clone())),
            (None, None) => None,
        }
    }

    /// A view of the value that follows it; an error when the value is not of that shape now, or not there.
    pub(crate) fn view<T: Send + Sync + 'static>(
        &self,
        decode: impl Fn(&[u8]) -> Result<T, Malformed> + Send + Sync + 'static,
    ) -> Result<Arc<Cell<T>>, ReadError> {
        let mut known = self.known();
        let Some(reading) = &known.reading else {
            return Err(ReadError::new(ReadErrorKind::Unavailable, &self.reference));
        };
        let value = decode(reading.bytes.expose()).map_err(|error| error.at(&self.reference))?;
        let held = Held { value, version: reading.version };
        let cell = Arc::new(Cell::new(held, reading.usable_until, decode));
        known.views.retain(|view| view.strong_count() > 0);
        let view: Weak<dyn View> = Arc::downgrade(&(Arc::clone(&cell) as Arc<dyn View>));
        known.views.push(view);
        Ok(cell)
    }

    /// The bytes as they are now, unless they are too old to be used.
    pub(crate) fn bytes(&self) -> Result<SecretBytes, ReadError> {
        let now = self.shared.clock.monotonic();
        let known = self.known();
        let usable = known.reading.as_ref().filter(|reading| now < reading.usable_until);
        usable.map(|reading| reading.bytes.clone()).ok_or_else(|| self.too_old())
    }

    /// The last value may not be used any more.
    pub(crate) fn too_old(&self) -> ReadError {
        let why = "its last value is too old to be used";
        ReadError::new(ReadErrorKind::Unavailable, &self.reference).because(why)
    }

    /// Where the secret really lay when it was last read.
    pub(crate) fn place(&self) -> Option<Box<str>> {
        self.known().reading.as_ref().and_then(|reading| reading.place.clone())
    }

    pub(crate) fn state(&self) -> SecretState {
        let now = self.shared.clock.monotonic();
        let known = self.known();
        match (&known.trouble, &known.reading) {
            (_, None) => SecretState::Failed,
            (_, Some(reading)) if now >= reading.usable_until => SecretState::Failed,
            (Some(trouble), _) => SecretState::Stale { since: trouble.since },
            (None, Some(reading)) if now >= reading.fresh_until => {
                let since = self.shared.clock.now().minus(now.since(reading.fresh_until));
                SecretState::Stale { since }
            }
            _ => SecretState::Fresh,
        }
    }

    /// What operators may know: the count of values, when it was last read, failures in a row and the last of them.
    pub(crate) fn account(&self) -> (Option<Version>, Option<Timestamp>, u32, Option<ReadErrorKind>) {
        let known = self.known();
        let reading = known.reading.as_ref();
        let trouble = known.trouble.as_ref();
        (
            reading.map(|reading| reading.version),
            reading.map(|reading| reading.read_at),
            trouble.map_or(0, |trouble| trouble.failures),
            trouble.map(|trouble| trouble.last.kind()),
        )
    }

    /// The other side rejected that version: it is read again, once for all who say so. An older one is replaced already. If
    /// the store keeps to it, who goes on saying so is heard after growing waits only.
    pub(crate) fn rejected(&self, version: Version) {
        if self.bell.expected().is_some() || !self.listens_to(version) {
            return;
        }
        telemetry::rejected(&self.reference, version);
        self.bell.ring(Demand::Wanted);
    }

    fn listens_to(&self, version: Version) -> bool {
        let Shared { clock, policy, entropy, .. } = &*self.shared;
        let now = clock.monotonic();
        let mut known = self.known();
        let current = known.reading.as_ref().map(|reading| reading.version);
        let rejections = &mut known.rejections;
        if current != Some(version) || (rejections.version == current && now < rejections.heard_from) {
            return false;
        }
        let count = if rejections.version == current { rejections.count.saturating_add(1) } else { 1 };
        let heard_from = now.plus(pace::retry_after(count, policy, &**entropy));
        *rejections = Rejections { version: current, count, heard_from };
        true
    }

    fn error_of(&self, error: SecretError) -> ReadError {
        ReadError::of_store(error, &self.reference)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.bell.close();
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("reference", &self.reference).finish_non_exhaustive()
    }
}
