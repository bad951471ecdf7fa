//! Which addresses are one client.

use std::fmt;
use std::hash::Hasher;
use std::net::IpAddr;

use gambeson_core::{Entropy, EntropyError};
use siphasher::sip::SipHasher13;

/// Hashes client networks under a key that nobody outside knows, so that nobody can choose who shares a set.
pub(super) struct Networks {
    hasher: SipHasher13,
    v6_mask: u128,
}

impl Networks {
    pub(super) fn new(entropy: &dyn Entropy, v6_prefix: u8) -> Result<Self, EntropyError> {
        let mut key = [0; 16];
        entropy.fill(&mut key)?;
        let host_bits = 128_u32.saturating_sub(u32::from(v6_prefix));
        let v6_mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
        Ok(Self { hasher: SipHasher13::new_with_key(&key), v6_mask })
    }

    /// The hash of the network of this address. An IPv4 address is one client, however it is written.
    pub(super) fn hash(&self, address: IpAddr) -> u64 {
        let bits = match address.to_canonical() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits() & self.v6_mask,
        };
        let mut hasher = self.hasher;
        hasher.write(&bits.to_be_bytes());
        hasher.finish()
    }
}

impl fmt::Debug for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Networks").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gambeson_core::FixedEntropy;

    fn hash(prefix: u8, address: &str) -> u64 {
        let networks = Networks::new(&FixedEntropy::default(), prefix).unwrap();
        networks.hash(address.parse().unwrap())
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        assert_eq!(hash(64, "2001:db8:1:2::1"), hash(64, "2001:db8:1:2:ffff::9"));
        assert_ne!(hash(64, "2001:db8:1:2::1"), hash(64, "2001:db8:1:3::1"));
        assert_eq!(hash(56, "2001:db8:1:2::1"), hash(56, "2001:db8:1:ff::1"));
        assert_ne!(hash(128, "2001:db8:1:2::1"), hash(128, "2001:db8:1:2::2"));
    }

    #[test]
    fn an_ipv4_address_is_one_client_however_written() {
        assert_eq!(hash(64, "192.0.2.1"), hash(64, "::ffff:192.0.2.1"));
        assert_ne!(hash(64, "192.0.2.1"), hash(64, "192.0.2.2"));
    }

    #[test]
    fn the_key_decides_the_hash() {
        let other = Networks::new(&FixedEntropy::starting_at(99), 64).unwrap();
        assert_ne!(hash(64, "192.0.2.1"), other.hash("192.0.2.1".parse().unwrap()));
    }
}
