//! Which headers answers get, made ready for sending.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::set::HeaderSet;
use crate::csp::{Csp, CspTemplate, Source};
use gambeson_core::{PeerInfo, Scheme};

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// How the client came here, as far as headers depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Plain http, or unknown.
    Http,
    /// Https to an address or `localhost`.
    HttpsLocal,
    /// Https to a public name.
    Https,
}

impl Transport {
    /// That of this client; `is_public` says whether a host is a public name.
    pub(crate) fn of(peer: Option<&PeerInfo>, is_public: impl FnOnce(&str) -> bool) -> Self {
        match peer {
            Some(peer) if peer.scheme == Some(Scheme::Https) => match peer.host.as_deref() {
                Some(host) if is_public(host) => Self::Https,
                _ => Self::HttpsLocal,
            },
            _ => Self::Http,
        }
    }

    fn is_https(self) -> bool {
        self != Self::Http
    }
}

/// What an answer is, as far as its headers depend on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// Whether browsers show it as a page.
    pub(super) document: bool,
    /// Whether it has both a type and a length.
    pub(super) described: bool,
}

/// A [`HeaderSet`] as header maps to be cloned, one for each kind of answer and transport.
#[derive(Debug)]
pub(crate) struct Prepared {
    set: HeaderSet,
    documents: PerTransport<Ready>,
    /// Documents with a nonce: their policy is rendered for each.
    nonce_documents: PerTransport<Ready>,
    others: PerTransport<Ready>,
    policies: PerTransport<Option<CspTemplate>>,
}

/// The same map with and without places for the fields that describe a body.
///
/// Where an answer has both, its fields take the places, and the clone need not grow for them.
#[derive(Debug)]
struct Ready {
    plain: HeaderMap,
    roomy: HeaderMap,
}

impl Ready {
    fn new(plain: HeaderMap) -> Self {
        let mut roomy = plain.clone();
        roomy.insert(header::CONTENT_TYPE, HeaderValue::from_static(""));
        roomy.insert(header::CONTENT_LENGTH, HeaderValue::from_static(""));
        Self { plain, roomy }
    }

    /// The map for an answer that has both fields, or not.
    fn map(&self, described: bool) -> &HeaderMap {
        if described { &self.roomy } else { &self.plain }
    }
}

#[derive(Debug)]
struct PerTransport<T> {
    http: T,
    https_local: T,
    https: T,
}

impl<T> PerTransport<T> {
    fn new(make: impl Fn(Transport) -> T) -> Self {
        Self {
            http: make(Transport::Http),
            https_local: make(Transport::HttpsLocal),
            https: make(Transport::Https),
        }
    }

    fn get(&self, transport: Transport) -> &T {
        match transport {
            Transport::Http => &self.http,
            Transport::HttpsLocal => &self.https_local,
            Transport::Https => &self.https,
        }
    }
}

impl Prepared {
    pub(crate) fn new(set: HeaderSet) -> Self {
        let policies =
            PerTransport::new(|transport| CspTemplate::new(&set.csp.for_scheme(transport.is_https())));
        let locked = CspTemplate::new(&Csp::api());
        let others = PerTransport::new(|transport| {
            let mut map = every_answer(&set, transport);
            insert(&mut map, header::CONTENT_SECURITY_POLICY, plain(locked.as_ref()));
            Ready::new(map)
        });
        let documents = PerTransport::new(|transport| {
            let mut map = every_document(&set, transport);
            insert(&mut map, header::CONTENT_SECURITY_POLICY, plain(policies.get(transport).as_ref()));
            Ready::new(map)
        });
        let nonce_documents = PerTransport::new(|transport| {
            let mut map = every_document(&set, transport);
            insert(&mut map, header::CONTENT_SECURITY_POLICY, plain(policies.get(transport).as_ref()));
            map.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
            Ready::new(map)
        });
        Self { set, documents, nonce_documents, others, policies }
    }

    /// The headers of a document or of anything else, without a nonce.
    pub(super) fn map(&self, kind: Kind, transport: Transport) -> &HeaderMap {
        match kind.document {
            true => self.documents.get(transport).map(kind.described),
            false => self.others.get(transport).map(kind.described),
        }
    }

    /// The headers of a document with a nonce; the nonce is not yet in its policy.
    pub(super) fn nonce_map(&self, kind: Kind, transport: Transport) -> &HeaderMap {
        self.nonce_documents.get(transport).map(kind.described)
    }

    /// The documents' policy.
    pub(super) fn policy(&self, transport: Transport) -> Option<&CspTemplate> {
        self.policies.get(transport).as_ref()
    }

    /// The policy of a document or of anything else, with other frame ancestors.
    pub(super) fn framed_policy(
        &self,
        document: bool,
        by: &[Source],
        transport: Transport,
    ) -> Option<CspTemplate> {
        let policy = if document { self.set.csp.clone() } else { Csp::api() };
        let policy = policy.frame_ancestors(by.iter().cloned());
        CspTemplate::new(&policy.for_scheme(transport.is_https()))
    }

    /// Whether answers to who was recognised are kept out of all stores.
    pub(super) fn no_store_signed_in(&self) -> bool {
        self.set.no_store_signed_in
    }

    /// Whether documents' policy has a place for a nonce.
    pub(crate) fn has_nonce(&self) -> bool {
        self.set.csp.has_nonce()
    }
}

fn every_answer(set: &HeaderSet, transport: Transport) -> HeaderMap {
    let fixed = HeaderValue::from_static;
    let mut map = HeaderMap::with_capacity(24);
    insert(&mut map, header::X_CONTENT_TYPE_OPTIONS, Some(fixed("nosniff")));
    insert(&mut map, header::REFERRER_POLICY, Some(fixed(set.referrer.as_str())));
    insert(&mut map, header::X_FRAME_OPTIONS, set.frame.map(|v| fixed(v.as_str())));
    insert(&mut map, RESOURCE_POLICY, set.resource.map(|v| fixed(v.as_str())));
    if set.no_store {
        insert(&mut map, header::CACHE_CONTROL, Some(fixed("no-store")));
    }
    if transport == Transport::Https {
        insert(&mut map, header::STRICT_TRANSPORT_SECURITY, set.hsts.and_then(|hsts| hsts.value()));
    }
    map
}

fn every_document(set: &HeaderSet, transport: Transport) -> HeaderMap {
    let mut map = every_answer(set, transport);
    insert(&mut map, PERMISSIONS_POLICY, set.permissions.value());
    insert(&mut map, OPENER_POLICY, set.opener.map(|v| HeaderValue::from_static(v.as_str())));
    map
}

fn plain(policy: Option<&CspTemplate>) -> Option<HeaderValue> {
    policy.map(|policy| policy.plain().clone())
}

fn insert(map: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        map.insert(name, value);
    }
}
