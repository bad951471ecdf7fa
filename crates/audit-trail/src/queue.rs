//! What waits for the writer, within bounds.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gambeson_core::{Receipt, Timestamp};

use crate::config::Config;
use crate::error::{TrailError, TrailErrorKind};
use crate::losses::{Cause, Losses};
use crate::ticket::Ticket;
use crate::unsealed::Unsealed;

pub(crate) type Answered = Result<Receipt, TrailError>;

/// An event on its way, encoded already but for what has to be sealed.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) members: String,
    pub(crate) unsealed: Option<Box<Unsealed>>,
    pub(crate) at: Timestamp,
    /// Caused by somebody unknown: the first to go when space is short.
    pub(crate) anonymous: bool,
    pub(crate) wish: Wish,
}

/// What its sender waits for.
#[derive(Debug)]
pub(crate) enum Wish {
    Async,
    Ordered,
    /// An answer after the sync.
    Strict(Ticket<Answered>),
    /// No event, only an answer after all before it are written and synced.
    Flush(Ticket<Answered>),
}

/// All that waited at one moment.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) items: VecDeque<Item>,
    pub(crate) losses: Losses,
    pub(crate) stop: bool,
}

#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    most_events: usize,
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Item>,
    bytes: usize,
    losses: Losses,
    lost: u64,
    room: Vec<Ticket<()>>,
    writer_waits: bool,
    /// Somebody waits for the answer to an item.
    awaited: bool,
    stop: bool,
}

impl State {
    /// There is no room: counts the event as lost, and tells whoever waits for an answer.
    fn turn_away(&mut self, item: &Item) -> Result<Option<Ticket<()>>, TrailError> {
        if !matches!(item.wish, Wish::Flush(_)) {
            self.losses.add(Cause::QueueFull, item.at);
            self.lost += 1;
        }
        match item.wish {
            Wish::Async => Ok(None),
            _ => Err(TrailError::new(
                TrailErrorKind::Overloaded,
                "too many events wait for the audit trail's writer",
            )),
        }
    }
}

impl Queue {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            state: Mutex::default(),
            arrived: Condvar::new(),
            most_events: config.queue_events,
            most_bytes: config.queue_bytes,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the queue holds less than this many quarters of what it may.
    fn below(&self, state: &State, quarters: usize) -> bool {
        state.items.len() < self.most_events.saturating_mul(quarters) / 4
            && state.bytes < self.most_bytes.saturating_mul(quarters) / 4
    }

    /// Takes an item.
    ///
    /// An async one is counted as lost when the queue is full. An ordered or strict one is taken beyond that, so that
    /// nothing is lost when its sender stops waiting; for an ordered one the answer is then a ticket for room. What
    /// strangers cause leaves a quarter free, however surely it is to be kept.
    pub(crate) fn push(&self, item: Item) -> Result<Option<Ticket<()>>, TrailError> {
        let mut state = self.state();
        if state.stop {
            return Err(TrailError::new(TrailErrorKind::Closed, "the audit trail is closed"));
        }
        let quarters = match item.wish {
            _ if item.anonymous => 3,
            Wish::Async => 4,
            Wish::Ordered | Wish::Strict(_) => 8,
            // Nothing is lost with it, but however many ask while the disk hangs, they are bounded too.
            Wish::Flush(_) => 12,
        };
        if !self.below(&state, quarters) {
            return state.turn_away(&item);
        }
        let waits = matches!(item.wish, Wish::Ordered) && !self.below(&state, 4);
        let room = waits.then(Ticket::new);
        state.room.extend(room.clone());
        state.bytes += item.bytes();
        state.awaited |= matches!(item.wish, Wish::Strict(_) | Wish::Flush(_));
        state.items.push_back(item);
        let wake = state.writer_waits;
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
        Ok(room)
    }

