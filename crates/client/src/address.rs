//! Addresses that a stranger's URL must not lead to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is of special use: not a place on the public internet.
///
/// That is what the IANA special-purpose registries (RFC 6890) list as not globally reachable, and more where a
/// mistake would cost much: this host, loopback, private, shared (carrier-grade NAT), link-local with the metadata
/// address of cloud platforms, documentation, benchmarking, multicast, reserved, unique local and site-local. An IPv6
/// address that carries an IPv4 address (mapped, compatible, NAT64, 6to4) is as special as the address it carries; Teredo
/// always is.
///
/// ```
/// use gambeson_client::special_use;
///
/// assert!(special_use("169.254.169.254".parse().unwrap()));
/// assert!(special_use("::ffff:10.0.0.1".parse().unwrap()));
/// assert!(!special_use("93.184.215.14".parse().unwrap()));
/// ```
#[must_use]
pub fn special_use(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    match (a, b, c) {
        (0 | 10 | 127, ..) => true,
        (100, 64..=127, _) => true,
        (169, 254, _) | (192, 168, _) => true,
        (172, 16..=31, _) => true,
        (192, 0, 0 | 2) | (192, 88, 99) => true,
        (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        // A cloud platform's metadata and name service beside 169.254.169.254.
        (168, 63, 129) => d == 16,
        (224.., ..) => true,
        _ => false,
    }
}

fn special_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0, 0, ..] => embedded(segments[6], segments[7]),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x64, 0xff9b, ..] => true,
        [0x2002, high, low, ..] => embedded(high, low),
        [0x100, 0, 0, ..] | [0x2001, 0x0db8, ..] | [0x3fff, ..] | [0x5f00, ..] => true,
        // IETF protocol assignments: Teredo, benchmarking, ORCHID and more.
        [0x2001, second, ..] if second < 0x200 => true,
        // Only 2000::/3 is handed out: all else is local, multicast or reserved.
        [first, ..] => first & 0xe000 != 0x2000,
    }
}

fn embedded(high: u16, low: u16) -> bool {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    special_v4(Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_known() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.9",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(special_use(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn public_addresses_are_not_special() {
        for text in [
            "1.1.1.1",
            "100.63.0.1",
            "100.128.0.1",
            "168.63.129.17",
            "172.15.0.1",
            "172.32.0.1",
            "192.1.2.3",
            "198.20.0.1",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2002:101:101::1",
        ] {
            assert!(!special_use(text.parse().unwrap()), "{text}");
        }
    }
}
