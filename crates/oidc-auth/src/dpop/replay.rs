//! Proofs that were used: each is good once.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use gambeson_core::{Answer, Monotonic, Timestamp};

use crate::keys::Network;

/// Which proof it is: a digest of its key and its `jti`, so that two senders never get in each other's way.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProofId([u8; 32]);

impl ProofId {
    pub(super) fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest, as a name for other stores.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ProofId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofId(…)")
    }
}

/// A proof to remember. It is only asked about after the token and all else of the proof were found good.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct UsedProof {
    /// Which one it is.
    pub id: ProofId,
    /// Now, by the verifier's clock.
    pub now: Timestamp,
    /// From then on it is too old to be used again, and can be forgotten.
    pub until: Timestamp,
    /// Now on the clock that never goes back: what counts from here lasts as long as it should whatever becomes of the other one.
    pub at: Monotonic,
    /// Who sent it, as far as the peer layer knows: to share out what room there is.
    pub client: Option<IpAddr>,
}

/// Remembers proofs (RFC 9449 §11.1). Several instances of an app need one store together, or a proof works once at each.
pub trait ReplayStore: Send + Sync + fmt::Debug {
    /// Remembers the proof; `true` when it was not known before. Looking and remembering are one step: of two requests with
    /// one proof, one gets `true`.
    ///
    /// # Errors
    /// It can't be told: the request is answered 503, never let through.
    fn remember(&self, proof: UsedProof) -> Answer<Result<bool, ReplayError>>;
}

/// Why it can't be told whether a proof was used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReplayError {
    /// There is no room to remember it, or this client has its share.
    Full,
    /// The store can't be asked.
    Unavailable,
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "no room to remember proofs",
            Self::Unavailable => "the store of proofs can't be asked",
        })
    }
}

impl std::error::Error for ReplayError {}

/// The store of one process, bounded. When it is full, further proofs are answered 503 until older ones are over.
///
/// Half of the room is for whoever comes first; of the other half, a client address (IPv6: a /56) that holds a sixteenth of
/// the whole already gets no more while others are there too, so that one client can't keep the others out. While it is alone all but
/// the last sixteenth is its own. Without a known address only the size of the room counts.
///
/// Proofs are forgotten by the clock that never goes back: a wall clock that is set back an hour fills nothing, and proofs of the hour
/// that comes again can be used once more then.
pub struct MemoryReplay {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashSet<[u8; 32]>,
    /// Oldest first. Proofs of one policy are all remembered equally long, so the oldest ends first.
    order: VecDeque<(Monotonic, [u8; 32], Network)>,
    held: HashMap<Network, usize>,
}

impl MemoryReplay {
    /// For 131,072 proofs at a time, which are about 15 MB when it is full: about a thousand requests a second.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(1 << 17)
    }

    /// For this many proofs at a time, at least 16.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { capacity: capacity.max(16), state: Mutex::default() }
    }

    fn enter(&self, proof: &UsedProof) -> Result<bool, ReplayError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.forget(proof.at);
        if state.known.contains(&proof.id.0) {
            return Ok(false);
        }
        let network = Network::of(proof.client);
        if state.order.len() >= self.room_for(network, &state) {
            return Err(ReplayError::Full);
        }
        let until = proof.at.plus(proof.until.since(proof.now));
        state.known.insert(proof.id.0);
        state.order.push_back((until, proof.id.0, network));
        *state.held.entry(network).or_default() += 1;
        Ok(true)
    }
}

impl MemoryReplay {
    /// Up to how many proofs in all a network gets room for one more.
    fn room_for(&self, network: Network, state: &State) -> usize {
        let sixteenth = self.capacity / 16;
        let own = state.held.get(&network).copied().unwrap_or_default();
        match own {
            _ if !network.is_known() || own < sixteenth => self.capacity,
            _ if own == state.order.len() => self.capacity - sixteenth,
            _ => self.capacity / 2,
        }
    }
}

