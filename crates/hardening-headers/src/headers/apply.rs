//! Putting the prepared headers onto one answer.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use super::overrides::Override;
use super::prepared::{Prepared, Transport};
use super::variants::Variants;
use crate::csp::{CspTemplate, Nonce};

/// For whom an answer is, as far as its headers depend on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client {
    /// How they came here.
    pub(crate) transport: Transport,
    /// Whether they were recognised: what they see is theirs.
    pub(crate) signed_in: bool,
}

/// What is odd about how an app sets headers; worth one line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Oddities {
    /// The handler sent two policies, of which browsers enforce the intersection.
    pub(crate) two_policies: bool,
    /// The handler took the nonce and sent its own policy, in which the nonce is missing.
    pub(crate) nonce_unused: bool,
    /// The answer has a nonce and is publicly cacheable.
    pub(crate) nonce_public: bool,
    /// The override names no variant.
    pub(crate) unknown_variant: bool,
}

/// Puts the headers onto the answer; what the handler set wins.
///
/// The prepared map is cloned and the handler's headers are moved into it, which is cheaper than inserting a dozen.
pub(crate) fn apply<B>(
    variants: &Variants,
    client: Client,
    nonce: Option<&Nonce>,
    response: &mut Response<B>,
) -> Oddities {
    let transport = client.transport;
    let mut oddities = Oddities::default();
    let chosen = response.extensions_mut().remove::<Override>();
    let prepared = match chosen.as_ref().and_then(Override::name) {
        None => variants.base(),
        Some(name) => variants.named(name).unwrap_or_else(|| {
            oddities.unknown_variant = true;
            variants.base()
        }),
    };
    let document = is_document(response.headers());
    let nonce = nonce.filter(|_| document);
    let by = chosen.as_ref().and_then(Override::framed_by);
    let framed = by.and_then(|by| prepared.framed_policy(document, by, transport));
    let mut map = match policy_value(prepared, document, framed.as_ref(), transport, nonce) {
        PolicyValue::Prepared => prepared.map(document, transport).clone(),
        PolicyValue::Framed(policy) => with_policy(prepared.map(document, transport), policy),
        PolicyValue::Nonce(policy) => with_policy(prepared.nonce_map(transport), policy),
    };
    if by.is_some() {
        map.remove(header::X_FRAME_OPTIONS);
    }
    note_nonce(&mut oddities, nonce, response.headers());
    if response.status() == StatusCode::NOT_MODIFIED {
        // A browser would join them to a page that it has: a new nonce, or the locked policy, would break that page.
        map.remove(header::CONTENT_SECURITY_POLICY);
        map.remove(header::CACHE_CONTROL);
    } else if client.signed_in && prepared.no_store_signed_in() && !map.contains_key(header::CACHE_CONTROL) {
        map.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let given = std::mem::take(response.headers_mut());
    oddities.two_policies = given.get_all(header::CONTENT_SECURITY_POLICY).iter().nth(1).is_some();
    move_into(&mut map, given);
    *response.headers_mut() = map;
    oddities
}

/// Which policy goes onto an answer.
enum PolicyValue {
    /// The one that is in the prepared map.
    Prepared,
    /// One with other frame ancestors.
    Framed(HeaderValue),
    /// One with this answer's nonce.
    Nonce(HeaderValue),
}

fn policy_value(
    prepared: &Prepared,
    document: bool,
    framed: Option<&CspTemplate>,
    transport: Transport,
    nonce: Option<&Nonce>,
) -> PolicyValue {
    let own = || prepared.policy(transport).filter(|_| document);
    match (framed.or_else(own), nonce) {
        (Some(policy), Some(nonce)) if policy.has_nonce() => {
            PolicyValue::Nonce(policy.with_nonce(nonce.as_str()))
        }
        _ => framed.map_or(PolicyValue::Prepared, |framed| PolicyValue::Framed(framed.plain().clone())),
    }
}

fn with_policy(map: &HeaderMap, policy: HeaderValue) -> HeaderMap {
    let mut map = map.clone();
    map.insert(header::CONTENT_SECURITY_POLICY, policy);
    map
}

fn note_nonce(oddities: &mut Oddities, nonce: Option<&Nonce>, given: &HeaderMap) {
    if nonce.is_none() {
        return;
    }
    oddities.nonce_unused = given.contains_key(header::CONTENT_SECURITY_POLICY);
    oddities.nonce_public = given
        .get_all(header::CACHE_CONTROL)
        .iter()
        .any(|value| value.as_bytes().to_ascii_lowercase().windows(6).any(|word| word == b"public"));
}

/// Moves the handler's headers into the prepared ones, leaks left out.
fn move_into(map: &mut HeaderMap, given: HeaderMap) {
    let mut last: Option<HeaderName> = None;
    for (name, value) in given {
        match name {
            Some(name) if is_leak(&name) => last = None,
            Some(name) => {
                map.insert(name.clone(), value);
                last = Some(name);
            }
            None => {
                if let Some(name) = &last {
                    map.append(name.clone(), value);
                }
            }
        }
    }
}

/// Whether the answer is something that a browser shows as a page.
fn is_document(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else {
        return false;
    };
    let kind = kind.as_bytes().trim_ascii_start();
    let starts =
        |prefix: &[u8]| kind.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    starts(b"text/html") || starts(b"application/xhtml+xml")
}

/// Whether a field tells strangers what the app is made of, or switches on something that is obsolete and harmful.
fn is_leak(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "server"
            | "x-powered-by"
            | "x-aspnet-version"
            | "x-aspnetmvc-version"
            | "x-generator"
            | "x-runtime"
            | "x-version"
            | "x-server-powered-by"
            | "x-powered-cms"
            | "x-xss-protection"
            | "expect-ct"
            | "feature-policy"
            | "public-key-pins"
    )
}
