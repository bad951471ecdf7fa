//! Keeping one instance's list and the log that all share in step.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use gambeson_core::{Clock, Monotonic, Spawn, Timer};
use tokio::sync::Notify;

use super::log::{DenialLog, DenialLogError, LogPosition, LoggedDenial};
use super::{Denylist, Inner};
use crate::keys::{AtWork, either};
use crate::telemetry;

/// So many denials go into the log at a time.
const BATCH: usize = 256;
/// So many that are not told yet are noted one by one.
const QUEUE: usize = 4_096;

/// What happens to tokens while an instance does not know what the others have denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum WhenStale {
    /// They are answered 503 `verification-unavailable`: nobody knows whether they were ended.
    #[default]
    Refuse,
    /// They are looked up in what is known; the log warns.
    Warn,
}

/// The part of a list that is shared.
pub(super) struct Sharing {
    pub(super) log: Arc<dyn DenialLog>,
    pub(super) timer: Arc<dyn Timer>,
    pub(super) spawn: Arc<dyn Spawn>,
    pub(super) every: Duration,
    pub(super) max_staleness: Duration,
    pub(super) when_stale: WhenStale,
    pub(super) state: State,
}

#[derive(Default)]
pub(super) struct State {
    /// What the others don't know yet.
    unsent: Mutex<HashMap<[u8; 16], LoggedDenial>>,
    /// Whether there were more of those than are noted one by one: then all that is known here is told.
    is_all_unsent: AtomicBool,
    /// Where the log was read to. Held by the one who reads.
    read_to: tokio::sync::Mutex<Option<LogPosition>>,
    /// When the log was last read to its end, in nanoseconds of the monotonic clock and one more; 0 for never.
    synced: AtomicU64,
    /// Whether the last attempt failed: the log warns once.
    in_trouble: AtomicBool,
    at_work: Arc<AtomicBool>,
    bell: Arc<Notify>,
}

impl State {
    fn unsent(&self) -> MutexGuard<'_, HashMap<[u8; 16], LoggedDenial>> {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sharing {
    /// How long ago the list was in step; `None` when it never was.
    pub(super) fn age(&self, clock: &dyn Clock) -> Option<Duration> {
        let synced = self.state.synced.load(Ordering::Acquire).checked_sub(1)?;
        Some(clock.monotonic().since(Monotonic::from_nanos(synced)))
    }

    pub(super) fn is_stale(&self, clock: &dyn Clock) -> bool {
        self.age(clock).is_none_or(|age| age > self.max_staleness)
    }

    pub(super) fn unsent(&self) -> usize {
        let noted = self.state.unsent().len();
        if self.state.is_all_unsent.load(Ordering::Acquire) { noted.max(QUEUE + 1) } else { noted }
    }

    /// Notes what the others have to hear of.
    pub(super) fn queue(&self, denials: &[LoggedDenial]) {
        let mut unsent = self.state.unsent();
        for denial in denials {
            if unsent.len() >= QUEUE && !unsent.contains_key(&denial.name) {
                self.state.is_all_unsent.store(true, Ordering::Release);
                continue;
            }
            let queued = unsent.entry(denial.name).or_insert(*denial);
            queued.issued_until = queued.issued_until.max(denial.issued_until);
            queued.keep = queued.keep.max(denial.keep);
        }
    }

    /// Has it told now rather than at the next turn.
    pub(super) fn ring(&self) {
        self.state.bell.notify_one();
    }

    async fn append(&self, denials: &[LoggedDenial]) -> Result<(), DenialLogError> {
        for batch in denials.chunks(BATCH) {
            self.log.append(batch.to_vec()).wait().await?;
        }
        Ok(())
    }

    /// Tells the others what was queued. What could not be told stays queued.
    async fn tell(&self, all: impl FnOnce() -> Vec<LoggedDenial>) -> Result<(), DenialLogError> {
        // Taken back before all is read: what comes meanwhile is told at the next turn.
        if self.state.is_all_unsent.swap(false, Ordering::AcqRel) {
            let mut all_unsent = AllUnsent { flag: &self.state.is_all_unsent, is_told: false };
            self.append(&all()).await?;
            all_unsent.is_told = true;
        }
        let denials: Vec<LoggedDenial> = self.state.unsent().values().copied().collect();
        self.tell_these(&denials).await
    }

