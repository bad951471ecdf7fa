//! A token for each caller on whose behalf this app calls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::caller_token::Bearer;
use super::grant::{Desk, OnBehalf};
use super::kept::{Kept, LastError, Surroundings};
use super::status::TokenSourceStatus;

/// The callers that are known, by the hash of their tokens.
#[derive(Debug)]
pub(super) struct Callers {
    desk: Arc<Desk>,
    seams: Arc<Surroundings>,
    most: usize,
    known: Mutex<Known>,
    last_error: Arc<LastError>,
}

#[derive(Debug, Default)]
struct Known {
    by_hash: HashMap<[u8; 32], Caller>,
    /// Counts the looks: who was looked for long ago goes first.
    looks: u64,
}

#[derive(Debug)]
struct Caller {
    kept: Arc<Kept>,
    last: u64,
}

impl Callers {
    pub(super) fn new(desk: Desk, seams: Arc<Surroundings>, most: usize) -> Self {
        let (known, last_error) = Default::default();
        Self { desk: Arc::new(desk), seams, most, known, last_error }
    }

    /// What is kept for this caller.
    pub(super) fn of(&self, token: &Bearer) -> Arc<Kept> {
        let hash = token.hash();
        let mut known = self.known();
        known.looks += 1;
        let last = known.looks;
        if let Some(caller) = known.by_hash.get_mut(&hash) {
            caller.last = last;
            return Arc::clone(&caller.kept);
        }
        if known.by_hash.len() >= self.most {
            known.make_room(self.most);
        }
        let issue = OnBehalf { desk: Arc::clone(&self.desk), caller: token.clone() };
        let (seams, last_error) = (Arc::clone(&self.seams), Arc::clone(&self.last_error));
        let kept = Arc::new(Kept::among(Arc::new(issue), seams, last_error));
        known.by_hash.insert(hash, Caller { kept: Arc::clone(&kept), last });
        kept
    }

    /// How the tokens of all callers are, together.
    pub(super) fn status(&self) -> TokenSourceStatus {
        // Looked at without the lock, which every request takes.
        let all: Vec<Arc<Kept>> =
            self.known().by_hash.values().map(|caller| Arc::clone(&caller.kept)).collect();
        let all = all.iter().map(|kept| kept.status());
        let last_error = self.last_error.get();
        all.fold(TokenSourceStatus { last_error, ..Default::default() }, TokenSourceStatus::and)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Lets go of those whose tokens have ended; if all are good, of the quarter that was looked for longest ago.
    fn make_room(&mut self, most: usize) {
        self.by_hash.retain(|_, caller| !caller.kept.is_over());
        if self.by_hash.len() < most {
            return;
        }
        let mut looks: Vec<u64> = self.by_hash.values().map(|caller| caller.last).collect();
        looks.sort_unstable();
        let oldest = looks.get(looks.len() / 4).copied().unwrap_or(u64::MAX);
        self.by_hash.retain(|_, caller| caller.last > oldest);
    }
}
