//! The writer's thread: takes what waits, writes it, syncs once for all who asked, answers.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gambeson_core::{Clock, Health, Monotonic, Receipt, Timestamp};

use crate::appender::Appender;
use crate::config::Config;
use crate::digest::{Digest, Head};
use crate::error::{TrailError, TrailErrorKind};
use crate::losses::{Cause, Loss, Losses};
use crate::queue::{Answered, Batch, Item, Queue, Wish};
use crate::refusals::Window;
use crate::retention::Retention;
use crate::sealing::Sealing;
use crate::ticket::Ticket;
use crate::{encode, telemetry};

/// So much is handed to the system at once.
const CHUNK: usize = 256 << 10;
/// So many counts of refusals are handed to the system at once.
const TOLD_AT_ONCE: usize = 256;
/// A clock that stands still must not make the writer busy.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);
/// So long the disk, or the store of keys, may take before the trail is unhealthy.
const HANGS_AFTER: Duration = Duration::from_secs(10);
/// After so long who waits for the disk gets it, though more came in the same batch: making keys may take long.
const SLICE: Duration = Duration::from_millis(100);
const DISK: &str = "the disk";
const KEY_STORE: &str = "the store of subjects' keys";

/// What the trail and its writer share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Queue,
    pub(crate) closed: Ticket<Result<Head, TrailError>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) refusals: Window,
    /// The chain's random id.
    pub(crate) instance: String,
    status: Mutex<Status>,
}

/// What the writer last saw.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) head: Head,
    /// The last record that is on stable storage.
    pub(crate) synced: Head,
    pub(crate) health: Health,
    /// How often the disk was asked to sync.
    pub(crate) syncs: u64,
    /// Since when the writer waits for something, and for what.
    busy: Option<(Monotonic, &'static str)>,
}

impl Shared {
    pub(crate) fn new(config: &Config, appender: &Appender) -> Self {
        let head = appender.head().unwrap_or(Head { seq: None, hash: Digest::ZERO });
        // Opening has synced it.
        let status =
            Status { head, synced: head, health: Health::Healthy, syncs: appender.syncs, busy: None };
        Self {
            queue: Queue::new(config),
            closed: Ticket::new(),
            clock: appender.clock.clone(),
            instance: appender.instance.clone(),
            refusals: Window::new(config.refusals.clone()),
            status: Mutex::new(status),
        }
    }

    /// Asks for an answer when all that is queued is written and synced.
    pub(crate) fn flush(&self) -> Result<Ticket<Answered>, TrailError> {
        let ticket = Ticket::new();
        self.queue.push(Item {
            members: String::new(),
            unsealed: None,
            at: Timestamp::default(),
            anonymous: false,
            wish: Wish::Flush(ticket.clone()),
        })?;
        Ok(ticket)
    }

    /// The last record that is on stable storage, after all that is queued now was brought there; `None` when it can't be.
    pub(crate) async fn synced_head(&self) -> Option<Head> {
        match self.flush() {
            Ok(ticket) => drop(ticket.await.ok()?),
            // What a closed trail wrote last is synced, or never will be.
            Err(error) if error.kind() == TrailErrorKind::Closed => {}
            Err(_) => return None,
        }
        Some(self.status().synced)
    }

    fn waits_for(&self, what: &'static str) {
        self.status().busy = Some((self.clock.monotonic(), what));
    }

    fn work_ended(&self) {
        self.status().busy = None;
    }

    /// The health that the writer last told; what hangs keeps it from telling.
    pub(crate) fn health(&self) -> Health {
        let now = self.clock.monotonic();
        let status = self.status();
        let busy = status.busy.map(|(since, what)| (now.since(since), what));
        match busy.filter(|(taken, _)| *taken >= HANGS_AFTER) {
            Some((taken, what)) => {
                Health::Unhealthy(format!("{what} has not answered for {} s", taken.as_secs()))
            }
            None => status.health.clone(),
        }
    }

    pub(crate) fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whatever ends the thread, nobody waits for it for ever.
struct Farewell(Arc<Shared>);

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.queue.abandon();
        let ended = || TrailError::new(TrailErrorKind::Closed, "the audit trail's writer ended unexpectedly");
        self.0.closed.answer(Err(ended()));
    }
}

