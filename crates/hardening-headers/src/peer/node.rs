//! Addresses as proxies write them.

use std::net::{IpAddr, Ipv6Addr};

/// The address in one member of `X-Forwarded-For`, or in one `for` of RFC 7239 §6 with its quotes taken off.
///
/// Taken: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`, with or without a
/// zone (which is dropped). IPv4 addresses inside IPv6 become IPv4. `None`: `unknown`, `_hidden`, anything else.
pub(super) fn parse(text: &[u8]) -> Option<IpAddr> {
    // Longer than any address with brackets, zone and port: not worth a look.
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= 100)?;
    let text = text.trim_matches([' ', '\t']);
    let address = if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        match rest.strip_prefix(':') {
            Some(port) if is_port(port) => {}
            None if rest.is_empty() => {}
            _ => return None,
        }
        IpAddr::V6(v6(address)?)
    } else {
        match text.split_once(':') {
            None => IpAddr::V4(text.parse().ok()?),
            Some((address, port)) if is_port(port) => IpAddr::V4(address.parse().ok()?),
            Some(_) => IpAddr::V6(v6(text)?),
        }
    };
    Some(address.to_canonical())
}

fn v6(text: &str) -> Option<Ipv6Addr> {
    match text.split_once('%') {
        Some((_, "")) => None,
        Some((address, _)) => address.parse().ok(),
        None => text.parse().ok(),
    }
}

/// A port in digits, or an obfuscated one (RFC 7239 §6.3). `1:2` of a bare IPv6 address is neither: it holds a colon
/// further on, or its left side is no IPv4 address.
fn is_port(text: &str) -> bool {
    let digits = text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    let hidden = text.strip_prefix('_').is_some_and(|rest| {
        rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    });
    !text.is_empty() && (digits || hidden)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_forms_that_proxies_write() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1"),
            (" 192.0.2.1\t", "192.0.2.1"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("192.0.2.1:_sep", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:DB8::1]:80", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:80", "fe80::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::", "::"),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(address.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn all_else_is_no_address() {
        for text in [
            "",
            "unknown",
            "_hidden",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.4:",
            "1.2.3.4:x",
            "[::1",
            "[::1]x",
            "[1.2.3.4]",
            "::1%",
            "\"1.2.3.4\"",
            "1.2.3.4 5",
            "01.2.3.4",
            "a:b",
            "1.2.3.4:999999",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(&[0xff]), None);
    }
}
