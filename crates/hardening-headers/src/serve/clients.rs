//! How many connections each client has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::own_network::is_own;

/// How many connections one client may have at once: [`Server::connections_per_client`](super::Server::connections_per_client). In a file a
/// number, or `"off"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ClientCap {
    /// An eighth of all connections, at least 1 and at most 512.
    #[default]
    Share,
    /// So many: fewer than all connections.
    AtMost(usize),
    /// As many as there are, for example behind proxies with public addresses.
    Off,
}

impl ClientCap {
    /// In numbers, of a server with so many connections.
    pub(super) fn of(self, connections: usize) -> usize {
        match self {
            Self::Share => (connections / 8).clamp(1, 512),
            Self::AtMost(most) => most,
            Self::Off => usize::MAX,
        }
    }
}

impl From<usize> for ClientCap {
    fn from(most: usize) -> Self {
        Self::AtMost(most)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for ClientCap {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        crate::config::human::count_or_off(from).map(|most| most.map_or(Self::Off, Self::AtMost))
    }
}

/// The open connections of each network of clients; as many entries as there are such networks, so never more than connections.
#[derive(Debug, Clone)]
pub(super) struct Clients {
    pub(super) most: usize,
    open: Counts,
}

type Counts = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// One connection of a client, for as long as it lives.
#[derive(Debug)]
pub(super) struct Place(Option<(IpAddr, Counts)>);

impl Clients {
    pub(super) fn new(most: usize) -> Self {
        Self { most, open: Arc::default() }
    }

    /// A place for one more connection from there; `None` if it has all that it may have.
    pub(super) fn place(&self, address: IpAddr) -> Option<Place> {
        let Some(network) = counted(address) else { return Some(Place(None)) };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(network).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place(Some((network, Arc::clone(&self.open)))))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((network, open)) = self.0.take() else { return };
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&network);
            }
        }
    }
}

/// What is counted together: an IPv4 address, or an IPv6 network of 64 bits, which is what one subscriber gets at least. `None` for
/// networks of one's own, where proxies are.
fn counted(address: IpAddr) -> Option<IpAddr> {
    if is_own(address) {
        return None;
    }
    Some(match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_counted_together_and_ones_own_are_not() {
        let network = |text: &str| counted(text.parse().unwrap()).map(|network| network.to_string());
        for (address, expected) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("100.128.0.1", "100.128.0.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            assert_eq!(network(address).as_deref(), Some(expected));
        }
        for own in ["127.0.0.1", "::1", "::ffff:10.0.0.1", "100.64.0.1", "fd00::1"] {
            assert_eq!(network(own), None, "{own}");
        }
    }

    #[test]
    fn places_come_back_and_leave_nothing_behind() {
        let clients = Clients::new(2);
        let there = |text: &str| clients.place(text.parse().unwrap());
        let (first, second) = (there("2001:db8::1"), there("2001:db8::2"));
        assert!(first.is_some() && second.is_some());
        assert!(there("2001:db8::3").is_none(), "the same network");
        assert!(there("2001:db8:0:1::3").is_some(), "another network");
        drop(first);
        let third = there("2001:db8::3");
        assert!(third.is_some());
        drop((second, third));
        assert!(clients.open.lock().unwrap().is_empty());
    }
}