pub(crate) struct Writer {
    pub(crate) appender: Appender,
    pub(crate) shared: Arc<Shared>,
    pub(crate) max_total: u64,
    pub(crate) reserve: u64,
    pub(crate) retention: Retention,
    /// So many bytes of the disk are not for strangers.
    pub(crate) min_free: u64,
    /// When the disk was last asked how much room it has.
    pub(crate) looked: Option<Monotonic>,
    pub(crate) disk_low: bool,
    /// Losses that no gap record tells yet.
    pub(crate) losses: Losses,
    /// Losses whose gap records are in the buffer.
    pub(crate) telling: Losses,
    /// Held for as long as this is the directory's writer.
    pub(crate) lock: File,
    pub(crate) fault: Option<TrailError>,
    pub(crate) shut_out: ShutOut,
    pub(crate) sealing: Sealing,
}

/// Whose events the quota no longer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ShutOut {
    Nobody,
    Strangers,
    All,
}

impl Writer {
    pub(crate) fn run(mut self) {
        let farewell = Farewell(self.shared.clone());
        self.drop_outdated();
        self.publish();
        loop {
            let batch = self.shared.queue.take(self.fault.is_some(), self.longest_wait());
            let stop = batch.stop;
            self.shared.waits_for(DISK);
            self.process(batch);
            self.shared.work_ended();
            if stop {
                break;
            }
        }
        let end = self.shut_down();
        // The lock on the directory goes before the answer, so that it can be opened again at once.
        let _ = self.lock.unlock();
        drop(self);
        farewell.0.closed.answer(end);
    }

    /// Until a checkpoint or a window of refusals is due.
    fn longest_wait(&self) -> Option<Duration> {
        let window = self.shared.refusals.due_in(self.shared.clock.monotonic());
        let waits = self.appender.checkpoint_due_in().into_iter().chain(window);
        waits.min().map(|wait| wait.max(SHORTEST_WAIT))
    }

    fn process(&mut self, batch: Batch) {
        self.losses.merge(batch.losses);
        self.look_for_room();
        let mut items = batch.items;
        if !items.is_empty() {
            self.fault = None;
        }
        let mut waiting = Vec::new();
        let mut again = Vec::new();
        let mut began = self.shared.clock.monotonic();
        while !items.is_empty() {
            let chunk = self.fill(&mut items, began);
            self.shared.waits_for(DISK);
            match self.appender.commit() {
                Ok(()) => {
                    self.telling = Losses::default();
                    waiting.extend(chunk.into_iter().filter_map(Placed::ticket));
                }
                Err(error) => self.give_back(chunk, &error, batch.stop, &mut again),
            }
            self.rotate_if_full();
            if self.is_over(began) {
                self.publish();
                self.answer(&std::mem::take(&mut waiting));
                began = self.shared.clock.monotonic();
            }
        }
        self.tell_refusals(false);
        self.drop_outdated();
        self.sign_in_time();
        self.shared.queue.put_back(again);
        self.publish();
        self.answer(&waiting);
    }

    fn is_over(&self, began: Monotonic) -> bool {
        self.shared.clock.monotonic().since(began) >= SLICE
    }

    fn rotate_if_full(&mut self) {
        if self.appender.is_full() && self.fault.is_none() {
            let rotated = self.appender.rotate();
            self.note_fault(rotated.err());
        }
    }

    /// Drops what is too old, unless the disk is in trouble.
    fn drop_outdated(&mut self) {
        if self.fault.is_none() {
            match self.appender.drop_outdated(&self.retention) {
                Ok(true) => {
                    // There is room again.
                    self.shut_out = ShutOut::Nobody;
                }
                Ok(false) => {}
                Err(error) => self.note_fault(Some(error)),
            }
        }
    }

    /// Asks the disk for its room, at most once a second. One that does not say is taken for roomy: writing will tell.
    fn look_for_room(&mut self) {
        let now = self.shared.clock.monotonic();
        if self.looked.is_none_or(|looked| now.since(looked) >= Duration::from_secs(1)) {
            self.looked = Some(now);
            let free = self.appender.disk.free(&self.appender.dir).ok().flatten();
            self.disk_low = free.is_some_and(|free| free < self.min_free);
        }
    }

