//! Addresses of networks of one's own, where proxies are.

use std::net::IpAddr;

/// Whether it is a loopback, private, link-local or shared address (RFC 1122, 1918, 3927, 4193, 4291, 6598), however it is written.
pub(crate) fn is_own(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let shared = address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64;
            address.is_loopback() || address.is_private() || address.is_link_local() || shared
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_ones_own_are_known_to_their_bounds() {
        for own in [
            "127.0.0.1",
            "127.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.0",
            "169.254.0.1",
            "100.64.0.0",
            "100.127.255.255",
            "::ffff:10.0.0.1",
            "::1",
            "fd00::1",
            "fc00::",
            "fe80::1",
        ] {
            assert!(is_own(own.parse().unwrap()), "{own}");
        }
        for other in [
            "9.255.255.255",
            "11.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.169.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "101.64.0.0",
            "203.0.113.7",
            "::ffff:203.0.113.7",
            "::2",
            "2001:db8::1",
            "fbff::",
            "fec0::",
        ] {
            assert!(!is_own(other.parse().unwrap()), "{other}");
        }
    }
}
