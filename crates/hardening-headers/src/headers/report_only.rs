//! A second policy that only reports, for a share of the documents.

use http::header::{self, HeaderMap, HeaderValue};

use super::prepared::{Kind, PerTransport, Ready, Transport};
use super::rollout::Rollout;
use crate::csp::{Csp, CspTemplate, Nonce};

/// A policy that is tried, as header maps to be cloned.
#[derive(Debug)]
pub(super) struct ReportOnly {
    rollout: Rollout,
    policies: PerTransport<Option<CspTemplate>>,
    documents: PerTransport<Ready>,
    nonce_documents: PerTransport<Ready>,
}

impl ReportOnly {
    /// This policy beside the fields that documents carry, without and with a nonce.
    pub(super) fn new(
        policy: &Csp,
        rollout: Rollout,
        documents: &PerTransport<Ready>,
        nonce_documents: &PerTransport<Ready>,
    ) -> Self {
        let policies = PerTransport::new(|transport| {
            // What browsers ignore in a policy that only reports they say on the console.
            CspTemplate::new(&policy.for_reports_only().for_scheme(transport.is_https()))
        });
        let beside = |maps: &PerTransport<Ready>| {
            PerTransport::new(|transport| {
                let plain = policies.get(transport).as_ref().map(CspTemplate::plain);
                Ready::new(with(maps.get(transport).map(false), plain))
            })
        };
        let (documents, nonce_documents) = (beside(documents), beside(nonce_documents));
        Self { rollout, policies, documents, nonce_documents }
    }

    /// Whether a document that draws this lot carries it.
    pub(super) fn takes(&self, draw: impl FnOnce() -> Option<u32>) -> bool {
        self.rollout.takes(draw)
    }

    pub(super) fn map(&self, kind: Kind, transport: Transport) -> &HeaderMap {
        self.documents.get(transport).map(kind.described)
    }

    pub(super) fn nonce_map(&self, kind: Kind, transport: Transport) -> &HeaderMap {
        self.nonce_documents.get(transport).map(kind.described)
    }

    /// Puts the policy with this nonce in the place of the one without.
    pub(super) fn put_nonce(&self, map: &mut HeaderMap, transport: Transport, nonce: &Nonce) {
        if let Some(policy) = self.policies.get(transport).as_ref().filter(|policy| policy.has_nonce()) {
            map.insert(header::CONTENT_SECURITY_POLICY_REPORT_ONLY, policy.with_nonce(nonce));
        }
    }
}

fn with(map: &HeaderMap, policy: Option<&HeaderValue>) -> HeaderMap {
    let mut map = map.clone();
    if let Some(policy) = policy {
        map.insert(header::CONTENT_SECURITY_POLICY_REPORT_ONLY, policy.clone());
    }
    map
}