    /// Tells what was counted of strangers' refusals, when the window is over or this is the end.
    fn tell_refusals(&mut self, last: bool) {
        let due = self.shared.refusals.due_in(self.shared.clock.monotonic());
        // While writing fails they are counted on, so that they can be told later.
        if !last && (due != Some(Duration::ZERO) || self.fault.is_some()) {
            return;
        }
        let now = self.appender.clock.now();
        for chunk in self.shared.refusals.close(last).chunks(TOLD_AT_ONCE) {
            for told in chunk {
                let members = encode::refusals(now, told);
                match self.turned_away(members.len(), true) {
                    None => {
                        self.appender.push(&members);
                        self.appender.checkpoint_if_full();
                    }
                    Some(cause) => self.lose_many(cause, told.count, true),
                }
            }
            if let Err(error) = self.appender.commit() {
                chunk.iter().for_each(|told| self.lose_many(Cause::WriteFailed, told.count, true));
                self.note_fault(Some(error));
            }
            self.rotate_if_full();
        }
    }

    /// Signs what is written when it is due; while writing fails there is nothing to vouch for.
    fn sign_in_time(&mut self) {
        if self.fault.is_none() && self.appender.checkpoint_due_in() == Some(Duration::ZERO) {
            self.appender.checkpoint();
            let signed = self.appender.commit();
            self.note_fault(signed.err());
        }
    }

    /// Moves items into the appender's buffer until a chunk is full, or a time slice that began then is over.
    fn fill(&mut self, items: &mut VecDeque<Item>, began: Monotonic) -> Vec<Placed> {
        let mut chunk = Vec::new();
        let mut over = false;
        while !over && self.appender.buffer.len() < CHUNK && (chunk.is_empty() || !self.appender.is_full()) {
            let Some(mut item) = items.pop_front() else {
                break;
            };
            let sealed = self.seal(&mut item);
            over = self.is_over(began);
            if let Err(error) = sealed {
                self.lose(Cause::Keys, &item);
                item.refuse(&error);
            } else if matches!(item.wish, Wish::Flush(_)) {
                chunk.push(Placed { seq: None, item });
            } else if let Some(cause) = self.turned_away(item.members.len(), item.anonymous) {
                self.lose(cause, &item);
                let detail = match cause {
                    Cause::DiskLow => "the disk has less than min_free_bytes, which are not for strangers",
                    _ => "the audit trail has reached max_total_bytes, or for strangers its reserve",
                };
                item.refuse(&TrailError::new(TrailErrorKind::Quota, detail));
            } else {
                self.push_losses();
                let seq = Some(self.appender.push(&item.members));
                chunk.push(Placed { seq, item });
                self.appender.checkpoint_if_full();
            }
        }
        chunk
    }

    /// Seals what has to be sealed. Without who did it a strict event is not kept.
    fn seal(&mut self, item: &mut Item) -> Result<(), TrailError> {
        if item.unsealed.is_none() {
            return Ok(());
        }
        self.shared.waits_for(KEY_STORE);
        let sealed = item.seal();
        self.sealing.note(self.shared.clock.monotonic(), &sealed);
        if matches!(item.wish, Wish::Strict(_)) { sealed } else { Ok(()) }
    }

    /// Why a record of so many bytes is not taken, if it is not.
    fn turned_away(&self, bytes: usize, anonymous: bool) -> Option<Cause> {
        let most = match anonymous {
            true => self.max_total.saturating_sub(self.reserve),
            false => self.max_total,
        };
        if self.appender.total() + bytes as u64 > most {
            return Some(Cause::Quota);
        }
        (anonymous && self.disk_low).then_some(Cause::DiskLow)
    }

    /// Gap records go before the next event, never alone: else losses would fill the disk too.
    fn push_losses(&mut self) {
        if self.appender.buffer.is_empty() {
            let now = self.appender.clock.now();
            self.telling = std::mem::take(&mut self.losses);
            for (cause, loss) in self.telling.iter() {
                self.appender.push(&encode::gap(now, cause, &loss));
            }
        }
    }

    fn lose(&mut self, cause: Cause, item: &Item) {
        self.lose_many(cause, Loss { count: 1, first: item.at, last: item.at }, item.anonymous);
    }

