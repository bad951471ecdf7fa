//! All references of an app, by name.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use gambeson_core::{SecretBytes, SecretRef};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::allow::{holds_password, is_plain};
use crate::builder::SecretsBuilder;
use crate::config::Config;
use crate::entry::{Demand, Entry};
use crate::error::{ReadError, ReadErrorKind};
use crate::race::race;
use crate::secret::Secret;
use crate::shared::Shared;
use crate::store::SecretStore;
use crate::wiped::wiped;
use crate::{json, record, telemetry};

/// The secrets of an app: one for the whole of it. Clones share everything.
///
/// See the [crate's page](crate).
#[derive(Clone)]
pub struct Secrets(pub(crate) Arc<Registry>);

pub(crate) struct Registry {
    pub(crate) shared: Arc<Shared>,
    pub(crate) stores: HashMap<Box<str>, Arc<dyn SecretStore>>,
    pub(crate) required: Vec<SecretRef>,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    by_reference: HashMap<SecretRef, Arc<Entry>>,
    closed: bool,
    /// Each refresher holds a receiver; once there is none, none runs.
    running: watch::Sender<()>,
}

impl Secrets {
    /// Starts with nothing: no store, nothing allowed.
    pub fn builder() -> SecretsBuilder {
        SecretsBuilder::new()
    }

    /// Starts with what a configuration says; more stores can be added. What is wrong with it is said by
    /// [`connect`](SecretsBuilder::connect), together with all else.
    pub fn from_config(config: &Config) -> SecretsBuilder {
        config.builder()
    }

    pub(crate) fn with(
        shared: Shared,
        stores: HashMap<Box<str>, Arc<dyn SecretStore>>,
        required: Vec<SecretRef>,
    ) -> Self {
        let registry = Registry { shared: Arc::new(shared), stores, required, entries: Mutex::default() };
        let secrets = Self(Arc::new(registry));
        for (scheme, store) in &secrets.0.stores {
            store.watch(Changes { registry: Arc::downgrade(&secrets.0), scheme: scheme.clone() });
        }
        secrets
    }

    /// A handle on a secret: typed, live, read from its store at most once however many ask.
    ///
    /// A [`SecretString`](crate::SecretString) is the secret's whole text, or with `field=` the JSON string that the pointer leads to; any other
    /// type is read from JSON through serde: of it, only fields that are a `SecretString` are wiped. Take handles once, at start, and keep them: a [`Secret`] costs nanoseconds
    /// to read, this call takes locks and writes an audit event (`secret.read`).
    ///
    /// # Errors
    /// The reference is malformed or not allowed, or the secret is not there, not readable or not of that shape. After a
    /// failure the store is asked again by itself, with growing waits; until then this is the same error.
    pub async fn get<T>(&self, reference: &str) -> Result<Secret<T>, ReadError>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let reference: SecretRef = reference.parse().map_err(ReadError::no_reference)?;
        self.get_ref(&reference).await
    }

    /// As [`Secrets::get`], of a reference that is parsed already.
    ///
    /// # Errors
    /// As [`Secrets::get`].
    pub async fn get_ref<T>(&self, reference: &SecretRef) -> Result<Secret<T>, ReadError>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let entry = self.hand_out(reference).await?;
        let field = reference.field().map(Box::<str>::from);
        let cell = entry.view(move |bytes| json::decode::<T>(bytes, field.as_deref()))?;
        Ok(Secret::new(cell, entry))
    }

    /// The bytes of a secret as they are now, verbatim. They don't follow a rotation: for start-up, and for core's
    /// [`SecretResolver`](gambeson_core::SecretResolver).
    ///
    /// # Errors
    /// As [`Secrets::get`]; also when the value is too old to be used ([`SecretState::Failed`](crate::SecretState::Failed)).
    pub async fn bytes(&self, reference: &SecretRef) -> Result<SecretBytes, ReadError> {
        let entry = self.hand_out(reference).await?;
        let bytes = entry.bytes()?;
        match reference.field() {
            None => Ok(bytes),
            Some(field) => {
                json::bytes_at(bytes.expose(), field).map(wiped).map_err(|error| error.at(reference))
            }
        }
    }

    async fn hand_out(&self, reference: &SecretRef) -> Result<Arc<Entry>, ReadError> {
        let entry = self.0.entry(reference)?;
        entry.ready().await?;
        record::handed_out(&self.0.shared, reference, entry.place().as_deref()).await?;
        Ok(entry)
    }

    /// Ends all refreshing and forgets every value; those that handles hold are wiped with their last handle. Waits for
    /// the refreshers, at most `deadline`; true: all have ended. Handles keep their last value, and their `changed` ends.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        let running = {
            let mut entries = self.0.entries();
            entries.closed = true;
            entries.by_reference.drain().for_each(|(_, entry)| entry.bell.close());
            entries.running.clone()
        };
        let Shared { clock, timer, .. } = &*self.0.shared;
        let end = clock.monotonic().plus(deadline);
        race(running.closed(), timer.until(end)).await.is_some()
    }
}

