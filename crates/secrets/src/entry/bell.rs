//! How a reference's refresher is asked to read, and how others learn that it did.

use std::sync::Mutex;
use std::sync::PoisonError;

use tokio::sync::{Notify, watch};

/// Shared by a reference and its refresher, so that neither keeps the other alive.
#[derive(Debug)]
pub(crate) struct Bell {
    rope: Notify,
    orders: Mutex<Orders>,
    /// The last read that ended.
    finished: watch::Sender<u64>,
    /// Whether there are to be no more reads.
    closed: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Orders {
    demand: Option<Demand>,
    /// How many reads began.
    started: u64,
    reading: bool,
}

/// Why a read is wanted before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Demand {
    /// Somebody has no value, or one that was rejected: no sooner than the policy's least interval.
    Wanted,
    /// The store says that the secret changed: at once.
    Changed,
}

impl Bell {
    /// A bell that asks for a first read.
    pub(crate) fn new() -> Self {
        let orders = Orders { demand: Some(Demand::Wanted), ..Orders::default() };
        let (finished, closed) = (watch::Sender::new(0), watch::Sender::new(false));
        Self { rope: Notify::new(), orders: Mutex::new(orders), finished, closed }
    }

    /// Asks for a read, and says which one to wait for: one that begins after this.
    pub(crate) fn ring(&self, demand: Demand) -> u64 {
        let target = self.with(|orders| {
            orders.demand = orders.demand.max(Some(demand));
            orders.started + 1
        });
        self.rope.notify_one();
        target
    }

    /// The read that is going on or has been asked for, if there is one.
    pub(crate) fn expected(&self) -> Option<u64> {
        self.with(|orders| match (orders.reading, orders.demand) {
            (true, _) => Some(orders.started),
            (false, Some(_)) => Some(orders.started + 1),
            (false, None) => None,
        })
    }

    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
        self.rope.notify_one();
    }

    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Waits until a read has ended; at once when there will be none.
    pub(crate) async fn finished(&self, read: u64) {
        // The sender is in `self`: it can't be gone.
        let _ = self.finished.subscribe().wait_for(|finished| *finished >= read).await;
    }

    /// For the refresher: waits until it is to end.
    pub(super) async fn closed(&self) {
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// For the refresher: what is asked for.
    pub(super) fn demand(&self) -> Option<Demand> {
        self.with(|orders| orders.demand)
    }

    /// For the refresher: waits until somebody rings or closes.
    pub(super) async fn rung(&self) {
        self.rope.notified().await;
    }

    /// For the refresher: a read begins, and answers all who asked so far.
    pub(super) fn begin(&self) {
        self.with(|orders| {
            orders.demand = None;
            orders.started += 1;
            orders.reading = true;
        });
    }

    /// For the refresher: the read ended.
    pub(super) fn end(&self) {
        let started = self.with(|orders| {
            orders.reading = false;
            orders.started
        });
        self.finished.send_replace(started);
    }

    /// For the refresher: there will be no more reads.
    pub(super) fn last(&self) {
        self.closed.send_replace(true);
        self.finished.send_replace(u64::MAX);
    }

    fn with<R>(&self, act: impl FnOnce(&mut Orders) -> R) -> R {
        act(&mut self.orders.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
