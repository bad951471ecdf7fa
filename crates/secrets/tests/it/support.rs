//! What the tests share: a clock that is set by hand, and stores that can be watched.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gambeson_core::{Answer, FixedEntropy, SecretBytes, SecretError, SecretRef, Timestamp};
use gambeson_secrets::{Fetched, MemoryStore, Policy, ReadContext, SecretStore, Secrets, SecretsBuilder};
use gambeson_testing::{ManualClock, RecordingAuditSink};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) const SECONDS: fn(u64) -> Duration = Duration::from_secs;

/// Ten seconds of freshness, twenty more of staleness.
pub(crate) fn policy() -> Policy {
    Policy::default()
        .ttl(SECONDS(10))
        .max_stale(SECONDS(20))
        .max_backoff(SECONDS(8))
        .issue_cap_per_minute(100)
}

/// A clock that is set by hand. With it a test begins: what it logs is kept from here on.
pub(crate) fn clock() -> ManualClock {
    crate::log::listen();
    ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000))
}

/// A builder on a manual clock, that allows everything of `mem` and `gate`.
pub(crate) fn builder(clock: &ManualClock) -> SecretsBuilder {
    Secrets::builder()
        .policy(policy())
        .clock(Arc::new(clock.clone()))
        .timer(Arc::new(clock.clone()))
        .entropy(Arc::new(FixedEntropy::default()))
}

/// Secrets over one store in memory.
pub(crate) async fn over(store: &MemoryStore, clock: &ManualClock) -> Secrets {
    builder(clock).store("mem", store.clone()).allow(["mem://*"]).connect(SECONDS(5)).await.unwrap()
}

/// The same, with a record of what is told to the audit trail.
pub(crate) async fn recorded(store: &MemoryStore, clock: &ManualClock) -> (Secrets, RecordingAuditSink) {
    let sink = RecordingAuditSink::new();
    let builder = builder(clock).store("mem", store.clone()).allow(["mem://*"]);
    (builder.audit(Arc::new(sink.clone())).connect(SECONDS(5)).await.unwrap(), sink)
}

/// Lets all other tasks of this thread run until they wait.
pub(crate) async fn settle() {
    for _ in 0..32 {
        tokio::task::yield_now().await;
    }
}

/// Lets time pass second by second, and each time all tasks run.
pub(crate) async fn pass(clock: &ManualClock, seconds: u64) {
    for _ in 0..seconds {
        clock.advance(SECONDS(1));
        settle().await;
    }
}

/// A remote store: it answers when its gate is open.
#[derive(Debug, Clone)]
pub(crate) struct GateStore {
    pub(crate) behind: MemoryStore,
    pub(crate) open: watch::Sender<bool>,
}

impl GateStore {
    pub(crate) fn new(behind: MemoryStore) -> Self {
        Self { behind, open: watch::Sender::new(false) }
    }

    async fn answer(self, reference: SecretRef, context: ReadContext) -> Result<Fetched, SecretError> {
        let asked = self.behind.fetch(&reference, &context).wait().await;
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        asked
    }
}

impl SecretStore for GateStore {
    fn fetch(&self, reference: &SecretRef, context: &ReadContext) -> Answer<Result<Fetched, SecretError>> {
        Answer::pending(self.clone().answer(reference.clone(), *context))
    }
}

/// A store that gives what a test says, answer by answer, each with the store's own count; in the end the last one again.
#[derive(Debug)]
pub(crate) struct ScriptStore(Mutex<VecDeque<(&'static str, u64)>>);

impl ScriptStore {
    pub(crate) fn of(answers: &[(&'static str, u64)]) -> Self {
        Self(Mutex::new(answers.iter().copied().collect()))
    }
}

impl SecretStore for ScriptStore {
    fn fetch(&self, _: &SecretRef, _: &ReadContext) -> Answer<Result<Fetched, SecretError>> {
        let mut script = self.0.lock().unwrap();
        let (value, order) = script[0];
        if script.len() > 1 {
            script.pop_front();
        }
        let bytes = SecretBytes::new(value.as_bytes().to_vec());
        Answer::Ready(Ok(Fetched::new(bytes).order(order)))
    }
}

/// Starts a task on this test's runtime.
pub(crate) fn start<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    Handle::current().spawn(task)
}
