//! Putting the prepared headers onto one answer.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use super::overrides::{Override, OverrideKind};
use super::prepared::{Prepared, Transport};
use super::variants::Variants;
use crate::csp::{CspTemplate, Nonce};

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
    transport: Transport,
    nonce: Option<&Nonce>,
    response: &mut Response<B>,
) -> Oddities {
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
    let mut map = prepared.map(document, transport).clone();
    if document {
        let framed = match chosen.as_ref().map(|chosen| &chosen.0) {
            Some(OverrideKind::FrameAncestors(by)) => {
                map.remove(header::X_FRAME_OPTIONS);
                prepared.framed_policy(by, transport)
            }
            _ => None,
        };
        document_policy(&mut map, prepared, framed.as_ref(), transport, nonce);
        note_nonce(&mut oddities, nonce, response.headers());
    }
    if response.status() == StatusCode::NOT_MODIFIED {
        // A browser would join them to a page that it has: a new nonce, or the locked policy, would break that page.
        map.remove(header::CONTENT_SECURITY_POLICY);
        map.remove(header::CACHE_CONTROL);
    }
    let given = std::mem::take(response.headers_mut());
    oddities.two_policies = given.get_all(header::CONTENT_SECURITY_POLICY).iter().nth(1).is_some();
    move_into(&mut map, given);
    *response.headers_mut() = map;
    oddities
}

fn document_policy(
    map: &mut HeaderMap,
    prepared: &Prepared,
    framed: Option<&CspTemplate>,
    transport: Transport,
    nonce: Option<&Nonce>,
) {
    let Some(policy) = framed.or_else(|| prepared.policy(transport)) else {
        return;
    };
    let value = match nonce {
        Some(nonce) if policy.has_nonce() => policy.with_nonce(nonce.as_str()),
        _ if framed.is_some() => policy.plain().clone(),
        _ => return,
    };
    map.insert(header::CONTENT_SECURITY_POLICY, value);
    if nonce.is_some() {
        map.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    }
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
