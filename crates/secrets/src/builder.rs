//! Building `Secrets` from stores, an allow list and a policy.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{
    AuditSink, Clock, ConfigProblems, Entropy, NullSink, Profile, SecretRef, Spawn, SystemClock,
    SystemEntropy, Timer, TokioSpawn,
};

use crate::allow::{AllowList, is_plain};
use crate::error::{MissingSecrets, ReadError, ReadErrorKind};
use crate::policy::Policy;
use crate::race::race;
use crate::registry::Secrets;
use crate::shared::Shared;
use crate::store::SecretStore;

/// Collects what [`Secrets`] are made of.
#[derive(Debug)]
#[must_use = "nothing is read before `connect`"]
pub struct SecretsBuilder {
    stores: HashMap<Box<str>, Arc<dyn SecretStore>>,
    allow: Vec<String>,
    privileged: Vec<String>,
    required: Vec<String>,
    policy: Policy,
    profile: Profile,
    audit: Arc<dyn AuditSink>,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    spawn: Arc<dyn Spawn>,
    entropy: Arc<dyn Entropy>,
    problems: ConfigProblems,
}

impl SecretsBuilder {
    pub(crate) fn new() -> Self {
        Self {
            stores: HashMap::new(),
            allow: Vec::new(),
            privileged: Vec::new(),
            required: Vec::new(),
            policy: Policy::default(),
            profile: Profile::Production,
            audit: Arc::new(NullSink),
            clock: Arc::new(SystemClock::new()),
            timer: Arc::new(SystemClock::new()),
            spawn: Arc::new(TokioSpawn::new()),
            entropy: Arc::new(SystemEntropy::new()),
            problems: ConfigProblems::new(),
        }
    }

    /// Reads references of this scheme from this store. One store a scheme.
    pub fn store(mut self, scheme: &str, store: impl SecretStore + 'static) -> Self {
        if format!("{scheme}://x").parse::<SecretRef>().is_err() {
            self.problems.add(
                "secrets.stores",
                scheme,
                "write the scheme as a lower-case word, such as file",
            );
        }
        if self.stores.insert(scheme.into(), Arc::new(store)).is_some() {
            self.problems.add("secrets.stores", scheme, "give one store a scheme; name the second otherwise");
        }
        self
    }

    /// Allows these references to be read: whole ones (`env://MODEL_KEY`), or all beneath a place (`file://app/*`). Nothing
    /// else is ever read.
    pub fn allow<P: Into<String>>(mut self, patterns: impl IntoIterator<Item = P>) -> Self {
        self.allow.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Patterns as of [`allow`](Self::allow): handing out one of these secrets is on stable storage in the audit trail first, or
    /// is refused.
    pub fn privileged<P: Into<String>>(mut self, patterns: impl IntoIterator<Item = P>) -> Self {
        self.privileged.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// References that must be there at start.
    pub fn require<R: Into<String>>(mut self, references: impl IntoIterator<Item = R>) -> Self {
        self.required.extend(references.into_iter().map(Into::into));
        self
    }

    /// Another policy.
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// The profile; production unless said. It decides which shortcuts stores refuse.
    pub fn run_in(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// Where audit events go; nowhere unless said.
    pub fn audit(self, audit: Arc<dyn AuditSink>) -> Self {
        Self { audit, ..self }
    }

    /// The clock; the system's unless said.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The timer of the same clock; the system's unless said.
    pub fn timer(self, timer: Arc<dyn Timer>) -> Self {
        Self { timer, ..self }
    }

    /// What starts refreshers; the tokio runtime unless said.
    pub fn spawn(self, spawn: Arc<dyn Spawn>) -> Self {
        Self { spawn, ..self }
    }

    /// What draws the points of refresh; the system unless said.
    pub fn entropy(self, entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, ..self }
    }

    /// Checks everything, reads the required secrets, all at once, and starts to keep them fresh.
    ///
    /// # Errors
    /// All that is wrong with the configuration; else every required secret that could not be read within `deadline`.
    pub async fn connect(mut self, deadline: Duration) -> Result<Secrets, MissingSecrets> {
        let required = self.check();
        let allow = AllowList::new(&self.allow, "secrets.allow", &mut self.problems);
        let privileged = AllowList::new(&self.privileged, "secrets.privileged", &mut self.problems);
        self.problems
            .check()
            .map_err(|error| MissingSecrets { configuration: Some(error), missing: Vec::new() })?;
        let shared = Shared {
            policy: self.policy,
            allow,
            privileged,
            profile: self.profile,
            clock: self.clock,
            timer: self.timer,
            spawn: self.spawn,
            entropy: self.entropy,
            audit: self.audit,
        };
        let secrets = Secrets::with(shared, self.stores, required);
        let missing = secrets.missing(deadline).await;
        match missing.is_empty() {
            true => Ok(secrets),
            false => {
                secrets.shutdown(Duration::ZERO).await;
                Err(MissingSecrets { configuration: None, missing })
            }
        }
    }

    /// Notes what is wrong, and parses the required references.
    fn check(&mut self) -> Vec<SecretRef> {
        let problems = &mut self.problems;
        match self.policy.check() {
            Ok(()) => self
                .policy
                .check_polling(self.stores.values().filter_map(|store| store.refresh_every()), problems),
            Err(error) => problems.extend(error),
        }
        for store in self.stores.values() {
            if let Err(error) = store.check(self.profile) {
                problems.extend(error);
            }
        }
        if self.allow.is_empty() {
            problems.add("secrets.allow", "", "name what may be read, such as file://app/*");
        }
        let parse = |text: &String| match text.parse::<SecretRef>() {
            Ok(reference) if is_plain(reference.location()) => Some(reference),
            // Not shown: it may be the secret itself.
            _ => {
                problems.add("secrets.require", "", "an entry is no reference such as file://app/key");
                None
            }
        };
        self.required.iter().filter_map(parse).collect()
    }
}

impl Secrets {
    /// What of the required secrets can't be read by the deadline, by cause and name.
    async fn missing(&self, deadline: Duration) -> Vec<ReadError> {
        let registry = &self.0;
        let Shared { clock, timer, .. } = &*registry.shared;
        let end = clock.monotonic().plus(deadline);
        // Each entry starts its own refresher: they read side by side, only the waiting is in turn.
        let entries: Vec<_> =
            registry.required.iter().map(|reference| (reference, registry.entry(reference))).collect();
        let mut missing = Vec::new();
        for (reference, entry) in entries {
            let read = async {
                entry?.ready().await?;
                self.bytes_of(reference)
            };
            let late = || {
                Err(ReadError::new(ReadErrorKind::Unavailable, reference).because("it was not read in time"))
            };
            if let Err(error) = race(read, timer.until(end)).await.unwrap_or_else(late) {
                missing.push(error);
            }
        }
        missing.sort_by(|one, other| (one.kind(), one.reference()).cmp(&(other.kind(), other.reference())));
        missing
    }

    /// Whether a required field is there too.
    fn bytes_of(&self, reference: &SecretRef) -> Result<(), ReadError> {
        let Some(field) = reference.field() else { return Ok(()) };
        let bytes = self.0.entry(reference)?.bytes()?;
        crate::json::bytes_at(bytes.expose(), field).map(drop).map_err(|error| error.at(reference))
    }
}
