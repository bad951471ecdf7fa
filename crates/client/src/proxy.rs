//! Which proxy a request leaves through.

use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gambeson_core::ConfigProblems;
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

/// The rules of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
#[derive(Default)]
pub(crate) struct Proxies(Option<Matcher>);

/// One proxy, as it applies to one destination.
pub(crate) struct Proxy {
    pub(crate) uri: Uri,
    pub(crate) authorization: Option<HeaderValue>,
}

impl Proxies {
    /// Reads the variables through `lookup`. The lower-case name wins, as it does elsewhere.
    pub(crate) fn from_lookup(
        lookup: impl Fn(&str) -> Option<String>,
        problems: &mut ConfigProblems,
    ) -> Self {
        let read = |lower: &str, upper: &str| {
            [lower, upper]
                .iter()
                .find_map(|name| Some((name.to_string(), lookup(name).filter(|value| !value.is_empty())?)))
        };
        // A CGI-like environment turns a client's `Proxy` header into HTTP_PROXY.
        let cgi = lookup("REQUEST_METHOD").is_some();
        let http = if cgi {
            lookup("http_proxy").map(|value| ("http_proxy".to_owned(), value))
        } else {
            read("http_proxy", "HTTP_PROXY")
        };
        let https = read("https_proxy", "HTTPS_PROXY");
        let no = read("no_proxy", "NO_PROXY");
        for (name, value) in [&http, &https].into_iter().flatten() {
            check(name, value, problems);
        }
        let value = |pair: Option<(String, String)>| pair.map(|(_, value)| value).unwrap_or_default();
        let matcher = Matcher::builder().http(value(http)).https(value(https)).no(value(no)).build();
        Self(Some(matcher))
    }

    /// The proxy for this destination, if there is one. Loopback is always direct.
    pub(crate) fn for_destination(&self, uri: &Uri) -> Option<Proxy> {
        if is_loopback(uri.host()?) {
            return None;
        }
        self.0.as_ref()?.intercept(uri).map(|found| Proxy::from(&found))
    }
}

impl From<&Intercept> for Proxy {
    fn from(found: &Intercept) -> Self {
        let raw = |(user, password): (&str, &str)| {
            HeaderValue::try_from(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))).ok()
        };
        let mut authorization = found.basic_auth().cloned().or_else(|| found.raw_auth().and_then(raw));
        if let Some(value) = &mut authorization {
            value.set_sensitive(true);
        }
        Self { uri: found.uri().clone(), authorization }
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxies").field(&self.0).finish()
    }
}

fn check(name: &str, value: &str, problems: &mut ConfigProblems) {
    let scheme = value.split_once("://").map_or("http", |(scheme, _)| scheme);
    let has_host = || {
        let with_scheme = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
        with_scheme.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()))
    };
    // The value may hold a password: it is never shown.
    if !matches!(scheme, "http" | "https") || !has_host() {
        problems.add(
            name,
            "(not shown)",
            "write http://host:port or https://host:port; other proxies are not spoken",
        );
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(pairs: &[(&str, &str)]) -> (Proxies, ConfigProblems) {
        let mut problems = ConfigProblems::new();
        let lookup = |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        (Proxies::from_lookup(lookup, &mut problems), problems)
    }

    fn chosen(proxies: &Proxies, uri: &str) -> Option<String> {
        let proxy = proxies.for_destination(&uri.parse().unwrap())?;
        proxy.uri.authority().map(ToString::to_string)
    }

    #[test]
    fn variables_choose_by_scheme_and_exception() {
        let (rules, problems) = proxies(&[
            ("HTTP_PROXY", "http://upper:1"),
            ("http_proxy", "http://lower:1"),
            ("HTTPS_PROXY", "secure:2"),
            ("NO_PROXY", "internal.example, 10.0.0.0/8"),
        ]);
        assert!(problems.is_empty());
        assert_eq!(chosen(&rules, "http://a.example/").as_deref(), Some("lower:1"));
        assert_eq!(chosen(&rules, "https://a.example/").as_deref(), Some("secure:2"));
        for direct in
            ["https://x.internal.example/", "http://10.1.2.3/", "http://localhost/", "http://[::1]:8/"]
        {
            assert_eq!(chosen(&rules, direct), None, "{direct}");
        }
    }

    #[test]
    fn a_client_of_a_cgi_program_cannot_choose_the_proxy() {
        let (rules, _) = proxies(&[("HTTP_PROXY", "http://evil:1"), ("REQUEST_METHOD", "GET")]);
        assert_eq!(chosen(&rules, "http://a.example/"), None);
    }

    #[test]
    fn an_unusable_proxy_is_a_problem_that_hides_the_value() {
        let (_, problems) = proxies(&[("HTTPS_PROXY", "socks5://u:hunter2@p:1"), ("HTTP_PROXY", "http://")]);
        let error = problems.check().unwrap_err();
        assert_eq!(error.problems().len(), 2);
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn the_password_is_not_shown() {
        let (rules, _) = proxies(&[("HTTP_PROXY", "http://u:hunter2@p:1")]);
        let proxy = rules.for_destination(&Uri::from_static("http://a.example/")).unwrap();
        assert_eq!(proxy.authorization.unwrap(), "Basic dTpodW50ZXIy");
        assert!(!format!("{rules:?}").contains("hunter2"));
    }
}
