//! Secrets in this process's memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gambeson_core::{Answer, SecretBytes, SecretError, SecretErrorKind, SecretRef};
use zeroize::Zeroizing;

use super::{Fetched, ReadContext, SecretStore, asks_for_current};
use crate::registry::Changes;
use crate::wiped::wiped;

/// Keeps secrets in memory: for tests, and for an app that gets its secrets in a way of its own. Clones share them.
///
/// [`MemoryStore::put`] rotates: who holds a handle has the new value as soon as its refresher ran.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use gambeson_secrets::{MemoryStore, SecretString, Secrets};
/// use std::time::Duration;
///
/// let store = MemoryStore::new().with("api-key", "first");
/// let secrets = Secrets::builder().store("mem", store.clone()).allow(["mem://api-key"]);
/// let secrets = secrets.connect(Duration::from_secs(5)).await.unwrap();
/// let key = secrets.get::<SecretString>("mem://api-key").await.unwrap();
///
/// store.put("api-key", "second");
/// key.changed().await;
/// assert!(key.load().matches("second"));
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Memory>>);

#[derive(Debug, Default)]
struct Memory {
    secrets: HashMap<Box<str>, Kept>,
    changes: Vec<Changes>,
    failing: Option<SecretErrorKind>,
    puts: u64,
    reads: u64,
}

#[derive(Debug, Clone)]
struct Kept {
    bytes: SecretBytes,
    order: u64,
    lifetime: Option<Duration>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a secret at this location (what follows `mem://`).
    #[must_use]
    pub fn with(self, location: &str, value: impl AsRef<[u8]>) -> Self {
        self.put(location, value);
        self
    }

    /// Puts a secret in the place of the one before, and says so to all who hold a handle.
    pub fn put(&self, location: &str, value: impl AsRef<[u8]>) {
        self.keep(location, value.as_ref(), None);
    }

    /// As [`MemoryStore::put`]; whoever reads it may use it for `lifetime` only.
    pub fn put_for(&self, location: &str, value: impl AsRef<[u8]>, lifetime: Duration) {
        self.keep(location, value.as_ref(), Some(lifetime));
    }

    /// Takes a secret away. Who holds a handle keeps the last value until it is too old.
    pub fn remove(&self, location: &str) {
        self.memory().secrets.remove(location);
        self.tell(location);
    }

    /// Lets every read fail so, until told otherwise: for tests.
    pub fn fail_with(&self, kind: Option<SecretErrorKind>) {
        self.memory().failing = kind;
    }

    /// How often it was asked, failures included.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.memory().reads
    }

    fn keep(&self, location: &str, value: &[u8], lifetime: Option<Duration>) {
        let bytes = wiped(Zeroizing::new(value.to_vec()));
        let mut memory = self.memory();
        memory.puts += 1;
        let kept = Kept { bytes, order: memory.puts, lifetime };
        memory.secrets.insert(location.into(), kept);
        drop(memory);
        self.tell(location);
    }

    /// Outside of the lock, since refreshers of other threads may read at once.
    fn tell(&self, location: &str) {
        let changes = self.memory().changes.clone();
        changes.iter().for_each(|changes| changes.changed(location));
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecretStore for MemoryStore {
    fn fetch(&self, reference: &SecretRef, _: &ReadContext) -> Answer<Result<Fetched, SecretError>> {
        let mut memory = self.memory();
        memory.reads += 1;
        if let Some(kind) = memory.failing {
            return Answer::Ready(Err(SecretError::new(kind)));
        }
        let kept = memory.secrets.get(reference.location()).filter(|_| asks_for_current(reference));
        Answer::Ready(match kept.cloned() {
            None => Err(SecretError::new(SecretErrorKind::NotFound)),
            Some(Kept { bytes, order, lifetime }) => {
                Ok(Fetched { lifetime, ..Fetched::new(bytes).order(order) })
            }
        })
    }

    fn watch(&self, changes: Changes) {
        let mut memory = self.memory();
        memory.changes.retain(Changes::is_heard);
        memory.changes.push(changes);
    }
}
