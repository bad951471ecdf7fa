//! The one context of a request.

use std::sync::{Arc, OnceLock};

use http::{Extensions, Request};

use crate::{
    Authentication, ConflictingCredentials, CostRecord, MatchedRoute, PeerInfo, Principal, Rejection,
    RequestHead, RequestId, TraceContext, Wants,
};

/// Write-once slots that the layers around one request fill and read.
///
/// A clone is one atomic increment and sees the same slots. An unset slot means "that layer did not run", which
/// is never the same as "nobody logged in". Each `set_…` keeps the first value and says whether it was taken.
#[derive(Debug, Clone, Default)]
pub struct RequestFacts(Arc<Slots>);

#[derive(Debug, Default)]
struct Slots {
    wants: Wants,
    peer: OnceLock<PeerInfo>,
    request_id: OnceLock<RequestId>,
    trace: OnceLock<TraceContext>,
    anonymous: OnceLock<Authentication>,
    verified: OnceLock<Authentication>,
    route: OnceLock<MatchedRoute>,
    rejection: OnceLock<Rejection>,
    cost: OnceLock<CostRecord>,
}

impl RequestFacts {
    /// Empty facts, for a caller without a request at hand.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The facts of this request; puts empty ones there when no layer has yet.
    pub fn ensure<B>(request: &mut Request<B>) -> Self {
        if let Some(facts) = request.extensions().get::<Self>() {
            return facts.clone();
        }
        let wants = RequestHead::from(&*request).wants();
        let facts = Self(Arc::new(Slots {
            wants,
            ..Slots::default()
        }));
        request.extensions_mut().insert(facts.clone());
        facts
    }

    /// The facts in these extensions, if a layer put them there.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Which representation of a refusal the client can use.
    #[must_use]
    pub fn wants(&self) -> Wants {
        self.0.wants
    }

    /// Who is on the other end of the connection; `None`: the peer layer did not run.
    #[must_use]
    pub fn peer(&self) -> Option<&PeerInfo> {
        self.0.peer.get()
    }

    /// Records the peer; `false` when one was there already.
    pub fn set_peer(&self, peer: PeerInfo) -> bool {
        self.0.peer.set(peer).is_ok()
    }

    /// The id by which a person can name this request.
    #[must_use]
    pub fn request_id(&self) -> Option<&RequestId> {
        self.0.request_id.get()
    }

    /// Records the request's id; `false` when one was there already.
    pub fn set_request_id(&self, id: RequestId) -> bool {
        self.0.request_id.set(id).is_ok()
    }

    /// The trace that this request belongs to.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceContext> {
        self.0.trace.get()
    }

    /// Records the trace context; `false` when one was there already.
    pub fn set_trace(&self, trace: TraceContext) -> bool {
        self.0.trace.set(trace).is_ok()
    }

    /// What authentication layers found out; `None`: none of them ran.
    #[must_use]
    pub fn authentication(&self) -> Option<&Authentication> {
        self.0.verified.get().or_else(|| self.0.anonymous.get())
    }

    /// The verified caller, if there is one.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.authentication().and_then(Authentication::principal)
    }

    /// Records what an authentication layer found out.
    ///
    /// [`Authentication::Anonymous`] never overwrites a verified caller, and the same subject may be verified twice.
    ///
    /// # Errors
    /// Two credentials of different subjects: answer 400 (RFC 6750 §2, more than one method of authentication).
    pub fn authenticate(&self, authentication: Authentication) -> Result<(), ConflictingCredentials> {
        let Authentication::Verified(new, _) = &authentication else {
            let _ = self.0.anonymous.set(authentication);
            return Ok(());
        };
        let new = new.clone();
        if self.0.verified.set(authentication).is_ok() {
            return Ok(());
        }
        match self.principal() {
            Some(first) if first.same_subject(&new) => Ok(()),
            _ => Err(ConflictingCredentials),
        }
    }

    /// The route that the router matched, as far as a layer looked it up.
    #[must_use]
    pub fn route(&self) -> Option<&MatchedRoute> {
        self.0.route.get()
    }

    /// Records the matched route; `false` when one was there already.
    pub fn set_route(&self, route: MatchedRoute) -> bool {
        self.0.route.set(route).is_ok()
    }

    /// Why a layer refused this request.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        self.0.rejection.get()
    }

    /// Records a refusal; `false` when an inner layer refused already.
    pub fn set_rejection(&self, rejection: Rejection) -> bool {
        self.0.rejection.set(rejection).is_ok()
    }

    /// What the request cost.
    #[must_use]
    pub fn cost(&self) -> Option<&CostRecord> {
        self.0.cost.get()
    }

    /// Records what the request cost; `false` when that was recorded already.
    pub fn set_cost(&self, cost: CostRecord) -> bool {
        self.0.cost.set(cost).is_ok()
    }
}
