//! The trail that an app holds: a sink that keeps what it is given.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{
    Answer, AuditError, AuditErrorKind, AuditEvent, AuditSink, Clock, Durability, Entropy, Health,
    HealthCheck, Receipt, SystemClock, Timer,
};

use crate::builder::TrailBuilder;
use crate::config::Config;
use crate::deadline::before;
use crate::digest::Head;
use crate::durability::{self, DurabilityRule};
use crate::entry::StoredEvent;
use crate::error::{TrailError, TrailErrorKind};
use crate::fields::Fields;
use crate::filter::Filter;
use crate::keys::FieldKeys;
use crate::losses::Losses;
use crate::patience::Patience;
use crate::queue::{Item, Wish};
use crate::resume::Parts;
use crate::sealing::Sealing;
use crate::ticket::Ticket;
use crate::writer::{Shared, ShutOut, Writer};
use crate::{encode, read, refusals, resume, segment};

/// A hash-chained audit trail in a directory. Clones share it.
///
/// One thread of its own (`audit-trail`) writes; [`record`](AuditSink::record) encodes the event and queues it.
/// Dropping the last clone writes what is queued and the shutdown record, and waits at most two seconds for that;
/// [`close`](Self::close) does the same and tells the head.
#[derive(Debug, Clone)]
pub struct AuditTrail {
    owner: Arc<Owner>,
}

#[derive(Debug)]
struct Owner {
    dir: PathBuf,
    shared: Arc<Shared>,
    durability: Vec<DurabilityRule>,
    /// How data about people is kept.
    fields: Fields,
    keys: Option<FieldKeys>,
    patience: Patience,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.queue.stop();
        let _ = self.shared.closed.wait(Duration::from_secs(2));
    }
}

impl AuditTrail {
    /// Opens the trail in `dir`, which is created (for its owner only) if need be, and goes on with the chain there.
    ///
    /// After a crash the torn end of the last line, which was never acknowledged, is moved to a file of its own and
    /// a `recovery` record says so. Blocks while it reads the last segment.
    ///
    /// # Errors
    /// [`Config`](TrailErrorKind::Config) for settings that can't work, [`Locked`](TrailErrorKind::Locked) when
    /// somebody else writes there, [`Damaged`](TrailErrorKind::Damaged) when the last segment was changed, or what
    /// the trail's own key had signed was rewritten, [`Signing`](TrailErrorKind::Signing) when it was signed and there is no key,
    /// or the key has signed nothing of it,
    /// [`Io`](TrailErrorKind::Io) for the rest.
    pub fn open(dir: impl Into<PathBuf>, config: &Config) -> Result<Self, TrailError> {
        Self::builder(dir).config(config.clone()).open()
    }

    /// A trail in `dir` with more than the usual parts: a key that signs, keys for data about people, another clock.
    pub fn builder(dir: impl Into<PathBuf>) -> TrailBuilder {
        TrailBuilder::new(dir.into())
    }

