//! The writer's thread: takes what waits, writes it, syncs once for all who asked, answers.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gambeson_core::{Health, Receipt};

use crate::appender::Appender;
use crate::config::Config;
use crate::digest::Head;
use crate::error::{TrailError, TrailErrorKind};
use crate::losses::{Cause, Losses};
use crate::queue::{Answered, Batch, Item, Queue, Wish};
use crate::ticket::Ticket;
use crate::{encode, telemetry};

/// So much is handed to the system at once.
const CHUNK: usize = 256 << 10;

/// What the trail and its writer share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Queue,
    pub(crate) closed: Ticket<Result<Head, TrailError>>,
    status: Mutex<Status>,
}

/// What the writer last saw.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) head: Head,
    pub(crate) health: Health,
}

impl Shared {
    pub(crate) fn new(config: &Config, head: Head) -> Self {
        Self {
            queue: Queue::new(config),
            closed: Ticket::new(),
            status: Mutex::new(Status { head, health: Health::Healthy }),
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
    /// Losses that no gap record tells yet.
    pub(crate) losses: Losses,
    /// Losses whose gap records are in the buffer.
    pub(crate) telling: Losses,
    /// Held for as long as this is the directory's writer.
    pub(crate) lock: File,
    pub(crate) fault: Option<TrailError>,
    pub(crate) shut_out: ShutOut,
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
        loop {
            let batch = self.shared.queue.take(self.fault.is_some());
            let stop = batch.stop;
            self.process(batch);
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

    fn process(&mut self, batch: Batch) {
        self.losses.merge(batch.losses);
        self.fault = None;
        let mut items = batch.items;
        let mut waiting = Vec::new();
        let mut again = Vec::new();
        while !items.is_empty() {
            let chunk = self.fill(&mut items);
            match self.appender.commit() {
                Ok(()) => {
                    self.telling = Losses::default();
                    waiting.extend(chunk.into_iter().filter_map(Placed::ticket));
                }
                Err(error) => self.give_back(chunk, &error, batch.stop, &mut again),
            }
            if self.appender.is_full() && self.fault.is_none() {
                let rotated = self.appender.rotate();
                self.note_fault(rotated.err());
            }
        }
        self.shared.queue.put_back(again);
        self.publish();
        self.answer(&waiting);
    }

    /// Moves items into the appender's buffer until a chunk is full.
    fn fill(&mut self, items: &mut VecDeque<Item>) -> Vec<Placed> {
        let mut chunk = Vec::new();
        while self.appender.buffer.len() < CHUNK && (chunk.is_empty() || !self.appender.is_full()) {
            let Some(item) = items.pop_front() else {
                break;
            };
            if matches!(item.wish, Wish::Flush(_)) {
                chunk.push(Placed { seq: None, item });
            } else if self.has_space(&item) {
                self.push_losses();
                let seq = Some(self.appender.push(&item.members));
                chunk.push(Placed { seq, item });
            } else {
                self.lose(Cause::Quota, &item);
                let detail = "the audit trail has reached max_total_bytes";
                item.refuse(&TrailError::new(TrailErrorKind::Quota, detail));
            }
        }
        chunk
    }

    fn has_space(&self, item: &Item) -> bool {
        let most = match item.anonymous {
            true => self.max_total.saturating_sub(self.reserve),
            false => self.max_total,
        };
        self.appender.total() + item.members.len() as u64 <= most
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
        if cause == Cause::Quota {
            self.shut_out = self.shut_out.max(if item.anonymous { ShutOut::Strangers } else { ShutOut::All });
        }
        self.losses.add(cause, item.at);
        self.shared.queue.count_lost(1);
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

    fn note_fault(&mut self, fault: Option<TrailError>) {
        if let Some(fault) = fault {
            self.fault = Some(fault);
        }
    }

    /// Lets the trail see the new head and health.
    fn publish(&mut self) {
        let health = match &self.fault {
            Some(fault) => Health::Unhealthy(fault.to_string()),
            None if self.appender.unsyncable => Health::Unhealthy("a sync failed".into()),
            None if self.shut_out == ShutOut::All => Health::Unhealthy("max_total_bytes is reached".into()),
            None if self.shut_out == ShutOut::Strangers => {
                Health::Degraded("refusals of strangers are no longer kept: max_total_bytes is near".into())
            }
            None => Health::Healthy,
        };
        let mut status = self.shared.status();
        if let Some(head) = self.appender.head() {
            status.head = head;
        }
        let before = std::mem::replace(&mut status.health, health.clone());
        drop(status);
        telemetry::health_changed(&before, &health);
    }

    fn shut_down(&mut self) -> Result<Head, TrailError> {
        self.push_losses();
        let now = self.appender.clock.now();
        self.appender.push(&encode::shutdown(now));
        self.appender.commit()?;
        self.appender.sync()?;
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
