//! Whom a request names, and which page sends it.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;

/// Whether the request names this machine, once in `Host` and, if it has one, in its target (RFC 9112 §3.2.2); other
/// names may be rebound to it by a page's own name server. The port does not matter: it may be forwarded.
pub(crate) fn loopback_only(parts: &Parts) -> bool {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).and_then(|host| host.parse().ok());
    let one = hosts.next().is_none() && host.as_ref().is_some_and(loopback_name);
    one && parts.uri.authority().is_none_or(loopback_name)
}

fn loopback_name(authority: &Authority) -> bool {
    if authority.as_str().contains('@') {
        return false;
    }
    let name = authority.host().trim_matches(['[', ']']);
    let loopback = name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    loopback || name.eq_ignore_ascii_case("localhost")
}

/// Whether no page of another origin sends it (Fetch Metadata; `Origin` for those without).
pub(crate) fn own_origin(headers: &HeaderMap, origin: &str) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    let same_origin = sites.all(|site| site == "same-origin" || site == "none");
    same_origin && headers.get_all(ORIGIN).iter().all(|sent| sent == origin)
}
