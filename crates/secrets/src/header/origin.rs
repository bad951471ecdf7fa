//! One origin (RFC 6454): scheme, host and port.

use gambeson_core::Profile;
use http::Uri;
use http::uri::Scheme;

/// Where a secret may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: Scheme,
    host: Box<str>,
    port: u16,
}

impl Origin {
    /// The origin that a text names.
    ///
    /// # Errors
    /// The cure: it is no origin, or not one that a secret may be sent to under this profile.
    pub(super) fn parse(text: &str, profile: Profile) -> Result<Self, &'static str> {
        const SHAPE: &str = "write an origin such as https://api.example.com: scheme, host, perhaps a port";
        let uri: Uri = text.parse().map_err(|_| SHAPE)?;
        let (bare, nobody) = (uri.path() == "/" && uri.query().is_none(), !text.contains('@'));
        let origin = Self::of(&uri).filter(|_| bare && nobody).ok_or(SHAPE)?;
        match origin.scheme == Scheme::HTTPS || (origin.is_loopback() && !profile.is_production()) {
            true => Ok(origin),
            false => Err("write https: a secret goes over plain http to loopback only, in development"),
        }
    }

    /// The origin of an absolute URI.
    fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme()?.clone();
        let usual = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let host = uri.host()?.to_ascii_lowercase().into();
        Some(Self { scheme, host, port: uri.port_u16().unwrap_or(usual) })
    }

    /// Whether a request to this URI goes there.
    pub(super) fn holds(&self, uri: &Uri) -> bool {
        let usual = if self.scheme == Scheme::HTTPS { 443 } else { 80 };
        uri.scheme() == Some(&self.scheme)
            && uri.host().is_some_and(|host| host.eq_ignore_ascii_case(&self.host))
            && uri.port_u16().unwrap_or(usual) == self.port
    }

    fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_origin_is_the_same() {
        let origin = Origin::parse("https://API.example.com", Profile::Production).unwrap();
        for (uri, same) in [
            ("https://api.example.com/v1?x", true),
            ("HTTPS://api.EXAMPLE.com:443/", true),
            ("https://api.example.com:8443/", false),
            ("http://api.example.com/", false),
            ("https://api.example.com.evil.example/", false),
            ("https://api.example.com@evil.example/", false),
            ("https://evil.example/https://api.example.com", false),
            ("https://xapi.example.com/", false),
            ("/v1", false),
        ] {
            assert_eq!(origin.holds(&uri.parse().unwrap()), same, "{uri}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_in_development() {
        for (text, production, development) in [
            ("https://api.example.com", true, true),
            ("http://api.example.com", false, false),
            ("http://127.0.0.1:3002", false, true),
            ("http://[::1]:3002", false, true),
            ("http://localhost:3002", false, true),
            ("https://api.example.com/v1", false, false),
            ("https://key@api.example.com", false, false),
            ("ftp://api.example.com", false, false),
            ("api.example.com", false, false),
            ("", false, false),
        ] {
            assert_eq!(Origin::parse(text, Profile::Production).is_ok(), production, "{text}");
            assert_eq!(Origin::parse(text, Profile::Development).is_ok(), development, "{text}");
        }
    }
}
