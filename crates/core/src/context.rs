//! What a record of a request says about where it came from.

use std::net::IpAddr;

use crate::{MatchedRoute, Principal, RequestFacts, RequestId, Subject, TraceContext};

/// Who and where: the part that audit events and cost records of a request have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RequestContext {
    /// Who.
    pub subject: Option<Subject>,
    /// Who acted on the subject's behalf.
    pub actor: Option<Subject>,
    /// The organisation of the subject.
    pub tenant: Option<Box<str>>,
    /// The route template, never the raw path.
    pub route: Option<MatchedRoute>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The id by which people name the request.
    pub request_id: Option<RequestId>,
    /// The trace, so that refusal, log line and audit line can be laid side by side.
    pub trace: Option<TraceContext>,
}

impl From<&RequestFacts> for RequestContext {
    fn from(facts: &RequestFacts) -> Self {
        let principal = facts.principal();
        Self {
            subject: principal.map(Principal::full_subject).cloned(),
            actor: principal.and_then(Principal::actor).map(Principal::full_subject).cloned(),
            tenant: principal.and_then(Principal::tenant).map(Box::from),
            route: facts.route().cloned(),
            address: facts.peer().and_then(|peer| peer.address),
            request_id: facts.request_id().copied(),
            trace: facts.trace().copied(),
        }
    }
}