    /// Like [`open`](Self::open), with another clock and another source of the instance's random id.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(
        dir: impl Into<PathBuf>,
        config: &Config,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
    ) -> Result<Self, TrailError> {
        Self::builder(dir).config(config.clone()).clock(clock).open_drawing(entropy)
    }

    pub(crate) fn start(
        dir: PathBuf,
        config: &Config,
        parts: Parts,
        fields: Fields,
        keys: Option<FieldKeys>,
        patience: Patience,
        entropy: &dyn Entropy,
    ) -> Result<Self, TrailError> {
        segment::create_dir(&dir).map_err(|error| TrailError::io("create", &dir, error))?;
        let lock = lock(&dir)?;
        let appender = resume::open(&dir, parts, entropy)?;
        let shared = Arc::new(Shared::new(config, &appender));
        let writer = Writer {
            appender,
            shared: shared.clone(),
            max_total: config.max_total_bytes,
            reserve: config.reserve_bytes,
            retention: config.retention.clone(),
            min_free: config.min_free_bytes,
            looked: None,
            disk_low: false,
            losses: Losses::default(),
            telling: Losses::default(),
            lock,
            fault: None,
            shut_out: ShutOut::Nobody,
            sealing: Sealing::default(),
        };
        std::thread::Builder::new()
            .name("audit-trail".into())
            .spawn(move || writer.run())
            .map_err(|error| TrailError::io("start the writer of", &dir, error))?;
        let durability = config.durability.clone();
        Ok(Self { owner: Arc::new(Owner { dir, shared, durability, fields, keys, patience }) })
    }

    /// The last record that is in the file, though perhaps not yet synced.
    #[must_use]
    pub fn head(&self) -> Head {
        self.owner.shared.status().head
    }

    /// How many events were lost since the trail was opened: to a full queue, the quota, failed writes, or strict ones to keys that failed.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.owner.shared.queue.lost()
    }

    /// How often the disk was asked to sync since the trail was opened. One sync serves all strict events that wait.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.owner.shared.status().syncs
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.owner.dir
    }

    /// Answers when all that was recorded before is written and synced.
    #[must_use]
    pub fn flush(&self) -> Answer<Result<Receipt, AuditError>> {
        match self.owner.shared.flush() {
            Ok(ticket) => Answer::pending(async move { ticket.await.map_err(unavailable) }),
            Err(error) => Answer::Ready(Err(unavailable(error))),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.owner.shared
    }

    /// The newest `most` events of one tenant, newest last: for an admin's view.
    ///
    /// `None` shows the events of **all** tenants: it is for operators, and never what to pass for a caller without a
    /// tenant.
    ///
    /// What is sealed is opened with the trail's keys. Flushes first, waiting at most a second. Looks through the newest 32 MiB of the trail at most. Blocks: call it
    /// through `spawn_blocking`.
    ///
    /// # Errors
    /// The files can't be read, or hold a line that was changed.
    pub fn recent(&self, tenant: Option<&str>, most: usize) -> Result<Vec<StoredEvent>, TrailError> {
        // A closed trail, or one whose disk is full, still shows what it has.
        if let Ok(ticket) = self.owner.shared.flush() {
            let _ = ticket.wait(Duration::from_secs(1));
        }
        let mut filter = Filter::events();
        if let Some(tenant) = tenant {
            filter = filter.tenant(tenant);
        }
        let keys = self.owner.keys.as_ref();
        let entries = read::newest(&self.owner.dir, &filter, most, 32 << 20, keys)?;
        Ok(entries.into_iter().filter_map(|entry| entry.into_event()).collect())
    }

    /// Writes what is queued and the shutdown record, syncs, and tells the head: keep it elsewhere. Blocks for at
    /// most `deadline`. Events that are recorded from now on are answered with an error.
    ///
    /// # Errors
    /// [`Deadline`](TrailErrorKind::Deadline) when it takes longer (it goes on), else what failed.
    pub fn close(&self, deadline: Duration) -> Result<Head, TrailError> {
        self.stop();
        self.owner.shared.closed.wait(deadline).unwrap_or_else(|| Err(late()))
    }

    /// Tells the trail to do what [`close`](Self::close) does, and waits for nothing: for who has several to close.
    pub fn stop(&self) {
        self.owner.shared.queue.stop();
    }

    /// What [`close`](Self::close) does, for async code: blocks no thread. Needs the tokio runtime.
    ///
    /// # Errors
    /// As [`close`](Self::close).
    pub async fn stopped(&self, deadline: Duration) -> Result<Head, TrailError> {
        self.stop();
        let time = SystemClock::new();
        let end = time.until(time.monotonic().plus(deadline));
        before(end, self.owner.shared.closed.clone()).await.unwrap_or_else(|| Err(late()))
    }
}

impl AuditSink for AuditTrail {
    fn record(&self, event: AuditEvent, wish: Durability) -> Answer<Result<Receipt, AuditError>> {
        let shared = &self.owner.shared;
        let anonymous = refusals::is_strangers(&event);
        let refusal = refusals::is_strangers_refusal(&event);
        if refusal && shared.refusals.counts(&event, shared.clock.monotonic()) {
            return Answer::Ready(Ok(Receipt::queued()));
        }
        let durability = match refusal {
            true => Durability::Async,
            false => durability::of(&self.owner.durability, &event, wish),
        };
        let ticket = (durability == Durability::Strict).then(Ticket::new);
        let (members, unsealed) = encode::event(&event, &self.owner.fields, || shared.clock.now());
        let item = Item {
            members,
            unsealed,
            at: event.at,
            anonymous,
            wish: match (&ticket, durability) {
                (Some(ticket), _) => Wish::Strict(ticket.clone()),
                (None, Durability::Async) => Wish::Async,
                (None, _) => Wish::Ordered,
            },
        };
        match (shared.queue.push(item), ticket) {
            (Err(error), _) => Answer::Ready(Err(unavailable(error))),
            (Ok(_), _) if wish == Durability::Async => Answer::Ready(Ok(Receipt::queued())),
            (Ok(_), Some(ticket)) => {
                let answered = self.owner.patience.wait(ticket);
                Answer::pending(async move { answered.await.map_err(unavailable) })
            }
            (Ok(None), None) => Answer::Ready(Ok(Receipt::queued())),
            (Ok(Some(room)), None) => Answer::pending(async move {
                room.await;
                Ok(Receipt::queued())
            }),
        }
    }
}

impl HealthCheck for AuditTrail {
    fn name(&self) -> &str {
        "audit-trail"
    }

    fn check(&self) -> Answer<Health> {
        let closed = self.owner.shared.closed.wait(Duration::ZERO).is_some();
        Answer::Ready(match closed {
            true => Health::Unhealthy("the audit trail is closed".into()),
            false => self.owner.shared.health(),
        })
    }
}

fn late() -> TrailError {
    TrailError::new(TrailErrorKind::Deadline, "the audit trail could not be closed in time")
}

fn unavailable(error: TrailError) -> AuditError {
    AuditError::new(AuditErrorKind::Unavailable).with_source(error)
}

/// The lock that makes this the directory's only writer. The system frees it when the process ends in any way.
fn lock(dir: &Path) -> Result<File, TrailError> {
    let path = dir.join("lock");
    let file = segment::private()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| TrailError::io("open", &path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let detail = format!("another process writes to the audit trail in {}", dir.display());
            Err(TrailError::new(TrailErrorKind::Locked, detail))
        }
        Err(TryLockError::Error(error)) => Err(TrailError::io("lock", &path, error)),
    }
}

#[cfg(test)]
mod tests;
