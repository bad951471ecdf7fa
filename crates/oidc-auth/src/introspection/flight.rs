//! One question for all who ask the same at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::binding::Verified;
use crate::cache::CacheKey;
use crate::error::TokenError;
use crate::keys::Network;

/// How many questions are under way at most, and how many of one network.
const MOST: usize = 64;
const SHARE: usize = 16;

type Outcome = Result<Verified, TokenError>;
type Cell = Arc<OnceCell<Outcome>>;

#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<CacheKey, (Cell, Network)>>);

/// A place in a question. The last one to leave takes the question along.
pub(super) struct Flight {
    flights: Arc<Flights>,
    name: CacheKey,
    cell: Cell,
}

impl Flights {
    /// A place; `None` when there are too many other questions.
    pub(super) fn join(self: &Arc<Self>, name: CacheKey, network: Network) -> Option<Flight> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = match under_way.get(&name) {
            Some((cell, _)) => Arc::clone(cell),
            None => {
                let theirs = under_way.values().filter(|(_, asked_by)| *asked_by == network).count();
                if under_way.len() >= MOST || theirs >= SHARE {
                    return None;
                }
                let cell = Cell::default();
                under_way.insert(name, (Arc::clone(&cell), network));
                cell
            }
        };
        Some(Flight { flights: Arc::clone(self), name, cell })
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
        let mut under_way = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = under_way.get(&self.name).is_some_and(|(cell, _)| Arc::ptr_eq(cell, &self.cell));
        // The map's and this one: an answered question is over for later requests, an unanswered one if nobody is left.
        if ours && (self.cell.initialized() || Arc::strong_count(&self.cell) <= 2) {
            under_way.remove(&self.name);
        }
    }
}
