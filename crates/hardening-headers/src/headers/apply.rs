//! Putting the prepared headers onto one answer.

use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};

use super::attachment;
use super::leaks::is_leak;
use super::overrides::Override;
use super::prepared::{Kind, Prepared, Transport, What};
use super::report_only::ReportOnly;
use super::shared_caches;
use super::variants::Variants;
use crate::cookies::CookieMarks;
use crate::csp::{CspTemplate, Nonce};
use crate::random::RandomPool;

/// For whom an answer is, as far as its headers depend on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client {
    /// How they came here.
    pub(crate) transport: Transport,
    /// Whether they were recognised: what they see is theirs.
    pub(crate) signed_in: bool,
}

/// What is odd about how an app sets headers; worth one line in the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Oddities {
    /// The handler sent two policies, of which browsers enforce the intersection.
    pub(crate) two_policies: bool,
    /// The handler took the nonce and sent its own policy, in which the nonce is missing.
    pub(crate) nonce_unused: bool,
    /// The answer has a nonce and was meant for shared caches.
    pub(crate) nonce_shared: bool,
    /// The answer asks for frame ancestors and has a policy of its own.
    pub(crate) override_unused: bool,
    /// The handler's own policy names no frame ancestors, and no other field says who may frame the answer.
    pub(crate) framable: bool,
    /// The name in the override, if no variant has it.
    pub(crate) unknown_variant: Option<Box<str>>,
}

impl Oddities {
    /// Whether anything is odd.
    #[inline]
    pub(crate) fn are_any(&self) -> bool {
        // Taken apart, so that none that is added is left out.
        let Self { two_policies, nonce_unused, nonce_shared, override_unused, framable, unknown_variant } =
            self;
        let odd = two_policies | nonce_unused | nonce_shared | override_unused | framable;
        odd | unknown_variant.is_some()
    }
}

/// Puts the headers onto the answer; what the handler set wins.
///
/// The prepared map is cloned and the handler's headers are moved into it, which is cheaper than inserting a dozen.
pub(crate) fn apply<B>(
    variants: &Variants,
    cookies: Option<&CookieMarks>,
    client: Client,
    nonce: Option<&Nonce>,
    random: &RandomPool,
    response: &mut Response<B>,
) -> Oddities {
    let transport = client.transport;
    let mut oddities = Oddities::default();
    let chosen = response.extensions_mut().remove::<Override>();
    let prepared = match chosen.as_ref().and_then(Override::name) {
        None => variants.base(),
        Some(name) => variants.named(name).unwrap_or_else(|| {
            oddities.unknown_variant = Some(name.into());
            variants.locked()
        }),
    };
    let kind = kind_of(response.headers());
    let document = kind.what == What::Document;
    let nonce = nonce.filter(|_| document);
    let by = chosen.as_ref().and_then(Override::framed_by);
    let framed = by.and_then(|by| prepared.framed_policy(kind.what, by, transport));
    // One with the old frame ancestors would report the new ones.
    let may_try = document && by.is_none() && response.status() != StatusCode::NOT_MODIFIED;
    let report_only = if may_try { tried(prepared, random) } else { None };
    let policy = policy_value(prepared, document, framed.as_ref(), transport, nonce);
    let mut map = map_with(prepared, report_only, nonce, policy, kind, transport);
    if by.is_some() {
        // The field may go only where our policy stands for it.
        oddities.override_unused = response.headers().contains_key(header::CONTENT_SECURITY_POLICY);
        if !oddities.override_unused {
            map.remove(header::X_FRAME_OPTIONS);
        }
    }
    if response.status() == StatusCode::NOT_MODIFIED {
        // A browser would join them to a page that it has: a new nonce, or the locked policy, would break that page.
        map.remove(header::CONTENT_SECURITY_POLICY);
        map.remove(header::CACHE_CONTROL);
    } else if client.signed_in && prepared.no_store_signed_in() && !map.contains_key(header::CACHE_CONTROL) {
        map.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let mut given = std::mem::replace(response.headers_mut(), map);
    let map = response.headers_mut();
    if kind.described && given.len() == 2 {
        // Most answers say no more than that.
        fill(map, &mut given);
    } else {
        let cookies = cookies.map(|marks| (marks, transport.is_https()));
        move_into(map, given, nonce.is_some(), cookies, &mut oddities);
    }
    // Joined to a copy that a browser has, it would take the file's name from it.
    if prepared.attachment() && response.status() != StatusCode::NOT_MODIFIED {
        attachment::attach(response.headers_mut());
    }
    oddities
}

/// The policy that is tried on a document, if that is one of its share.
fn tried<'p>(prepared: &'p Prepared, random: &RandomPool) -> Option<&'p ReportOnly> {
    let lot = || random.take().ok().map(u32::from_ne_bytes);
    prepared.report_only().filter(|tried| tried.takes(lot))
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
        (Some(policy), Some(nonce)) if policy.has_nonce() => PolicyValue::Nonce(policy.with_nonce(nonce)),
        _ => framed.map_or(PolicyValue::Prepared, |framed| PolicyValue::Framed(framed.plain().clone())),
    }
}

