//! Which headers answers get, made ready for sending.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::report_only::ReportOnly;
use super::set::HeaderSet;
use crate::csp::{Csp, CspTemplate, Source};
use gambeson_core::{PeerInfo, Scheme};

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const REPORTING_ENDPOINTS: HeaderName = HeaderName::from_static("reporting-endpoints");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const EMBEDDER_POLICY: HeaderName = HeaderName::from_static("cross-origin-embedder-policy");
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

    pub(super) fn is_https(self) -> bool {
        self != Self::Http
    }
}

/// What browsers make of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A page.
    Document,
    /// A script, which may become a worker.
    Script,
    /// Anything else.
    Other,
}

/// What an answer is, as far as its headers depend on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) what: What,
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
    scripts: PerTransport<Ready>,
    others: PerTransport<Ready>,
    policies: PerTransport<Option<CspTemplate>>,
    report_only: Option<Box<ReportOnly>>,
}

/// The same map with and without places for the fields that describe a body.
///
/// Where an answer has both, its fields take the places, and the clone need not grow for them.
#[derive(Debug)]
pub(super) struct Ready {
    plain: HeaderMap,
    roomy: HeaderMap,
}

impl Ready {
    /// The policy stands first and what describes a body behind it, so that they are found without a look-up.
    pub(super) fn new(mut rest: HeaderMap) -> Self {
        let mut plain = HeaderMap::with_capacity(24);
        insert(&mut plain, header::CONTENT_SECURITY_POLICY, rest.remove(header::CONTENT_SECURITY_POLICY));
        let mut roomy = plain.clone();
        roomy.insert(header::CONTENT_TYPE, HeaderValue::from_static(""));
        roomy.insert(header::CONTENT_LENGTH, HeaderValue::from_static(""));
        plain.extend(rest.clone());
        roomy.extend(rest);
        Self { plain, roomy }
    }

    /// The map for an answer that has both fields, or not.
    pub(super) fn map(&self, described: bool) -> &HeaderMap {
        if described { &self.roomy } else { &self.plain }
    }
}

#[derive(Debug)]
pub(super) struct PerTransport<T> {
    http: T,
    https_local: T,
    https: T,
}

impl<T> PerTransport<T> {
    pub(super) fn new(make: impl Fn(Transport) -> T) -> Self {
        Self {
            http: make(Transport::Http),
            https_local: make(Transport::HttpsLocal),
            https: make(Transport::Https),
        }
    }

    pub(super) fn get(&self, transport: Transport) -> &T {
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
        let document = |transport| {
            let mut map = every_document(&set, transport);
            insert(&mut map, header::CONTENT_SECURITY_POLICY, plain(policies.get(transport).as_ref()));
            map
        };
        let locked = |policy: &Csp| {
            let policy = CspTemplate::new(policy);
            PerTransport::new(|transport| {
                let mut map = every_answer(&set, transport);
                insert(&mut map, header::CONTENT_SECURITY_POLICY, plain(policy.as_ref()));
                Ready::new(map)
            })
        };
        let documents = PerTransport::new(|transport| Ready::new(document(transport)));
        let nonce_documents = PerTransport::new(|transport| {
            let mut map = document(transport);
            map.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
            Ready::new(map)
        });
        let (scripts, others) = (locked(&set.csp.for_scripts()), locked(&set.other_csp));
        let report_only = set.report_only.as_deref().map(|(policy, rollout)| {
            Box::new(ReportOnly::new(policy, *rollout, &documents, &nonce_documents))
        });
        Self { set, documents, nonce_documents, scripts, others, policies, report_only }
    }

    /// The headers of an answer without a nonce.
    pub(super) fn map(&self, kind: Kind, transport: Transport) -> &HeaderMap {
        let maps = match kind.what {
            What::Document => &self.documents,
            What::Script => &self.scripts,
            What::Other => &self.others,
        };
        maps.get(transport).map(kind.described)
    }

    /// The headers of a document with a nonce; the nonce is not yet in its policy.
    pub(super) fn nonce_map(&self, kind: Kind, transport: Transport) -> &HeaderMap {
        self.nonce_documents.get(transport).map(kind.described)
    }

    /// The documents' policy.
    pub(super) fn policy(&self, transport: Transport) -> Option<&CspTemplate> {
        self.policies.get(transport).as_ref()
    }

    /// The policy of an answer, with other frame ancestors.
    pub(super) fn framed_policy(
        &self,
        what: What,
        by: &[Source],
        transport: Transport,
    ) -> Option<CspTemplate> {
        let policy = match what {
            What::Document => self.set.csp.clone(),
            What::Script => self.set.csp.for_scripts(),
            What::Other => self.set.other_csp.clone(),
        };
        let policy = policy.frame_ancestors(by.iter().cloned());
        CspTemplate::new(&policy.for_scheme(transport.is_https()))
    }

    /// The policy that is tried, if there is one.
    pub(super) fn report_only(&self) -> Option<&ReportOnly> {
        self.report_only.as_deref()
    }

    /// Whether answers to who was recognised are kept out of all stores.
    pub(super) fn no_store_signed_in(&self) -> bool {
        self.set.no_store_signed_in
    }

    /// Whether browsers keep answers as files.
    pub(super) fn attachment(&self) -> bool {
        self.set.attachment
    }

    /// Whether documents' policy has a place for a nonce.
    pub(crate) fn has_nonce(&self) -> bool {
        self.set.csp.has_nonce()
            || self.set.report_only.as_deref().is_some_and(|(policy, _)| policy.has_nonce())
    }
}

fn every_answer(set: &HeaderSet, transport: Transport) -> HeaderMap {
    let fixed = HeaderValue::from_static;
    let mut map = HeaderMap::with_capacity(24);
    insert(&mut map, header::X_CONTENT_TYPE_OPTIONS, Some(fixed("nosniff")));
    insert(&mut map, header::REFERRER_POLICY, Some(fixed(set.referrer.as_str())));
    insert(&mut map, header::X_FRAME_OPTIONS, set.frame.map(|v| fixed(v.as_str())));
    insert(&mut map, RESOURCE_POLICY, set.resource.map(|v| fixed(v.as_str())));
    // Workers of a page that has it need it too.
    insert(&mut map, EMBEDDER_POLICY, set.embedder.map(|v| fixed(v.as_str())));
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
    if transport.is_https() {
        insert(&mut map, REPORTING_ENDPOINTS, set.endpoints_value());
    }
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
