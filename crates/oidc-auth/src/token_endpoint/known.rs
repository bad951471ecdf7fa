//! What a provider's discovery document says, kept for a while.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use gambeson_core::{Clock, Monotonic, Spawn};
use tokio::sync::Mutex;

use super::answer::ExchangeError;
use crate::keys::{Endpoint, FetchError, Metadata};

/// From this age on the document is asked for again, behind whoever uses what is known.
const FRESH: Duration = Duration::from_secs(3_600);
/// From this age on it is not used any more.
const STALE: Duration = Duration::from_secs(86_400);
/// How long a failed discovery is not tried again.
const COOLDOWN: Duration = Duration::from_secs(2);

/// What was read of the document, and when.
#[derive(Debug)]
pub(crate) struct Found<T> {
    what: T,
    at: Monotonic,
}

impl<T> Found<T> {
    pub(crate) fn at(&self) -> Monotonic {
        self.at
    }
}

impl<T> Deref for Found<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.what
    }
}

/// What one part of this app wants of the document.
type Read<T> = fn(&Endpoint, &Metadata) -> Result<T, FetchError>;

/// A provider, and what is known of it.
pub(crate) struct Known<T>(Arc<Inner<T>>);

struct Inner<T> {
    endpoint: Endpoint,
    read: Read<T>,
    clock: Arc<dyn Clock>,
    spawn: Arc<dyn Spawn>,
    found: ArcSwapOption<Found<T>>,
    /// The last time that it was asked for, if that was in vain.
    failed: ArcSwapOption<Failed>,
    /// Held by who asks: one fetch for many.
    asking: Arc<Mutex<()>>,
}

#[derive(Debug)]
struct Failed {
    at: Monotonic,
    error: String,
}

impl<T: Send + Sync + 'static> Known<T> {
    pub(crate) fn new(
        endpoint: Endpoint,
        read: Read<T>,
        clock: Arc<dyn Clock>,
        spawn: Arc<dyn Spawn>,
    ) -> Self {
        let (found, failed, asking) = (ArcSwapOption::empty(), ArcSwapOption::empty(), Arc::default());
        Self(Arc::new(Inner { endpoint, read, clock, spawn, found, failed, asking }))
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// What is known, however old.
    pub(crate) fn known(&self) -> Option<Arc<Found<T>>> {
        self.0.found.load_full()
    }

    /// What is known and may be used. What is missing or no longer fresh is asked for behind the caller.
    pub(crate) fn warm(&self) -> Option<Arc<Found<T>>> {
        let (known, now) = (self.known(), self.0.clock.monotonic());
        let younger_than = |age| known.as_ref().is_some_and(|found| now.since(found.at) < age);
        if !younger_than(FRESH) {
            self.ask_behind();
        }
        if younger_than(STALE) { known } else { None }
    }

    /// What is known, waited for if need be: once for all who want it.
    pub(crate) async fn get(&self) -> Result<Arc<Found<T>>, ExchangeError> {
        if let Some(known) = self.warm() {
            return Ok(known);
        }
        let _asking = self.0.asking.lock().await;
        if let Some(known) = self.warm() {
            return Ok(known);
        }
        // Nobody asked behind the caller: it was too soon after a failure, or there is no runtime for tasks.
        let asked = match self.0.failed_just_now() {
            Some(failed) => Err(failed),
            None => self.0.ask().await,
        };
        asked.map_err(|failed| ExchangeError::Unavailable(failed.error.clone()))
    }

    /// Why the document can't be had, if the last time that it was asked for was in vain.
    pub(crate) fn last_error(&self) -> Option<String> {
        self.0.failed.load().as_ref().map(|failed| failed.error.clone())
    }

    fn ask_behind(&self) {
        let inner = Arc::clone(&self.0);
        let Ok(asking) = Arc::clone(&inner.asking).try_lock_owned() else { return };
        if inner.failed_just_now().is_some() {
            return;
        }
        self.0.spawn.spawn(Box::pin(async move {
            let _ = inner.ask().await;
            drop(asking);
        }));
    }
}

impl<T> Inner<T> {
    fn failed_just_now(&self) -> Option<Arc<Failed>> {
        let now = self.clock.monotonic();
        self.failed.load_full().filter(|failed| now.since(failed.at) < COOLDOWN)
    }

    async fn ask(&self) -> Result<Arc<Found<T>>, Arc<Failed>> {
        let read = match self.endpoint.metadata().await {
            Ok(metadata) => (self.read)(&self.endpoint, &metadata),
            Err(error) => Err(error),
        };
        let at = self.clock.monotonic();
        match read {
            Ok(what) => {
                let found = Arc::new(Found { what, at });
                self.found.store(Some(Arc::clone(&found)));
                self.failed.store(None);
                Ok(found)
            }
            Err(error) => {
                let failed = Arc::new(Failed { at, error: error.to_string() });
                self.failed.store(Some(Arc::clone(&failed)));
                Err(failed)
            }
        }
    }
}

impl<T> fmt::Debug for Known<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("endpoint", &self.0.endpoint).finish_non_exhaustive()
    }
}
