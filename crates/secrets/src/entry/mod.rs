//! One reference: its value, its readers and its refresher.

mod bell;
mod cell;
mod pace;
mod refresher;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use gambeson_core::{Monotonic, SecretBytes, SecretError, SecretRef, Timestamp};

pub(crate) use bell::{Bell, Demand};
use cell::View;
pub(crate) use cell::{Cell, Held};

use crate::error::{Malformed, ReadError, ReadErrorKind};
use crate::shared::Shared;
use crate::state::{SecretState, Version};
use crate::store::{Fetched, SecretStore};
use crate::wiped::same;
use crate::{record, telemetry};

/// One reference without its field. Its refresher holds it weakly: who holds handles keeps it alive.
pub(crate) struct Entry {
    pub(crate) reference: SecretRef,
    pub(crate) shared: Arc<Shared>,
    pub(crate) bell: Arc<Bell>,
    store: Arc<dyn SecretStore>,
    known: Mutex<Known>,
    /// The first nanosecond of the monotonic clock at which the value may not be used any more.
    usable_until: AtomicU64,
}

#[derive(Default)]
struct Known {
    reading: Option<Reading>,
    views: Vec<Weak<dyn View>>,
    trouble: Option<Trouble>,
}

/// The value as it was last read.
#[derive(Clone)]
struct Reading {
    bytes: SecretBytes,
    version: Version,
    order: Option<u64>,
    read_at: Timestamp,
    fresh_until: Monotonic,
}

/// Reads that failed since the last good one.
#[derive(Clone)]
struct Trouble {
    since: Timestamp,
    failures: u32,
    last: ReadError,
}

impl Entry {
    pub(crate) fn new(reference: SecretRef, store: Arc<dyn SecretStore>, shared: Arc<Shared>) -> Self {
        let (bell, known) = (Arc::new(Bell::new()), Mutex::default());
        Self { reference, shared, bell, store, known, usable_until: AtomicU64::new(0) }
    }

    /// Starts the refresher; `false` when there is no runtime to run it.
    pub(crate) fn start(self: &Arc<Self>, running: Arc<()>) -> bool {
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
        let cell = Arc::new(Cell::new(Held { value, version: reading.version }, decode));
        known.views.retain(|view| view.strong_count() > 0);
        let view: Weak<dyn View> = Arc::downgrade(&(Arc::clone(&cell) as Arc<dyn View>));
        known.views.push(view);
        Ok(cell)
    }

    /// The bytes as they are now.
    pub(crate) fn bytes(&self) -> Option<SecretBytes> {
        self.known().reading.as_ref().map(|reading| reading.bytes.clone())
    }

    /// Whether there was ever a value.
    pub(crate) fn has_value(&self) -> bool {
        self.known().reading.is_some()
    }

    /// Whether the value may be used now: one look at the clock.
    pub(crate) fn is_usable(&self) -> bool {
        self.shared.clock.monotonic().as_nanos() < self.usable_until.load(Ordering::Acquire)
    }

    pub(crate) fn state(&self) -> SecretState {
        if !self.is_usable() {
            return SecretState::Failed;
        }
        let now = self.shared.clock.monotonic();
        let known = self.known();
        match (&known.trouble, &known.reading) {
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

    /// The other side rejected that version: it is read again, once for all who say so. An older one is replaced already.
    pub(crate) fn rejected(&self, version: Version) {
        let current = self.known().reading.as_ref().map(|reading| reading.version);
        if current == Some(version) && self.bell.expected().is_none() {
            telemetry::rejected(&self.reference, version);
            self.bell.ring(Demand::Wanted);
        }
    }

    /// Takes what a read gave that began at `started`, and says for how long it is good.
    fn take(&self, fetched: Result<Fetched, ReadError>, started: Monotonic) -> Result<Duration, u32> {
        match fetched.and_then(|fetched| self.check_place(fetched)) {
            Ok(fetched) => Ok(self.publish(fetched, started)),
            Err(error) => Err(self.note_failure(&error)),
        }
    }

    /// The allow list is asked about where the secret really lay.
    fn check_place(&self, fetched: Fetched) -> Result<Fetched, ReadError> {
        let place = fetched.resolved.as_deref().unwrap_or(self.reference.location());
        match self.shared.allow.allows(self.reference.scheme(), place) {
            true => Ok(fetched),
            false => {
                telemetry::refused(&self.reference);
                record::refused(&self.shared, &self.reference);
                let why = "it leads to a secret that is not on the allow list";
                Err(ReadError::new(ReadErrorKind::NotAllowed, &self.reference).because(why))
            }
        }
    }

    fn publish(&self, fetched: Fetched, started: Monotonic) -> Duration {
        let policy = &self.shared.policy;
        let read_at = self.shared.clock.now();
        let ttl = self.store.refresh_every().map_or(policy.ttl, |every| every.min(policy.ttl));
        let good_for = fetched.lifetime.map_or(ttl, |lifetime| lifetime.min(ttl));
        let fresh_until = started.plus(good_for);
        let stale_until = fresh_until.plus(policy.max_stale);
        let usable_until =
            fetched.lifetime.map_or(stale_until, |lifetime| stale_until.min(started.plus(lifetime)));
        let mut known = self.known();
        let recovered = known.trouble.take();
        let before = known.reading.take();
        let news = before.as_ref().is_none_or(|before| self.is_news(before, &fetched));
        let kept = before.as_ref().filter(|_| !news).map(|before| (before.bytes.clone(), before.order));
        let version = Version(before.as_ref().map_or(0, |before| before.version.0) + u64::from(news));
        let (bytes, order) = match kept {
            Some((bytes, order)) => (bytes, order.max(fetched.order)),
            None => (fetched.bytes, fetched.order),
        };
        let reading = Reading { bytes, version, order, read_at, fresh_until };
        self.usable_until.store(usable_until.as_nanos(), Ordering::Release);
        let views = known.views.iter().filter_map(Weak::upgrade).collect::<Vec<_>>();
        if news {
            for view in &views {
                if let Err(error) = view.offer(reading.bytes.expose(), version, read_at) {
                    telemetry::unusable(&self.reference, &error.at(&self.reference));
                }
            }
        }
        known.reading = Some(reading);
        drop(known);
        if let Some(trouble) = recovered {
            telemetry::recovered(&self.reference, trouble.failures);
        }
        if news {
            self.tell_of(version);
        }
        good_for
    }

    /// Whether readers get what was fetched: it differs, and is not older than what they have.
    fn is_news(&self, before: &Reading, fetched: &Fetched) -> bool {
        if before.order.zip(fetched.order).is_some_and(|(before, now)| now < before) {
            telemetry::went_back(&self.reference);
            return false;
        }
        !same(before.bytes.expose(), fetched.bytes.expose())
    }

    fn tell_of(&self, version: Version) {
        match version {
            Version(1) => telemetry::fetched(&self.reference),
            _ => telemetry::rotated(&self.reference, version),
        }
        record::published(&self.shared, &self.reference, version);
    }

    fn note_failure(&self, error: &ReadError) -> u32 {
        let now = self.shared.clock.now();
        let mut known = self.known();
        let (since, failures) = match known.trouble.take() {
            Some(trouble) => (trouble.since, trouble.failures.saturating_add(1)),
            None => (now, 1),
        };
        known.trouble = Some(Trouble { since, failures, last: error.clone() });
        drop(known);
        telemetry::failed(error, failures);
        if failures == 1 {
            record::failed(&self.shared, error);
        }
        failures
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
