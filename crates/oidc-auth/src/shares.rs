//! Places that are shared out by network.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::keys::Network;

/// So many places, of which each network gets a share, so that nobody takes them all. Whose address is unknown shares with
/// nobody: only the number of places counts then.
#[derive(Debug)]
pub(crate) struct Shares {
    total: usize,
    share: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    networks: HashMap<Network, usize>,
}

impl Shares {
    pub(crate) fn new(total: usize, share: usize) -> Self {
        Self { total, share, taken: Mutex::default() }
    }

    /// A place, if the network has not had its share and one is left.
    pub(crate) fn enter(&self, network: Network) -> Option<Share<&Self>> {
        self.take(network).then(|| Share { shares: self, network })
    }

    /// The same for what outlives the one who asks.
    pub(crate) fn enter_behind(self: &Arc<Self>, network: Network) -> Option<Share<Arc<Self>>> {
        self.take(network).then(|| Share { shares: Arc::clone(self), network })
    }

    fn take(&self, network: Network) -> bool {
        let mut taken = self.taken();
        let theirs = taken.networks.get(&network).copied().unwrap_or(0);
        if taken.total >= self.total || (network.is_known() && theirs >= self.share) {
            return false;
        }
        taken.total += 1;
        taken.networks.insert(network, theirs + 1);
        true
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One place. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Share<S: Deref<Target = Shares>> {
    shares: S,
    network: Network,
}

impl<S: Deref<Target = Shares>> Drop for Share<S> {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        taken.total = taken.total.saturating_sub(1);
        match taken.networks.get_mut(&self.network) {
            Some(theirs) if *theirs > 1 => *theirs -= 1,
            _ => {
                taken.networks.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn nobody_takes_them_all_and_what_is_given_back_is_there_again() {
        let shares = Shares::new(4, 2);
        let network = |last| Network::of(Some(IpAddr::from([192, 0, 2, last])));
        let first: Vec<_> = (0..3).filter_map(|_| shares.enter(network(1))).collect();
        assert_eq!(first.len(), 2, "their share");
        let others = [shares.enter(network(2)), shares.enter(network(3))];
        assert!(others.iter().all(Option::is_some));
        assert!(shares.enter(network(4)).is_none(), "all are taken");
        drop(first);
        assert!(shares.enter(network(1)).is_some());
        drop(others);
        let taken = std::mem::take(&mut *shares.taken());
        assert!(taken.total == 0 && taken.networks.is_empty());
        let unknown: Vec<_> = (0..5).filter_map(|_| shares.enter(Network::of(None))).collect();
        assert_eq!(unknown.len(), 4);
    }
}
