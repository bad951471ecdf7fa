//! Origins: scheme, host and port, compared as such and never as text that begins or ends alike.

use gambeson_core::{Profile, Scheme};

use crate::hosts::{HostName, host_parts};

/// A web origin (RFC 6454 §4) of the schemes http and https.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    text: Box<str>,
    scheme: Scheme,
    host: HostName,
}

/// The parts of an origin, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OriginParts<'a> {
    pub(crate) scheme: Scheme,
    pub(crate) host: &'a str,
    pub(crate) port: u16,
}

impl Origin {
    /// The origin that `text` writes out; `None` for other schemes, paths, users, wildcards and `null`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, host) = split(text)?;
        let host = HostName::parse(host.as_bytes())?;
        let host = match host.port() {
            Some(port) if port == scheme.default_port() => HostName::parse(host.host().as_bytes())?,
            _ => host,
        };
        Some(Self { text: format!("{scheme}://{}", host.text()).into(), scheme, host })
    }

    /// As browsers write it (RFC 6454 §6.2): lower case, without the port that goes without saying.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host and, unless it goes without saying, port.
    pub(crate) fn host(&self) -> &HostName {
        &self.host
    }

    pub(crate) fn parts(&self) -> OriginParts<'_> {
        let port = self.host.port().unwrap_or_else(|| self.scheme.default_port());
        OriginParts { scheme: self.scheme, host: self.host.host(), port }
    }

    /// Whether only this machine can be meant.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(self.host.host())
    }

    /// Whether others can speak for it: over http whoever is on the way, and on the machine of somebody who uses an app in
    /// production any program that runs there. The machine of its developer is theirs.
    pub(crate) fn is_open_to_others(&self, profile: Profile) -> bool {
        self.scheme == Scheme::Http && (profile.is_production() || !self.is_loopback())
    }
}

impl<'a> OriginParts<'a> {
    /// The parts of what an `Origin` field says.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (scheme, host) = split(text)?;
        let (host, port) = host_parts(host)?;
        Some(Self { scheme, host, port: port.unwrap_or_else(|| scheme.default_port()) })
    }

    /// Whether it is the origin of this host, over this scheme if that is known.
    pub(crate) fn is_of(self, host: &str, scheme: Option<Scheme>) -> bool {
        let Some((host, port)) = host_parts(host) else { return false };
        let port = port.unwrap_or_else(|| scheme.unwrap_or(self.scheme).default_port());
        scheme.is_none_or(|scheme| scheme == self.scheme)
            && port == self.port
            && host.eq_ignore_ascii_case(self.host)
    }
}

/// Whether the host is one of the names of this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost")
}

fn split(text: &str) -> Option<(Scheme, &str)> {
    let strip = |prefix: &str| {
        text.get(..prefix.len())
            .filter(|start| start.eq_ignore_ascii_case(prefix))
            .and_then(|_| text.get(prefix.len()..))
    };
    match strip("https://") {
        Some(host) => Some((Scheme::Https, host)),
        None => strip("http://").map(|host| (Scheme::Http, host)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_do() {
        for (text, normal) in [
            ("https://App.example.com", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(Origin::parse(text).unwrap().text(), normal);
        }
    }

    #[test]
    fn what_is_no_origin_is_none() {
        for text in [
            "null",
            "*",
            "https://*.example.com",
            "https://a/",
            "https://a/b",
            "ftp://a",
            "a",
            "https://u@a",
            "",
        ] {
            assert_eq!(Origin::parse(text), None, "{text}");
            assert_eq!(OriginParts::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_scheme_counts_when_it_is_known() {
        let origin = OriginParts::parse("http://app.example.com").unwrap();
        assert!(origin.is_of("app.example.com", Some(Scheme::Http)));
        assert!(origin.is_of("app.example.com:80", Some(Scheme::Http)));
        assert!(!origin.is_of("app.example.com", Some(Scheme::Https)));
        assert!(origin.is_of("app.example.com", None));
        assert!(!origin.is_of("app.example.com:8080", None));
        assert!(!origin.is_of("app.example.com.evil.example", None));
    }
}
