//! The room in which requests wait for a key that is not known yet.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use gambeson_core::BoxFuture;

use super::remote::{Remote, Round};
use crate::error::{Reason, TokenError};

/// How many absent keys are remembered at most.
const MAX_ABSENT: usize = 1_024;

/// Who shares a place in the room: one IPv4 address, one IPv6 /56, or all whose address is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(Option<IpAddr>);

impl Network {
    pub(crate) fn of(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 72 << 72).into()),
            v4 => v4,
        }))
    }

    /// Whether there is anybody to share with.
    pub(crate) fn is_known(self) -> bool {
        self.0.is_some()
    }
}

/// Counts who waits, wakes them, and remembers which keys were looked for in vain.
pub(super) struct WaitingRoom {
    total: usize,
    share: usize,
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    waiting: HashMap<u64, (Network, Option<Waker>)>,
    networks: HashMap<Network, usize>,
    absent: HashSet<Wanted>,
}

/// A key that a network looks for, by a hash that nobody else can compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Wanted(u64);

impl State {
    /// Who came last of the network with the most places, if that has two more than `taken`: one fewer is fair then.
    fn latest_of_the_largest(&self, taken: usize) -> Option<u64> {
        let largest = self.networks.iter().max_by_key(|(_, places)| **places);
        // Strangers from many networks get here often: whoever waits is only looked at where one has to go.
        let (largest, _) = largest.filter(|(_, places)| **places > taken + 1)?;
        let theirs = self.waiting.iter().filter(|(_, (network, _))| network == largest).map(|(id, _)| *id);
        theirs.max()
    }

    fn leave(&mut self, id: u64) -> Option<Waker> {
        let (network, waker) = self.waiting.remove(&id)?;
        match self.networks.get_mut(&network) {
            Some(taken) if *taken > 1 => *taken -= 1,
            _ => {
                self.networks.remove(&network);
            }
        }
        waker
    }
}

impl WaitingRoom {
    pub(super) fn new(total: usize, share: usize) -> Self {
        Self { total, share, hasher: RandomState::new(), state: Mutex::default() }
    }

    /// A place in the room, if there is plenty, or else the network has not had its share and the room is not full. In a full room the
    /// network with the most places gives one up for a network that will not have as many, so no network fills the room for all others.
    ///
    /// Without a known address there is nobody to share with: only the size of the room counts.
    pub(super) fn enter(&self, network: Network) -> Result<u64, TokenError> {
        let mut state = self.state();
        let taken = state.networks.get(&network).copied().unwrap_or(0);
        let full = || TokenError::new(Reason::WaitingRoomFull);
        let half_full = state.waiting.len().saturating_mul(2) >= self.total;
        if network.is_known() && taken >= self.share && half_full {
            return Err(full());
        }
        let mut crowded_out = None;
        if state.waiting.len() >= self.total {
            let latest = state.latest_of_the_largest(taken).ok_or_else(full)?;
            crowded_out = state.leave(latest);
        }
        let id = state.next;
        state.next = id.wrapping_add(1);
        state.waiting.insert(id, (network, None));
        *state.networks.entry(network).or_default() += 1;
        drop(state);
        crowded_out.into_iter().for_each(Waker::wake);
        Ok(id)
    }

    fn leave(&self, id: u64) {
        let _waker = self.state().leave(id);
    }

    /// `false` when the place was given to somebody else.
    fn register(&self, id: u64, waker: &Waker) -> bool {
        match self.state().waiting.get_mut(&id) {
            Some((_, place)) => {
                *place = Some(waker.clone());
                true
            }
            None => false,
        }
    }

    /// A fetch ended: whoever waits looks again, and what was absent may be there now.
    pub(super) fn wake_all(&self) {
        let mut state = self.state();
        state.absent.clear();
        let wakers: Vec<Waker> = state.waiting.values_mut().filter_map(|(_, waker)| waker.take()).collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// What a network looks for. By network, so that a stranger who guesses the name of the next key can't spoil it for others; without a
    /// known address everybody would be one.
    pub(super) fn name(&self, network: Network, wanted: &[u8]) -> Option<Wanted> {
        network.is_known().then(|| Wanted(self.hasher.hash_one((network, wanted))))
    }

    /// Remembers, until the next fetch, that the newest set does not have it.
    pub(super) fn remember_absent(&self, wanted: Option<Wanted>) {
        let (Some(wanted), mut state) = (wanted, self.state()) else { return };
        if state.absent.len() < MAX_ABSENT {
            state.absent.insert(wanted);
        }
    }

    pub(super) fn is_absent(&self, wanted: Option<Wanted>) -> bool {
        wanted.is_some_and(|wanted| self.state().absent.contains(&wanted))
    }

    pub(super) fn len(&self) -> usize {
        self.state().waiting.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for WaitingRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitingRoom").field("waiting", &self.len()).finish_non_exhaustive()
    }
}

/// One request's place in the room. Dropping it gives the place back.
pub(crate) struct KeyWait {
    pub(super) remote: Arc<Remote>,
    pub(super) id: u64,
    pub(super) network: Network,
    pub(super) wanted: Option<Wanted>,
    /// How many fetches had started at the arrival: a later one shows what is published now.
    pub(super) arrived: u64,
    /// How many fetches had ended at the last look.
    pub(super) seen: u64,
    pub(super) deadline: BoxFuture<()>,
}

impl KeyWait {
    /// Waits for the end of the next fetch or for the deadline.
    pub(crate) fn poll_round(&mut self, context: &mut Context<'_>) -> Poll<Round> {
        // Registered before the look, so that a fetch that ends in between wakes.
        let has_place = self.remote.room().register(self.id, context.waker());
        if let Some(round) = self.remote.round_since(&mut self.seen, self.arrived) {
            return Poll::Ready(round);
        }
        if !has_place {
            return Poll::Ready(Round::CrowdedOut);
        }
        self.deadline.as_mut().poll(context).map(|()| Round::TimedOut)
    }

    /// The newest set does not have the key.
    pub(crate) fn remember_absent(&self) {
        self.remote.room().remember_absent(self.wanted);
    }
}

impl Drop for KeyWait {
    fn drop(&mut self) {
        self.remote.room().leave(self.id);
    }
}

impl fmt::Debug for KeyWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyWait").field("network", &self.network).finish_non_exhaustive()
    }
}
