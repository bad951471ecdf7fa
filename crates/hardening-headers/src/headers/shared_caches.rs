//! What keeps an answer with a nonce out of shared caches.
//!
//! Who reads a page there knows its nonce, and whoever gets the same copy runs what carries it.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");

/// Whether a field says what caches may do.
pub(super) fn instructs(name: &HeaderName) -> bool {
    *name == header::CACHE_CONTROL || is_for_shared(name)
}

/// Whether a field speaks to shared caches alone, which then heed no `Cache-Control` (RFC 9213 §2.1 and what came before).
fn is_for_shared(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.ends_with("cdn-cache-control")
        || matches!(name, "surrogate-control" | "x-accel-expires" | "edge-control")
}

/// Takes from the answer what lets shared caches keep it, and says whether there was any. Browsers' own caches keep it as
/// long as the handler says.
pub(super) fn shut_out(headers: &mut HeaderMap) -> bool {
    let spoken_to: Vec<HeaderName> = headers.keys().filter(|name| is_for_shared(name)).cloned().collect();
    spoken_to.iter().for_each(|name| {
        headers.remove(name);
    });
    let private = private(headers);
    let changed = private.is_some() || !spoken_to.is_empty();
    if let Some(private) = private {
        headers.insert(header::CACHE_CONTROL, private);
    }
    changed
}

/// The answer's `Cache-Control` for one browser; `None` when it is that already.
fn private(headers: &HeaderMap) -> Option<HeaderValue> {
    let lines = headers.get_all(header::CACHE_CONTROL).iter();
    let mut directives = Vec::new();
    for line in lines {
        // What is quoted names fields (RFC 9111 §5.2.2.4), which the rest of the answer is not.
        let Some(line) = line.to_str().ok().filter(|line| !line.contains('"')) else { return Some(PRIVATE) };
        directives.extend(line.split(',').map(str::trim).filter(|directive| !directive.is_empty()));
    }
    let says = |name: &str| directives.iter().any(|directive| directive.eq_ignore_ascii_case(name));
    if says("private") || says("no-store") {
        return None;
    }
    directives.retain(|directive| !is_about_shared(directive));
    directives.insert(0, "private");
    Some(HeaderValue::try_from(directives.join(", ")).unwrap_or(PRIVATE))
}

fn is_about_shared(directive: &str) -> bool {
    let name = directive.split('=').next().unwrap_or_default().trim();
    ["public", "s-maxage", "proxy-revalidate"].iter().any(|shared| name.eq_ignore_ascii_case(shared))
}
