//! The log-ins whose code is being exchanged right now.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::random::Random;
use crate::keys::Network;
use crate::shares::{Share, Shares};
use crate::token_endpoint::MOST;

/// How many of the exchanges one network has at once.
const SHARE: usize = 16;

/// Whose turn it is: each log-in once at a time and each network a share, so that who plays one answer over and over, or makes
/// codes up, takes no place of others.
#[derive(Debug)]
pub(super) struct Finishing {
    shares: Shares,
    attempts: Mutex<HashSet<[u8; 32]>>,
}

impl Finishing {
    pub(super) fn new() -> Self {
        Self { shares: Shares::new(MOST, SHARE), attempts: Mutex::default() }
    }

    /// The turn of the log-in with this state.
    pub(super) fn turn(&self, network: Network, state: &Random) -> Result<Turn<'_>, &'static str> {
        let share = self.shares.enter(network).ok_or("too many log-ins are being finished right now")?;
        let attempt = *state.bytes();
        match self.attempts().insert(attempt) {
            true => Ok(Turn { finishing: self, attempt, _share: share }),
            false => Err("this log-in is being finished already"),
        }
    }

    fn attempts(&self) -> MutexGuard<'_, HashSet<[u8; 32]>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dropped at the end, however that comes.
#[derive(Debug)]
pub(super) struct Turn<'f> {
    finishing: &'f Finishing,
    attempt: [u8; 32],
    _share: Share<&'f Shares>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.finishing.attempts().remove(&self.attempt);
    }
}
