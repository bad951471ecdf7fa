//! Addresses in reports: origin and path, and nothing that may be a secret.

use gambeson_core::escape_controls;

use super::clip;
use crate::origin::Origin;

/// Bytes of a path that are kept.
const LONGEST_PATH: usize = 200;

/// What is kept of an address with a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) scheme: WebScheme,
    /// That of http or https at the same host; for WebSockets too.
    pub(super) origin: Origin,
    path: Box<str>,
}

/// The schemes whose addresses have an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WebScheme {
    Http,
    Https,
    Ws,
    Wss,
}

impl WebScheme {
    const ALL: [(&'static str, Self); 4] =
        [("http", Self::Http), ("https", Self::Https), ("ws", Self::Ws), ("wss", Self::Wss)];

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(known, scheme)| known.eq_ignore_ascii_case(name).then_some(scheme))
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    fn of_pages(self) -> &'static str {
        match self {
            Self::Http | Self::Ws => "http",
            Self::Https | Self::Wss => "https",
        }
    }
}

impl Address {
    /// The address in `text`; `None` for other schemes and for hosts that are none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = WebScheme::parse(scheme)?;
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end)?;
        let origin = Origin::parse(&format!("{}://{authority}", scheme.of_pages()))?;
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        let path = if path.starts_with('/') { path } else { "/" };
        let path = escape_controls(clip(path, LONGEST_PATH));
        Some(Self { scheme, origin, path: clip(&path, LONGEST_PATH).into() })
    }

    /// As a policy would name it: scheme, host and, unless it goes without saying, port.
    pub(super) fn source(&self) -> Box<str> {
        format!("{}://{}", self.scheme.as_str(), self.origin.host().text()).into()
    }

    pub(super) fn into_path(self) -> Box<str> {
        self.path
    }

    /// Whether `'self'` of a page at `page` stands for it (CSP 3 §6.7.2.8 step 4).
    pub(super) fn is_self_of(&self, page: &Self) -> bool {
        let (ours, theirs) = (self.origin.parts(), page.origin.parts());
        let both_usual = self.origin.host().port().is_none() && page.origin.host().port().is_none();
        let scheme = match self.scheme {
            WebScheme::Https | WebScheme::Wss => true,
            WebScheme::Http | WebScheme::Ws => page.scheme == WebScheme::Http,
        };
        ours.host == theirs.host && (ours.port == theirs.port || both_usual) && scheme
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(Box<str>, Box<str>)> {
        Address::parse(text).map(|address| (address.source(), address.into_path()))
    }

    #[test]
    fn of_an_address_only_origin_and_path_are_kept() {
        for (text, origin, path) in [
            ("https://CDN.example.com:443/a/b?token=s#f", "https://cdn.example.com", "/a/b"),
            ("http://localhost:3000?secret", "http://localhost:3000", "/"),
            ("wss://a.example:8443#x/y", "wss://a.example:8443", "/"),
            ("https://a.example/\u{1b}[2J\n", "https://a.example", "/\\u{1b}[2J\\u{a}"),
            ("https://[::1]/x", "https://[::1]", "/x"),
        ] {
            assert_eq!(parsed(text), Some((origin.into(), path.into())), "{text:?}");
        }
        for text in [
            "",
            "data",
            "https://",
            "https://u:p@a.example/",
            "https://a b/",
            "ftp://a",
            "https://a\n/",
            "file:///etc",
            "//a/b",
        ] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
        let long = format!("https://a.example/{}", "é".repeat(500));
        assert!(parsed(&long).unwrap().1.len() <= LONGEST_PATH);
    }

    #[test]
    fn self_is_the_page_s_own_origin_and_its_safer_kin() {
        let is_self =
            |page: &str, load: &str| Address::parse(load).unwrap().is_self_of(&Address::parse(page).unwrap());
        for (page, load, expected) in [
            ("https://a.example/x", "https://a.example/y", true),
            ("https://a.example", "wss://a.example/s", true),
            ("http://a.example", "https://a.example", true),
            ("http://a.example", "ws://a.example", true),
            ("https://a.example", "http://a.example", false),
            ("https://a.example", "ws://a.example", false),
            ("https://a.example", "https://a.example:8443", false),
            ("https://a.example", "https://b.a.example", false),
            ("http://localhost:3000", "http://localhost:3001", false),
        ] {
            assert_eq!(is_self(page, load), expected, "{page} {load}");
        }
    }
}
