//! Whether a list of sources allows a load already (CSP 3 §6.7.2).

use super::violation::Blocked;
use crate::csp::{Csp, Directive, Source};
use crate::hosts::HostName;
use crate::origin::Origin;

/// Why browsers go by no host of this list: beside `'strict-dynamic'` scripts need the nonce (CSP 3 §8.2), and so do workers without a
/// list of their own.
pub(super) fn hosts_ignored(policy: &Csp, list: &[Source], directive: Directive) -> Option<&'static str> {
    let own_list =
        || policy.sources(Directive::WorkerSrc).or_else(|| policy.sources(Directive::ChildSrc)).is_some();
    let why = match directive {
        Directive::ScriptSrc | Directive::ScriptSrcElem => {
            "'strict-dynamic' goes by no host: give the script element the page's nonce"
        }
        Directive::WorkerSrc if !own_list() => {
            "'strict-dynamic' goes by no host: give workers a list of their own"
        }
        _ => return None,
    };
    list.contains(&Source::STRICT_DYNAMIC).then_some(why)
}

/// Whether the list allows it.
pub(super) fn covers(list: &[Source], blocked: &Blocked) -> bool {
    list.iter().any(|source| match blocked {
        Blocked::Origin { origin, own } => {
            (*own && *source == Source::SELF) || names(source.as_str(), origin).unwrap_or(false)
        }
        Blocked::Scheme(scheme) => source.as_str().strip_suffix(':') == Some(scheme),
        _ => false,
    })
}

fn names(source: &str, origin: &str) -> Option<bool> {
    let (scheme, host) = origin.split_once("://")?;
    if let Some(any) = source.strip_suffix(':') {
        return Some(scheme_matches(any, scheme));
    }
    let (source_scheme, source_host) = source.split_once("://")?;
    let (parent, source_host) = match source_host.strip_prefix("*.") {
        Some(parent) => (true, parent),
        None => (false, source_host),
    };
    let (pattern, load) = (HostName::parse(source_host.as_bytes())?, of_page(scheme, host)?);
    let host_matches = match parent {
        true => load.host().host().strip_suffix(pattern.host()).is_some_and(|below| below.ends_with('.')),
        false => pattern.host() == load.host().host(),
    };
    Some(scheme_matches(source_scheme, scheme) && host_matches && port_matches(pattern.port(), &load))
}

/// §6.7.2.11: a port that is not said is the one that goes without saying for what is loaded.
fn port_matches(pattern: Option<u16>, load: &Origin) -> bool {
    match pattern {
        Some(port) => port == load.parts().port,
        None => load.host().port().is_none(),
    }
}

/// The origin of pages at the same place.
fn of_page(scheme: &str, host: &str) -> Option<Origin> {
    let scheme = if matches!(scheme, "https" | "wss") { "https" } else { "http" };
    Origin::parse(&format!("{scheme}://{host}"))
}

/// §6.7.2.7: a safer scheme at the same host is allowed too.
fn scheme_matches(pattern: &str, scheme: &str) -> bool {
    pattern == scheme
        || matches!((pattern, scheme), ("http" | "wss", "https") | ("ws", "wss" | "http" | "https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(source: &str, load: &str) -> bool {
        let blocked = Blocked::Origin { origin: load.into(), own: false };
        covers(&[Source::parse(source).unwrap()], &blocked)
    }

    #[test]
    fn ports_go_without_saying_by_the_scheme_of_what_is_loaded() {
        for (source, load, expected) in [
            ("https://a.example", "https://a.example", true),
            ("https://a.example:443", "https://a.example", true),
            ("wss://a.example:443", "wss://a.example", true),
            ("http://a.example:80", "http://a.example", true),
            ("ws://a.example:80", "ws://a.example", true),
            ("https://a.example:80", "https://a.example", false),
            ("http://a.example:443", "http://a.example", false),
            ("http://a.example:80", "https://a.example", false),
            ("http://a.example", "https://a.example", true),
            ("https://a.example", "https://a.example:8443", false),
            ("https://a.example:8443", "https://a.example:8443", true),
            ("https://a.example:8443", "https://a.example:8444", false),
        ] {
            assert_eq!(names(source, load), expected, "{source} {load}");
        }
    }

    #[test]
    fn a_wildcard_stands_for_what_is_below() {
        for (load, expected) in [
            ("https://b.a.example", true),
            ("https://c.b.a.example", true),
            ("https://a.example", false),
            ("https://ba.example", false),
            ("https://b.a.example.evil", false),
        ] {
            assert_eq!(names("https://*.a.example", load), expected, "{load}");
        }
        assert_eq!(Origin::parse("https://.a.example"), None, "a host without a name below is none");
    }
}
