//! The one context of a request.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use http::{Extensions, Request};

use crate::{
    Authentication, ConflictingCredentials, CostRecord, MatchedRoute, PeerInfo, Principal, Rejection,
    RequestHead, RequestId, TraceContext, Wants,
};

/// Write-once slots that the layers around one request fill and read.
///
/// A clone sees the same slots, and costs an atomic increment or two. An unset slot means "that layer did not run", which
/// is never the same as "nobody logged in". Each `set_…` keeps the first value and says whether it was taken.
///
/// The [decision point](Self::decision_point) is no slot: it goes inwards with the request, so that each layer can put its own
/// in the place of another's.
#[derive(Debug, Clone, Default)]
pub struct RequestFacts(Arc<Slots>, Option<DecisionPoint>);

/// The policy decision point (RFC 3198 §2) that let a request pass. What it can be asked is the business of the crate that it comes
/// from, which alone knows its type. Boxed, so that facts are two words: each layer moves them.
pub type DecisionPoint = Arc<Box<dyn Any + Send + Sync>>;

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
    pub fn new() -> Self {
        Self::default()
    }

    /// The facts of this request, without its decision point; puts empty ones there when no layer has yet.
    pub fn ensure<B>(request: &mut Request<B>) -> Self {
        if let Some(facts) = request.extensions().get::<Self>() {
            return facts.apart();
        }
        let wants = RequestHead::from(&*request).wants();
        let facts = Self(Arc::new(Slots { wants, ..Slots::default() }), None);
        request.extensions_mut().insert(facts.apart());
        facts
    }

    /// The facts in these extensions, if a layer put them there.
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Which representation of a refusal the client can use.
    pub fn wants(&self) -> Wants {
        self.0.wants
    }

    /// Who let this request pass, for those inside who have more to ask; `None`: nobody who can be asked.
    pub fn decision_point(&self) -> Option<&DecisionPoint> {
        self.1.as_ref()
    }

    /// Hands on who let this request pass, or that nobody can be asked, in place of what a layer further out handed on; `false`
    /// where there are no facts. Facts that were taken from the request before don't say so.
    pub fn hand_on(extensions: &mut Extensions, point: Option<DecisionPoint>) -> bool {
        extensions.get_mut::<Self>().map(|facts| facts.1 = point).is_some()
    }

    /// The same facts apart from this request: without its decision point. One atomic increment.
    pub fn apart(&self) -> Self {
        Self(Arc::clone(&self.0), None)
    }

    /// What authentication layers found out; `None`: none of them ran.
    pub fn authentication(&self) -> Option<&Authentication> {
        self.0.verified.get().or_else(|| self.0.anonymous.get())
    }

    /// The verified caller, if there is one.
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
        if authentication.principal().is_none() {
            let _ = self.0.anonymous.set(authentication);
            return Ok(());
        }
        let Err(second) = self.0.verified.set(authentication) else { return Ok(()) };
        match (self.principal(), second.principal()) {
            (Some(first), Some(new)) if first.same_subject(new) => Ok(()),
            _ => Err(ConflictingCredentials),
        }
    }
}

/// A getter and a setter for each slot that is written once, by one layer.
macro_rules! slots {
    ($($(#[$doc:meta])* $slot:ident, $setter:ident: $type:ty;)+) => {
        impl RequestFacts {$(
            $(#[$doc])*
            pub fn $slot(&self) -> Option<&$type> {
                self.0.$slot.get()
            }

            #[doc = concat!("Records the ", stringify!($slot), "; `false` when one was there already.")]
            pub fn $setter(&self, value: $type) -> bool {
                self.0.$slot.set(value).is_ok()
            }
        )+}
    };
}

slots! {
    /// Who is on the other end of the connection; `None`: the peer layer did not run.
    peer, set_peer: PeerInfo;
    /// The id by which a person can name this request.
    request_id, set_request_id: RequestId;
    /// The trace that this request belongs to.
    trace, set_trace: TraceContext;
    /// The route that the router matched, as far as a layer looked it up.
    route, set_route: MatchedRoute;
    /// Why a layer refused this request.
    rejection, set_rejection: Rejection;
    /// What the request cost.
    cost, set_cost: CostRecord;
}
