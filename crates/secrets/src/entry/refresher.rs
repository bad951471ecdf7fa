//! The one task that reads a reference.

use std::sync::{Arc, Weak};

use gambeson_core::{Monotonic, SecretError, SecretErrorKind};

use tokio::sync::watch;

use super::Entry;
use super::bell::Bell;
use super::pace::{Pace, refresh_after, retry_after};
use crate::race::race;
use crate::shared::Shared;
use crate::store::ReadContext;

/// Starts the task; `false` when there is no runtime to run it.
pub(super) fn start(entry: &Arc<Entry>, running: watch::Receiver<()>) -> bool {
    let refresher = Refresher {
        entry: Arc::downgrade(entry),
        bell: Arc::clone(&entry.bell),
        shared: Arc::clone(&entry.shared),
        pace: Pace::default(),
        _running: running,
    };
    entry.shared.spawn.spawn(Box::pin(refresher.run()))
}

struct Refresher {
    entry: Weak<Entry>,
    bell: Arc<Bell>,
    shared: Arc<Shared>,
    pace: Pace,
    /// The shutdown waits until it is gone.
    _running: watch::Receiver<()>,
}

/// Nobody waits for a task that is gone, whether it ended, was aborted or its store panicked.
impl Drop for Refresher {
    fn drop(&mut self) {
        self.bell.last();
    }
}

impl Refresher {
    async fn run(mut self) {
        let mut due = Monotonic::default();
        let bell = Arc::clone(&self.bell);
        while self.wait(due).await {
            let Some(entry) = self.entry.upgrade() else { return };
            match race(self.read(&entry), bell.closed()).await {
                Some(next) => due = next,
                None => return,
            }
        }
    }

    /// Waits until the next read begins; false: there is none.
    async fn wait(&self, due: Monotonic) -> bool {
        loop {
            if self.bell.is_closed() {
                return false;
            }
            let begin = self.pace.next(due, self.bell.demand(), &self.shared.policy);
            if self.shared.clock.monotonic() >= begin {
                return true;
            }
            race(self.bell.rung(), self.shared.timer.until(begin)).await;
        }
    }

    /// Reads once, and says when the next read is due.
    async fn read(&mut self, entry: &Entry) -> Monotonic {
        let shared = Arc::clone(&self.shared);
        let policy = &shared.policy;
        let started = shared.clock.monotonic();
        self.pace.begin(started, policy);
        self.bell.begin();
        let deadline = started.plus(policy.read_deadline);
        let context = ReadContext::new(shared.profile, deadline);
        let answer = entry.store.fetch(&entry.reference, &context);
        let fetched = race(answer.wait(), shared.timer.until(deadline)).await.unwrap_or_else(|| {
            Err(SecretError::new(SecretErrorKind::Unavailable).with_source("the read took too long"))
        });
        let taken = entry.take(fetched.map_err(|error| entry.error_of(error)), started);
        self.bell.end();
        match taken {
            Ok(good_for) => started.plus(refresh_after(good_for, policy, &*shared.entropy)),
            Err(failures) => shared.clock.monotonic().plus(retry_after(failures, policy, &*shared.entropy)),
        }
    }
}