impl Registry {
    /// The entry of a reference, with its refresher; made at the first ask.
    pub(crate) fn entry(&self, reference: &SecretRef) -> Result<Arc<Entry>, ReadError> {
        let store = self.permitted(reference)?;
        let whole = without_field(reference);
        let mut entries = self.entries();
        if entries.closed {
            return Err(ReadError::new(ReadErrorKind::Closed, reference));
        }
        if let Some(entry) = entries.by_reference.get(&whole).filter(|entry| !entry.bell.is_closed()) {
            return Ok(Arc::clone(entry));
        }
        let most = self.shared.policy.max_references;
        if entries.by_reference.len() >= most {
            self.make_room(&mut entries);
        }
        if entries.by_reference.len() >= most {
            let why = "as many references as the policy allows are kept already: max-references";
            return Err(ReadError::new(ReadErrorKind::Unavailable, reference).because(why));
        }
        let entry = Arc::new(Entry::new(whole.clone(), Arc::clone(store), Arc::clone(&self.shared)));
        if !entry.start(entries.running.subscribe()) {
            let why = "there is no runtime that could run its refresher";
            return Err(ReadError::new(ReadErrorKind::Unavailable, reference).because(why));
        }
        entries.by_reference.insert(whole, Arc::clone(&entry));
        Ok(entry)
    }

    fn permitted(&self, reference: &SecretRef) -> Result<&Arc<dyn SecretStore>, ReadError> {
        self.store_of(reference).inspect_err(|error| {
            telemetry::refused(error);
            record::refused(&self.shared, error);
        })
    }

    fn store_of(&self, reference: &SecretRef) -> Result<&Arc<dyn SecretStore>, ReadError> {
        let (scheme, location) = (reference.scheme(), reference.location());
        let refused = |named, why| ReadError::not_allowed(reference, named, why);
        let store = self.stores.get(scheme).ok_or_else(|| refused(false, "no store has its scheme"))?;
        if holds_password(location) {
            return Err(refused(false, "it looks like an address with a password, not like a reference"));
        }
        match is_plain(location) && self.shared.allow.allows(scheme, location) {
            true => Ok(store),
            false => Err(refused(true, "it is not on the allow list")),
        }
    }

    /// Takes away what nobody holds and nobody waits for, until somebody asks for it again.
    fn make_room(&self, entries: &mut Entries) {
        let required: Vec<SecretRef> = self.required.iter().map(without_field).collect();
        let held = |entry: &Arc<Entry>| Arc::strong_count(entry) > 1;
        entries.by_reference.retain(|reference, entry| held(entry) || required.contains(reference));
    }

    /// Every reference that was asked for.
    pub(crate) fn known(&self) -> Vec<Arc<Entry>> {
        self.entries().by_reference.values().cloned().collect()
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reference of the whole secret: fields of it share one read.
pub(crate) fn without_field(reference: &SecretRef) -> SecretRef {
    let (scheme, location) = (reference.scheme(), reference.location());
    let text = match reference.version() {
        None | Some("current") => format!("{scheme}://{location}"),
        Some(version) => format!("{scheme}://{location}?version={version}"),
    };
    // It was parsed from the same parts.
    text.parse().unwrap_or_else(|_| reference.clone())
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

/// By which a store says that a secret changed.
#[derive(Debug, Clone)]
pub struct Changes {
    registry: Weak<Registry>,
    scheme: Box<str>,
}

impl Changes {
    /// Whether the `Secrets` are still there that asked to be told.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.registry.strong_count() > 0
    }

    /// What lies at this location changed: it is read now, if anybody has asked for it, but not against the cap.
    pub fn changed(&self, location: &str) {
        let Some(registry) = self.registry.upgrade() else { return };
        let concerned = |entry: &Arc<Entry>| {
            *entry.reference.scheme() == *self.scheme && entry.reference.location() == location
        };
        for entry in registry.known().into_iter().filter(concerned) {
            entry.bell.ring(Demand::Changed);
        }
    }
}
