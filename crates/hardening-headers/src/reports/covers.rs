//! Whether a list of sources allows a load already (CSP 3 §6.7.2).

use super::violation::Blocked;
use crate::csp::{Csp, Directive, Source};
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
    // Which ports go without saying depends on the scheme; what is compared here does not.
    let (pattern, load) = (plain(source_scheme, source_host)?, plain(scheme, host)?);
    let (pattern_host, load_host) = (pattern.host().host(), load.host().host());
    let host_matches = match parent {
        true => {
            load_host.strip_suffix(pattern_host).is_some_and(|below| below.ends_with('.') && below.len() > 1)
        }
        false => pattern_host == load_host,
    };
    Some(scheme_matches(source_scheme, scheme) && host_matches && pattern.host().port() == load.host().port())
}

/// The origin of pages at the same place.
fn plain(scheme: &str, host: &str) -> Option<Origin> {
    let scheme = if matches!(scheme, "https" | "wss") { "https" } else { "http" };
    Origin::parse(&format!("{scheme}://{host}"))
}

/// §6.7.2.7: a safer scheme at the same host is allowed too.
fn scheme_matches(pattern: &str, scheme: &str) -> bool {
    pattern == scheme
        || matches!((pattern, scheme), ("http" | "wss", "https") | ("ws", "wss" | "http" | "https"))
}