    /// Waits for something to do, at most for `longest`, and takes all of it.
    ///
    /// After a failed write (`retry`) it waits a second, unless somebody waits for an answer: else each event that comes
    /// in would make the writer try all that it has once more.
    pub(crate) fn take(&self, retry: bool, longest: Option<Duration>) -> Batch {
        let mut state = self.state();
        state.writer_waits = true;
        if retry {
            let second = Duration::from_secs(1);
            let pause = self.arrived.wait_timeout_while(state, second, |state| !state.stop && !state.awaited);
            state = pause.unwrap_or_else(PoisonError::into_inner).0;
        }
        let idle = |state: &mut State| state.items.is_empty() && !state.stop;
        state = match longest {
            None => self.arrived.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner),
            Some(longest) => {
                let waited = self.arrived.wait_timeout_while(state, longest, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.writer_waits = false;
        state.bytes = 0;
        state.awaited = false;
        let batch = Batch {
            items: std::mem::take(&mut state.items),
            losses: std::mem::take(&mut state.losses),
            stop: state.stop,
        };
        let room = std::mem::take(&mut state.room);
        drop(state);
        room.iter().for_each(|ticket| ticket.answer(()));
        batch
    }

    /// Puts back, before all others, what could not be written.
    pub(crate) fn put_back(&self, items: Vec<Item>) {
        let mut state = self.state();
        for item in items.into_iter().rev() {
            state.bytes += item.bytes();
            state.items.push_front(item);
        }
    }

    /// Counts events that the writer lost.
    pub(crate) fn count_lost(&self, events: u64) {
        self.state().lost += events;
    }

    /// How many events were lost since the trail was opened.
    pub(crate) fn lost(&self) -> u64 {
        self.state().lost
    }

    /// Takes nothing more.
    pub(crate) fn stop(&self) {
        self.state().stop = true;
        self.arrived.notify_all();
    }

    /// The writer is gone: nobody may wait for it any longer.
    pub(crate) fn abandon(&self) {
        self.stop();
        let mut state = self.state();
        let items = std::mem::take(&mut state.items);
        let room = std::mem::take(&mut state.room);
        state.lost += items.iter().filter(|item| !matches!(item.wish, Wish::Flush(_))).count() as u64;
        drop(state);
        room.iter().for_each(|ticket| ticket.answer(()));
        for item in items {
            item.refuse(&TrailError::new(TrailErrorKind::Closed, "the audit trail's writer ended"));
        }
    }
}

impl Item {
    /// How many bytes it takes while it waits.
    fn bytes(&self) -> usize {
        self.members.len() + self.unsealed.as_ref().map_or(0, |unsealed| unsealed.bytes())
    }

    /// Seals what has to be sealed, once. What can't be is withheld, and the error says why.
    pub(crate) fn seal(&mut self) -> Result<(), TrailError> {
        let Some(unsealed) = self.unsealed.take() else { return Ok(()) };
        let (members, fault) = unsealed.seal(&self.members);
        self.members = members;
        fault.map_or(Ok(()), Err)
    }

    /// Tells the sender, if it waits, that nothing came of it.
    pub(crate) fn refuse(&self, error: &TrailError) {
        if let Wish::Strict(ticket) | Wish::Flush(ticket) = &self.wish {
            ticket.answer(Err(error.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn item(wish: Wish) -> Item {
        Item { members: "x".into(), unsealed: None, at: Timestamp::default(), anonymous: false, wish }
    }

    #[test]
    fn strangers_leave_a_quarter_free_however_surely_they_are_to_be_kept() {
        let wishes: [fn() -> Wish; 3] = [|| Wish::Async, || Wish::Ordered, || Wish::Strict(Ticket::new())];
        for wish in wishes {
            let queue = Queue::new(&Config::default().queue_events(8));
            for _ in 0..20 {
                let _ = queue.push(Item { anonymous: true, ..item(wish()) });
            }
            let taken = queue.state().items.len();
            assert_eq!((taken, queue.lost()), (6, 14));
            queue.push(item(Wish::Async)).unwrap();
            assert_eq!(queue.lost(), 14, "there is room for others");
        }
    }

    #[test]
    fn flushes_are_bounded_and_nothing_is_lost_with_them() {
        let queue = Queue::new(&Config::default().queue_events(8));
        let taken = (0..1_000).filter(|_| queue.push(item(Wish::Flush(Ticket::new()))).is_ok()).count();
        assert_eq!((taken, queue.lost()), (24, 0));
    }

    #[test]
    fn an_abandoned_queue_counts_what_it_held() {
        let queue = Queue::new(&Config::default());
        let ticket = Ticket::new();
        for wish in [Wish::Async, Wish::Ordered, Wish::Strict(ticket.clone()), Wish::Flush(Ticket::new())] {
            queue.push(item(wish)).unwrap();
        }
        queue.abandon();
        assert_eq!(queue.lost(), 3);
        assert!(matches!(ticket.wait(Duration::ZERO), Some(Err(_))));
    }

    #[test]
    fn after_a_failed_write_only_those_who_wait_hurry_the_writer() {
        let queue = Queue::new(&Config::default());
        let (started, starts) = mpsc::channel();
        let long = Duration::from_secs(20);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                started.send(0).unwrap();
                started.send(queue.take(true, None).items.len()).unwrap();
            });
            starts.recv_timeout(long).unwrap();
            for _ in 0..20 {
                queue.push(item(Wish::Async)).unwrap();
                std::thread::yield_now();
            }
            queue.push(item(Wish::Strict(Ticket::new()))).unwrap();
            let taken = starts.recv_timeout(long);
            // Whatever became of it, it does not wait for ever.
            queue.stop();
            assert_eq!(taken, Ok(21));
        });
    }
}