fn map_with(
    prepared: &Prepared,
    report_only: Option<&ReportOnly>,
    nonce: Option<&Nonce>,
    policy: PolicyValue,
    kind: Kind,
    transport: Transport,
) -> HeaderMap {
    // A page with a nonce is kept out of stores, whichever policy names it.
    let base = match (report_only, nonce) {
        (None, None) => prepared.map(kind, transport),
        (None, Some(_)) => prepared.nonce_map(kind, transport),
        (Some(tried), None) => tried.map(kind, transport),
        (Some(tried), Some(_)) => tried.nonce_map(kind, transport),
    };
    let mut map = base.clone();
    if let PolicyValue::Framed(policy) | PolicyValue::Nonce(policy) = policy {
        put_policy(&mut map, policy);
    }
    if let (Some(tried), Some(nonce)) = (report_only, nonce) {
        tried.put_nonce(&mut map, transport, nonce);
    }
    map
}

fn put_policy(map: &mut HeaderMap, policy: HeaderValue) {
    match map.iter_mut().next() {
        Some((name, place)) if *name == header::CONTENT_SECURITY_POLICY => *place = policy,
        _ => drop(map.insert(header::CONTENT_SECURITY_POLICY, policy)),
    }
}

/// Puts the handler's type and length into the places that are kept for them.
///
/// They are looked for where [`Ready`](super::prepared::Ready) has put them, which costs a comparison; a look-up costs a hash.
fn fill(map: &mut HeaderMap, given: &mut HeaderMap) {
    let mut places = map.iter_mut().skip(1);
    let in_place = given.iter_mut().all(|(name, value)| match places.next() {
        Some((at, place)) if at == name => {
            std::mem::swap(place, value);
            true
        }
        _ => false,
    });
    if !in_place {
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
            if let (Some(place), Some(value)) = (map.get_mut(&name), given.get_mut(&name))
                && place.is_empty()
            {
                std::mem::swap(place, value);
            }
        }
    }
}

/// Moves the handler's headers into the prepared ones, leaks left out and cookies marked, and notes what is odd about them.
fn move_into(
    map: &mut HeaderMap,
    given: HeaderMap,
    nonce: bool,
    cookies: Option<(&CookieMarks, bool)>,
    oddities: &mut Oddities,
) {
    let (mut leak, mut cookie, mut policy, mut cached) = (false, false, false, false);
    let (mut policies, mut framed) = (false, false);
    map.extend(given.into_iter().filter_map(|(name, mut value)| {
        match &name {
            Some(name) => {
                leak = is_leak(name);
                cookie = *name == header::SET_COOKIE;
                policy = *name == header::CONTENT_SECURITY_POLICY;
                cached |= nonce && shared_caches::instructs(name);
                oddities.nonce_unused |= nonce && policy;
            }
            // A further value of the field before it.
            None => oddities.two_policies |= policy,
        }
        if policy {
            policies = true;
            oddities.two_policies |= holds_several(&value);
            framed |= names_frame_ancestors(&value);
        }
        if let Some((marks, https)) = cookies.filter(|_| cookie)
            && let Some(marked) = marks.marked(&value, https)
        {
            value = marked;
        }
        (!leak).then_some((name, value))
    }));
    oddities.nonce_shared = cached && shared_caches::shut_out(map);
    oddities.framable = policies && !framed && !map.contains_key(header::X_FRAME_OPTIONS);
}

/// Whether more than one policy stands in the line, divided by commas (CSP 3 §2.2.2).
fn holds_several(policies: &HeaderValue) -> bool {
    let says_nothing = |byte: &u8| byte.is_ascii_whitespace() || *byte == b';';
    policies
        .as_bytes()
        .split(|byte| *byte == b',')
        .filter(|policy| !policy.iter().all(says_nothing))
        .nth(1)
        .is_some()
}

fn names_frame_ancestors(policy: &HeaderValue) -> bool {
    const NAME: &[u8] = b"frame-ancestors";
    policy.as_bytes().windows(NAME.len()).any(|words| words.eq_ignore_ascii_case(NAME))
}

fn kind_of(headers: &HeaderMap) -> Kind {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else {
        return Kind { what: What::Other, described: false };
    };
    Kind { what: what(kind), described: headers.contains_key(header::CONTENT_LENGTH) }
}

/// What browsers run as a script under nosniff: the JavaScript MIME types (MIME Sniffing §4.6), the usual ones first.
const SCRIPTS: [&[u8]; 16] = [
    b"text/javascript",
    b"application/javascript",
    b"application/x-javascript",
    b"application/ecmascript",
    b"application/x-ecmascript",
    b"text/ecmascript",
    b"text/javascript1.0",
    b"text/javascript1.1",
    b"text/javascript1.2",
    b"text/javascript1.3",
    b"text/javascript1.4",
    b"text/javascript1.5",
    b"text/jscript",
    b"text/livescript",
    b"text/x-ecmascript",
    b"text/x-javascript",
];

fn what(kind: &HeaderValue) -> What {
    let kind = kind.as_bytes().trim_ascii_start();
    let starts =
        |prefix: &[u8]| kind.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if starts(b"text/html") || starts(b"application/xhtml+xml") {
        return What::Document;
    }
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    let script = SCRIPTS.iter().any(|script| essence.eq_ignore_ascii_case(script));
    if script { What::Script } else { What::Other }
}
