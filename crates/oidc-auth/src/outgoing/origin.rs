//! One origin (RFC 6454): scheme, host and port.

use std::fmt;
use std::net::IpAddr;

use gambeson_core::Profile;
use http::Uri;
use http::uri::Scheme;

/// Where a token may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: Scheme,
    host: Box<str>,
    port: u16,
}

impl Origin {
    /// # Errors
    /// The cure: the text is no origin, or not one that a token may be sent to under this profile.
    pub(super) fn parse(text: &str, profile: Profile) -> Result<Self, &'static str> {
        const SHAPE: &str = "write an origin such as https://api.example.com: scheme, host, perhaps a port";
        let uri: Uri = text.parse().map_err(|_| SHAPE)?;
        let bare = uri.path() == "/" && uri.query().is_none() && !text.contains(['@', '#', '?']);
        let scheme = uri.scheme().filter(|_| bare).cloned().ok_or(SHAPE)?;
        let host: Box<str> =
            uri.host().filter(|host| !host.is_empty()).ok_or(SHAPE)?.to_ascii_lowercase().into();
        let port = uri.port_u16().or_else(|| usual_port(&scheme)).ok_or(SHAPE)?;
        match scheme == Scheme::HTTPS || (!profile.is_production() && is_loopback(&host)) {
            true => Ok(Self { scheme, host, port }),
            false => Err("write https: a token goes over plain http to loopback only, in development"),
        }
    }

    /// Whether a request to this URI goes there.
    pub(super) fn holds(&self, uri: &Uri) -> bool {
        uri.scheme() == Some(&self.scheme)
            && uri.host().is_some_and(|host| host.eq_ignore_ascii_case(&self.host))
            && uri.port_u16().or_else(|| usual_port(&self.scheme)) == Some(self.port)
    }
}

fn usual_port(scheme: &Scheme) -> Option<u16> {
    match scheme.as_str() {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
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
            ("https://api.example.com./", false),
            ("https://api.example.com.evil.example/", false),
            ("https://api.example.com@evil.example/", false),
            ("https://api.example.com:443@evil.example/", false),
            ("https://evil.example/https://api.example.com", false),
            ("https://evil.example?https://api.example.com", false),
            ("https://xapi.example.com/", false),
            ("ws://api.example.com/", false),
            ("/v1", false),
            ("*", false),
        ] {
            assert_eq!(origin.holds(&uri.parse().unwrap()), same, "{uri}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_in_development() {
        for (text, production, development) in [
            ("https://api.example.com", true, true),
            ("https://api.example.com:8443/", true, true),
            ("http://api.example.com", false, false),
            ("http://127.0.0.1:3002", false, true),
            ("http://[::1]:3002", false, true),
            ("http://localhost:3002", false, true),
            ("https://api.example.com/v1", false, false),
            ("https://api.example.com?x", false, false),
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