    fn lose_many(&mut self, cause: Cause, loss: Loss, anonymous: bool) {
        if cause == Cause::Quota {
            self.shut_out = self.shut_out.max(if anonymous { ShutOut::Strangers } else { ShutOut::All });
        }
        self.losses.add_many(cause, loss);
        self.shared.queue.count_lost(loss.count);
    }

    /// Nothing of the chunk was written: ordered items try again, the others are refused or counted.
    fn give_back(&mut self, chunk: Vec<Placed>, error: &TrailError, last: bool, again: &mut Vec<Item>) {
        self.note_fault(Some(error.clone()));
        self.publish();
        let untold = std::mem::take(&mut self.telling);
        self.losses.merge(untold);
        for Placed { item, .. } in chunk {
            match item.wish {
                Wish::Ordered if !last => again.push(item),
                Wish::Flush(_) => item.refuse(error),
                _ => {
                    self.lose(Cause::WriteFailed, &item);
                    item.refuse(error);
                }
            }
        }
    }

    /// One sync for all who wait for it.
    fn answer(&mut self, waiting: &[(Ticket<Answered>, Option<u64>)]) {
        if waiting.is_empty() {
            return;
        }
        match self.appender.sync() {
            Ok(()) => {
                self.note_sync();
                let head = self.appender.written.next.saturating_sub(1);
                for (ticket, seq) in waiting {
                    ticket.answer(Ok(Receipt::stored(seq.unwrap_or(head))));
                }
            }
            Err(error) => {
                waiting.iter().for_each(|(ticket, _)| ticket.answer(Err(error.clone())));
                self.note_fault(Some(error));
                self.publish();
            }
        }
    }

    /// Lets the trail see what is on stable storage.
    fn note_sync(&self) {
        let mut status = self.shared.status();
        status.syncs = self.appender.syncs;
        if let Some(head) = self.appender.head() {
            status.synced = head;
        }
    }

    fn note_fault(&mut self, fault: Option<TrailError>) {
        if let Some(fault) = fault {
            self.fault = Some(fault);
        }
    }

    /// Lets the trail see the new head and health.
    fn publish(&mut self) {
        let health = self.health();
        let mut status = self.shared.status();
        if let Some(head) = self.appender.head() {
            status.head = head;
        }
        status.syncs = self.appender.syncs;
        let before = std::mem::replace(&mut status.health, health.clone());
        drop(status);
        telemetry::health_changed(&before, &health);
    }

    fn health(&self) -> Health {
        match (&self.fault, self.sealing.trouble()) {
            (Some(fault), _) => Health::Unhealthy(fault.to_string()),
            _ if self.appender.unsyncable => Health::Unhealthy("a sync failed".into()),
            _ if self.shut_out == ShutOut::All => Health::Unhealthy("max_total_bytes is reached".into()),
            (None, Some(trouble)) => Health::Degraded(trouble),
            _ if self.shut_out == ShutOut::Strangers => {
                Health::Degraded("events of strangers are no longer kept: max_total_bytes is near".into())
            }
            _ if self.disk_low => Health::Degraded(
                "events of strangers are no longer kept: the disk has less than min_free_bytes".into(),
            ),
            _ if self.appender.found_too_many() => Health::Degraded(format!(
                "{} records before this start are unsigned, more than a crash leaves: verify the trail",
                self.appender.found_unsigned
            )),
            _ => Health::Healthy,
        }
    }

    fn shut_down(&mut self) -> Result<Head, TrailError> {
        self.tell_refusals(true);
        self.push_losses();
        self.appender.checkpoint();
        let now = self.appender.clock.now();
        self.appender.push(&encode::shutdown(now));
        self.appender.commit()?;
        self.appender.sync()?;
        self.note_sync();
        self.publish();
        Ok(self.shared.status().head)
    }
}

/// An item with its place in the chain.
struct Placed {
    seq: Option<u64>,
    item: Item,
}

impl Placed {
    fn ticket(self) -> Option<(Ticket<Answered>, Option<u64>)> {
        match self.item.wish {
            Wish::Strict(ticket) | Wish::Flush(ticket) => Some((ticket, self.seq)),
            Wish::Async | Wish::Ordered => None,
        }
    }
}