impl State {
    fn forget(&mut self, now: Monotonic) {
        while let Some((_, id, network)) = self.order.front().copied().filter(|(until, ..)| *until <= now) {
            self.order.pop_front();
            self.known.remove(&id);
            match self.held.get_mut(&network) {
                Some(held) if *held > 1 => *held -= 1,
                _ => {
                    self.held.remove(&network);
                }
            }
        }
    }
}

impl Default for MemoryReplay {
    fn default() -> Self {
        Self::new()
    }
}

impl ReplayStore for MemoryReplay {
    fn remember(&self, proof: UsedProof) -> Answer<Result<bool, ReplayError>> {
        Answer::Ready(self.enter(&proof))
    }
}

impl fmt::Debug for MemoryReplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.state.lock().unwrap_or_else(PoisonError::into_inner).order.len();
        f.debug_struct("MemoryReplay").field("capacity", &self.capacity).field("len", &len).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(id: u32, now: i64, last: u8) -> UsedProof {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&id.to_le_bytes());
        UsedProof {
            id: ProofId(digest),
            now: Timestamp::from_unix_seconds(now),
            until: Timestamp::from_unix_seconds(now + 120),
            at: Monotonic::from_nanos(now.unsigned_abs() * 1_000_000_000),
            client: Some([192, 0, 2, last].into()),
        }
    }

    #[test]
    fn once_until_it_is_over() {
        let store = MemoryReplay::new();
        assert_eq!(store.enter(&used(1, 0, 1)), Ok(true));
        assert_eq!(store.enter(&used(1, 119, 2)), Ok(false));
        assert_eq!(store.enter(&used(1, 120, 1)), Ok(true), "forgotten when it is too old to be used");
    }

    /// An app without a peer layer, or with all its clients behind one address.
    #[test]
    fn who_is_alone_has_nearly_all_and_who_is_unknown_all() {
        let fill = |store: &MemoryReplay, client: Option<IpAddr>| {
            let entered = (0..99).map(|id| store.enter(&UsedProof { client, ..used(id, 0, 1) }));
            entered.filter(|entered| *entered == Ok(true)).count()
        };
        assert_eq!(fill(&MemoryReplay::with_capacity(64), None), 64);
        let store = MemoryReplay::with_capacity(64);
        assert_eq!(fill(&store, Some([192, 0, 2, 1].into())), 60);
        assert_eq!(store.enter(&used(500, 0, 2)), Ok(true), "who comes later finds room");
    }

    #[test]
    fn a_clock_that_is_set_back_fills_nothing() {
        let store = MemoryReplay::with_capacity(16);
        for hour in 0..4_u32 {
            let set_back = |id| {
                let mut proof = used(hour * 100 + id, 36_000 - 3_600 * i64::from(hour), 1);
                proof.at = Monotonic::from_nanos(u64::from(hour) * 120_000_000_000);
                proof
            };
            assert!((0..15).all(|id| store.enter(&set_back(id)) == Ok(true)), "{hour}");
            assert_eq!(store.enter(&set_back(0)), Ok(false));
        }
    }

    #[test]
    fn nobody_takes_it_all_and_full_is_closed() {
        let store = MemoryReplay::with_capacity(64);
        assert_eq!(store.enter(&used(7_777, 0, 99)), Ok(true));
        let first: Vec<_> = (0..64).map(|id| store.enter(&used(id, 0, 1))).collect();
        assert_eq!(first.iter().filter(|entered| **entered == Ok(true)).count(), 31);
        assert_eq!(first.last(), Some(&Err(ReplayError::Full)));
        for client in 2..=9 {
            for id in 0..4 {
                assert_eq!(store.enter(&used(u32::from(client) * 100 + id, 1, client)), Ok(true));
            }
            assert_eq!(store.enter(&used(9_999, 1, client)), Err(ReplayError::Full));
        }
        assert_eq!(store.enter(&used(8_888, 1, 99)), Err(ReplayError::Full), "full is full");
        assert_eq!(store.enter(&used(0, 1, 1)), Ok(false), "what is known is known");
        assert_eq!(store.enter(&used(0, 500, 1)), Ok(true));
        assert_eq!(store.state.lock().unwrap().held.len(), 1, "what is over takes no room");
    }
}
