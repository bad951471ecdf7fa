//! The host that a request names.

use std::net::Ipv6Addr;

use gambeson_core::RequestHead;
use http::header;

/// A host with its port, if given: lower case, of a form that RFC 3986 §3.2.2 allows and that is safe in a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostName {
    text: Box<str>,
    host_length: usize,
    port: Option<u16>,
}

impl HostName {
    /// The host in `text`; `None` for user information, bad characters, bad ports and the empty name.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (host, port) = parts(text)?;
        Some(Self { text: text.to_ascii_lowercase().into_boxed_str(), host_length: host.len(), port })
    }

    /// Host and port as given, lower case.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Host and port as given, lower case.
    pub(crate) fn into_text(self) -> Box<str> {
        self.text
    }

    /// The host without its port; an IPv6 address in brackets.
    pub(crate) fn host(&self) -> &str {
        self.text.get(..self.host_length).unwrap_or(&self.text)
    }

    /// The port, if given.
    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }
}

/// Host and port in `text`, as [`HostName::parse`] takes them, without a copy.
pub(crate) fn parts(text: &str) -> Option<(&str, Option<u16>)> {
    if text.len() > 260 {
        return None;
    }
    let (host, port) = split_port(text)?;
    let valid = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().is_ok(),
        None => is_name(host),
    };
    let port = match port {
        None => None,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some(digits.parse().ok()?)
        }
        Some(_) => return None,
    };
    valid.then_some((host, port))
}

fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    let colon = match text.starts_with('[') {
        true => {
            let end = text.rfind(']')?;
            match text.get(end + 1..)? {
                "" => None,
                rest if rest.starts_with(':') => Some(end + 1),
                _ => return None,
            }
        }
        false => text.bytes().position(|byte| byte == b':'),
    };
    Some(match colon {
        Some(at) => (text.get(..at)?, text.get(at + 1..)),
        None => (text, None),
    })
}

/// Labels of letters, digits, `-` and `_`, divided by single dots; one dot may end it.
fn is_name(host: &str) -> bool {
    let mut label = 0;
    for byte in host.bytes() {
        match byte {
            b'.' if label == 0 => return false,
            b'.' => label = 0,
            byte if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') => label += 1,
            _ => return false,
        }
    }
    !host.is_empty()
}

/// The host of a request: the authority of its target, or its one `Host` field (RFC 9112 §3.2, RFC 9113 §8.3.1).
///
/// `None`: missing, twice, malformed, or different from the authority. RFC 9112 §3.2.2 lets a server go by the authority
/// alone, but an app that reads the field would then see a host that nobody checked.
pub(crate) fn host_of(head: &RequestHead<'_>) -> Option<HostName> {
    let mut fields = head.headers.get_all(header::HOST).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return None;
    }
    let Some(authority) = head.uri.authority() else {
        return HostName::parse(field?.as_bytes());
    };
    let named = HostName::parse(authority.as_str().as_bytes())?;
    match field {
        Some(field) => (HostName::parse(field.as_bytes())? == named).then_some(named),
        None => Some(named),
    }
}

/// Whether the request names no host at all, well or badly.
pub(super) fn is_nameless(head: &RequestHead<'_>) -> bool {
    head.uri.authority().is_none() && !head.headers.contains_key(header::HOST)
}

/// Whether the host is a name that strict transport can be promised for: neither an address nor `localhost`.
///
/// RFC 6797 §8.1.1 excludes addresses; `localhost` is shared by all apps that a developer ever starts.
pub(crate) fn is_public_name(host: &str) -> bool {
    let host = split_port(host).map_or(host, |(host, _)| host).as_bytes();
    let host = host.strip_suffix(b".").unwrap_or(host);
    let last = host.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    // What ends in a number is an IPv4 address to browsers, or nothing (URL Standard §3.5).
    let number = last.iter().all(u8::is_ascii_digit) || last.starts_with(b"0x");
    !(number || host.starts_with(b"[") || last.eq_ignore_ascii_case(b"localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, Option<u16>)> {
        HostName::parse(text.as_bytes()).map(|name| (name.host().to_owned(), name.port()))
    }

    #[test]
    fn hosts_are_taken_apart() {
        assert_eq!(parsed("App.Example.com"), Some(("app.example.com".into(), None)));
        assert_eq!(parsed("localhost:3000"), Some(("localhost".into(), Some(3000))));
        assert_eq!(parsed("[::1]:80"), Some(("[::1]".into(), Some(80))));
        assert_eq!(parsed("[::1]"), Some(("[::1]".into(), None)));
    }

    #[test]
    fn malformed_hosts_are_none() {
        for bad in [
            "",
            "a b",
            "user@example.com",
            "a:b",
            "a:",
            "a:99999",
            "a/b",
            "[::1",
            "[::1]x",
            "::1",
            "a..b",
            ".",
            "a..",
            ".a",
            "a:80:80",
            "[zz]",
            "a\\b",
            "é.example",
            "a,b",
            "a?x",
            "[fe80::1%25eth0]",
            "a#b",
        ] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }

    #[test]
    fn strict_transport_is_for_public_names_only() {
        assert!(is_public_name("app.example.com:8443"));
        for local in [
            "localhost",
            "localhost:3000",
            "a.localhost",
            "127.0.0.1:3000",
            "[::1]:80",
            "localhost.",
            "127.1",
            "0x7f.0x1",
            "",
        ] {
            assert!(!is_public_name(local), "{local}");
        }
    }
}