    /// What is told leaves the queue; a caller who gives up meanwhile leaves it there.
    pub(super) async fn tell_these(&self, denials: &[LoggedDenial]) -> Result<(), DenialLogError> {
        self.append(denials).await?;
        let mut unsent = self.state.unsent();
        for denial in denials {
            if unsent.get(&denial.name) == Some(denial) {
                unsent.remove(&denial.name);
            }
        }
        Ok(())
    }
}

/// Notes again that not all is told, also for a caller who gives up half-way.
struct AllUnsent<'a> {
    flag: &'a AtomicBool,
    is_told: bool,
}

impl Drop for AllUnsent<'_> {
    fn drop(&mut self) {
        if !self.is_told {
            self.flag.store(true, Ordering::Release);
        }
    }
}

impl Denylist {
    /// Tells the others what they don't know yet, and reads what they have denied.
    pub(super) async fn sync(&self, sharing: &Sharing) -> Result<(), DenialLogError> {
        let told = sharing.tell(|| self.0.entries.all(self.0.clock.now())).await;
        self.hear(sharing).await.and(told)
    }

    async fn hear(&self, sharing: &Sharing) -> Result<(), DenialLogError> {
        let list = &*self.0;
        let mut read_to = sharing.state.read_to.lock().await;
        loop {
            let began = list.clock.monotonic();
            let page = sharing.log.read(*read_to).wait().await?;
            let now = list.clock.now();
            for denial in &page.denials {
                self.insert(denial.name, denial.issued_until, now.plus(denial.keep), now);
            }
            if !page.denials.is_empty() {
                self.end_what_is_denied();
            }
            if read_to.is_some_and(|before| page.is_anew || before.log != page.end.log) {
                // The log was lost or went back: what this instance knows goes into it again.
                telemetry::denials_lost(list.entries.len());
                let known = list.entries.all(now);
                sharing.append(&known).await?;
            }
            *read_to = Some(page.end);
            if !page.has_more {
                sharing.state.synced.store(began.as_nanos().saturating_add(1), Ordering::Release);
                return Ok(());
            }
        }
    }

    /// One turn of the task: a failure is told once, and tried again at the next turn.
    async fn turn(&self, sharing: &Sharing) {
        let was = sharing.state.in_trouble.load(Ordering::Relaxed);
        let outcome = self.sync(sharing).await;
        sharing.state.in_trouble.store(outcome.is_err(), Ordering::Relaxed);
        match outcome {
            Err(error) if !was => telemetry::denials_out_of_step(&error, sharing.max_staleness),
            Ok(()) if was => telemetry::denials_in_step(),
            _ => {}
        }
    }

    /// Starts the task that keeps the list in step, if none is at work. A runtime that ended took the last one with it.
    pub(super) fn keep_in_step(&self, sharing: &Sharing) {
        if sharing.state.at_work.load(Ordering::Acquire) {
            return;
        }
        let Some(at_work) = AtWork::begin(&sharing.state.at_work) else { return };
        let (list, bell) = (Arc::downgrade(&self.0), Arc::clone(&sharing.state.bell));
        sharing.spawn.spawn(Box::pin(keep(list, bell, at_work)));
    }
}

async fn keep(list: Weak<Inner>, bell: Arc<Notify>, at_work: AtWork) {
    let _at_work = at_work;
    // The task holds the list only for its turn: else it would keep it alive.
    while let Some(list) = list.upgrade().map(Denylist) {
        let Some(sharing) = &list.0.sharing else { return };
        list.turn(sharing).await;
        let pause = sharing.timer.until(list.0.clock.monotonic().plus(sharing.every));
        drop(list);
        either(pause, bell.notified()).await;
    }
}

impl fmt::Debug for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sharing")
            .field("log", &self.log)
            .field("unsent", &self.unsent())
            .field("max_staleness", &self.max_staleness)
            .finish_non_exhaustive()
    }
}
