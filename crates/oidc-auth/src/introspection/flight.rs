//! One question for all who ask the same at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use crate::binding::Verified;
use crate::cache::CacheKey;
use crate::error::TokenError;
use crate::keys::Network;

/// How many questions are under way at most, and how many of one network: few ones once half of the room is taken, so that it takes
/// many networks to keep others out.
const MOST: usize = 64;
const SHARE: usize = 16;
const SHARE_OF_THE_REST: usize = 2;

/// How many requests wait for one answer at most.
const MOST_ASKERS: usize = 256;

type Outcome = Result<Verified, TokenError>;
type Cell = Arc<OnceCell<Outcome>>;
type UnderWay = HashMap<CacheKey, Question>;

struct Question {
    cell: Cell,
    asked_by: Network,
    /// Counted under the lock: who leaves last has to know it.
    askers: usize,
}

#[derive(Default)]
pub(super) struct Flights(Mutex<UnderWay>);

/// A place in a question. The last one to leave takes the question along.
pub(super) struct Flight {
    flights: Arc<Flights>,
    name: CacheKey,
    cell: Cell,
}

impl Flights {
    /// A place; `None` when there are too many other questions, or too many who ask this one.
    pub(super) fn join(self: &Arc<Self>, name: CacheKey, network: Network) -> Option<Flight> {
        let mut under_way = self.under_way();
        if !under_way.contains_key(&name) && !has_room(&under_way, network) {
            return None;
        }
        let question = under_way.entry(name).or_insert_with(|| Question::of(network));
        if question.askers >= MOST_ASKERS {
            return None;
        }
        question.askers += 1;
        Some(Flight { flights: Arc::clone(self), name, cell: Arc::clone(&question.cell) })
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without a known address there is nobody to share with: only the size of the room counts.
fn has_room(under_way: &UnderWay, network: Network) -> bool {
    let share = if under_way.len() < MOST / 2 { SHARE } else { SHARE_OF_THE_REST };
    let theirs = || under_way.values().filter(|question| question.asked_by == network).count();
    under_way.len() < MOST && (!network.is_known() || theirs() < share)
}

impl Question {
    fn of(asked_by: Network) -> Self {
        Self { cell: Cell::default(), asked_by, askers: 0 }
    }
}

impl Flight {
    /// The answer. Whoever is first asks; if that one goes away, the next one does.
    pub(super) async fn outcome(&self, ask: impl Future<Output = Outcome>) -> Outcome {
        self.cell.get_or_init(|| ask).await.clone()
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut under_way = self.flights.under_way();
        let question = under_way.get_mut(&self.name);
        let Some(question) = question.filter(|question| Arc::ptr_eq(&question.cell, &self.cell)) else {
            return;
        };
        question.askers = question.askers.saturating_sub(1);
        // An answered question is over for later requests, an unanswered one if nobody is left.
        if question.askers == 0 || self.cell.initialized() {
            under_way.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(n: u32) -> CacheKey {
        CacheKey::new(&[0; 32], n.to_string().as_bytes())
    }

    fn network(n: u8) -> Network {
        Network::of(Some([192, 0, 2, n].into()))
    }

    #[test]
    fn who_leaves_last_takes_the_question_along_whoever_still_holds_the_cell() {
        let flights = Arc::new(Flights::default());
        let (first, second) = (flights.join(name(0), network(1)), flights.join(name(0), network(2)));
        // As one does that is about to go: its place is gone, its cell not yet.
        let leaving = first.as_ref().map(|flight| Arc::clone(&flight.cell));
        drop(first);
        assert_eq!(flights.under_way().len(), 1);
        drop(second);
        assert_eq!(flights.under_way().len(), 0);
        drop(leaving);
    }

    #[tokio::test]
    async fn who_asked_an_answered_question_takes_nothing_from_the_next() {
        let flights = Arc::new(Flights::default());
        let (first, late) = (flights.join(name(0), network(1)).unwrap(), flights.join(name(0), network(2)));
        let outcome = first.outcome(async { Err(TokenError::new(crate::Reason::Inactive)) }).await;
        assert!(outcome.is_err());
        drop(first);
        let next = flights.join(name(0), network(3));
        drop(late);
        assert_eq!(flights.under_way().len(), 1);
        drop(next);
        assert_eq!(flights.under_way().len(), 0);
    }

    #[test]
    fn few_networks_cannot_hold_all_questions() {
        let flights = Arc::new(Flights::default());
        let asked = |n: u32| flights.join(name(n), network(u8::try_from(n % 4).unwrap()));
        let held: Vec<_> = (0..400).filter_map(asked).collect();
        assert_eq!(held.len(), 32, "four networks had all 64 once");
        for n in 0..16 {
            let theirs: Vec<_> = (0..3).map(|m| flights.join(name(1_000 + m), network(100 + n))).collect();
            assert!(theirs[0].is_some() && theirs[1].is_some() && theirs[2].is_none());
        }
        let unknown: Vec<_> =
            (0..40).filter_map(|n| flights.join(name(2_000 + n), Network::of(None))).collect();
        assert_eq!(unknown.len(), 32, "without an address the whole room is theirs, and no more");
        assert!(flights.join(name(3_000), network(200)).is_none());
        drop((held, unknown));
        assert_eq!(flights.under_way().len(), 0);
    }

    #[test]
    fn who_waits_for_one_answer_is_bounded() {
        let flights = Arc::new(Flights::default());
        let asked = |_| flights.join(name(0), network(1));
        let held: Vec<_> = (0..300).filter_map(asked).collect();
        assert_eq!(held.len(), MOST_ASKERS);
    }
}
