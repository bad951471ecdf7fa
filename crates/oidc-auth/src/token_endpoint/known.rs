//! What a provider's discovery document says, kept for a while.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use gambeson_core::{Clock, Monotonic};
use tokio::sync::Mutex;

use super::answer::ExchangeError;
use crate::keys::{Endpoint, FetchError, Metadata};

/// How long what the discovery document says is taken for granted, and how long while it can't be had.
const FRESH: Duration = Duration::from_secs(3_600);
const STALE: Duration = Duration::from_secs(86_400);
/// How long a failed discovery is not tried again.
const COOLDOWN: Duration = Duration::from_secs(2);

/// What was read of the document, and when.
#[derive(Debug)]
pub(crate) struct Found<T> {
    what: T,
    at: Monotonic,
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
pub(crate) struct Known<T> {
    endpoint: Endpoint,
    read: Read<T>,
    clock: Arc<dyn Clock>,
    found: ArcSwapOption<Found<T>>,
    /// The last failure; the lock makes one fetch of many.
    asking: Mutex<Option<(Monotonic, String)>>,
}

impl<T> Known<T> {
    pub(crate) fn new(endpoint: Endpoint, read: Read<T>, clock: Arc<dyn Clock>) -> Self {
        Self { endpoint, read, clock, found: ArcSwapOption::empty(), asking: Mutex::default() }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What is known and fresh.
    pub(crate) fn warm(&self) -> Option<Arc<Found<T>>> {
        self.younger_than(FRESH)
    }

    /// What is known, however old.
    pub(crate) fn known(&self) -> Option<Arc<Found<T>>> {
        self.found.load_full()
    }

    fn younger_than(&self, age: Duration) -> Option<Arc<Found<T>>> {
        let now = self.clock.monotonic();
        self.found.load_full().filter(|found| now.since(found.at) < age)
    }

    /// What is known, asked for if need be: once for all who want it.
    pub(crate) async fn get(&self) -> Result<Arc<Found<T>>, ExchangeError> {
        if let Some(known) = self.warm() {
            return Ok(known);
        }
        let mut failed = self.asking.lock().await;
        if let Some(known) = self.warm() {
            return Ok(known);
        }
        let now = self.clock.monotonic();
        let error = match &*failed {
            Some((at, error)) if now.since(*at) < COOLDOWN => error.clone(),
            _ => match self.ask().await {
                Ok(what) => {
                    *failed = None;
                    let found = Arc::new(Found { what, at: self.clock.monotonic() });
                    self.found.store(Some(Arc::clone(&found)));
                    return Ok(found);
                }
                Err(error) => {
                    *failed = Some((self.clock.monotonic(), error.clone()));
                    error
                }
            },
        };
        self.younger_than(STALE).ok_or(ExchangeError::Unavailable(error))
    }

    async fn ask(&self) -> Result<T, String> {
        let metadata = self.endpoint.metadata().await.map_err(|error| error.to_string())?;
        (self.read)(&self.endpoint, &metadata).map_err(|error| error.to_string())
    }
}

impl<T> fmt::Debug for Known<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
