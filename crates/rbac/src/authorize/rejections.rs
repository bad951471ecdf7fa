//! The refusals of this crate. Their slugs are explained in the crate's documentation.

use std::time::Duration;

use gambeson_core::{Challenge, Member, Principal, Rejection, RejectionClass, RequestFacts};
use http::{HeaderValue, StatusCode, header};

use crate::decision::Decision;
use crate::log_in::LogIn;
use crate::policy::Policy;

const PACKAGE: &str = env!("CARGO_PKG_NAME");
const LAYER_ORDER: &str = "no authentication ran before AuthorizeLayer: put an authentication layer (oidc-auth's \
    AuthLayer) outside of it, or give `.authentication_from(…)`; if there is one, `cargo tree -d -i gambeson-core` \
    shows whether two versions of gambeson-core hide each other's facts";

const CONDITIONAL: &str = "the permission depends on the record, which was not at hand: ask `Authorizer::require_on` \
    in the handler, behind a route that asks for another permission";

/// Also the reason of an event that withdraws an act.
pub(crate) const AUDIT_UNAVAILABLE: &str = "audit-unavailable";

/// Also what is looked for where the policy hides it.
pub(crate) const FORBIDDEN: &str = "forbidden";

/// It could not be decided.
pub(crate) const INDETERMINATE: &str = "indeterminate";

/// The public part says what to do next, and nothing about the rule.
#[cold]
fn rejection(class: RejectionClass, slug: &'static str, status: StatusCode) -> Rejection {
    let detail = match status {
        StatusCode::UNAUTHORIZED => "this needs a credential",
        StatusCode::FORBIDDEN => "the caller may not do this",
        StatusCode::NOT_FOUND => "there is no such thing here, or not for the caller",
        StatusCode::METHOD_NOT_ALLOWED => "the route has other methods",
        StatusCode::SERVICE_UNAVAILABLE => "it can't be decided right now",
        _ => "the app is not set up to decide this",
    };
    Rejection::new(PACKAGE, class, slug, status).detail(detail)
}

/// The refusal that a decision means, if it means one.
#[inline]
pub(crate) fn of(decision: Decision) -> Result<(), Rejection> {
    match decision {
        Decision::Allow => Ok(()),
        Decision::Deny => Err(forbidden()),
        Decision::Indeterminate => Err(indeterminate()),
        Decision::Conditional => Err(indeterminate().cause(CONDITIONAL)),
    }
}

/// The refusal that the policy means for this caller, if it means one.
#[inline]
pub(crate) fn by(policy: &Policy, caller: &Principal, decision: Decision) -> Result<(), Rejection> {
    of(decision).map_err(|rejection| {
        let undecided = decision == Decision::Indeterminate;
        match undecided.then(|| policy.doubt(caller)).flatten() {
            Some(doubt) => rejection.cause(doubt.as_str()),
            None => rejection,
        }
    })
}

pub(crate) fn layer_order() -> Rejection {
    rejection(RejectionClass::Bug, "layer-order", StatusCode::INTERNAL_SERVER_ERROR).cause(LAYER_ORDER)
}

/// A handler went ahead without having decided upon its record.
#[cfg(feature = "axum-router")]
pub(crate) fn undecided() -> Rejection {
    rejection(RejectionClass::Bug, "undecided", StatusCode::INTERNAL_SERVER_ERROR)
        .cause("the handler answered without `OnRecord::decide` having allowed it")
}

pub(crate) fn unauthenticated(facts: &RequestFacts) -> Rejection {
    let refusal = rejection(RejectionClass::Credential, "unauthenticated", StatusCode::UNAUTHORIZED);
    challenged(refusal, facts, Challenge::Credential)
}

/// The caller may, but has to sign in better or again (RFC 9470 §3); `elsewhere` is where a browser does that.
pub(crate) fn step_up(wanted: &LogIn, elsewhere: Option<HeaderValue>, facts: &RequestFacts) -> Rejection {
    let refusal = |status| {
        Rejection::new(PACKAGE, RejectionClass::Credential, "insufficient-user-authentication", status)
            .detail("this needs a stronger or more recent log-in")
            .member("error", Member::Text("insufficient_user_authentication".into()))
    };
    if let Some(elsewhere) = elsewhere {
        return refusal(StatusCode::SEE_OTHER).header(header::LOCATION, elsewhere);
    }
    let refusal = refusal(StatusCode::UNAUTHORIZED);
    let acr_values = wanted.acr_values();
    challenged(refusal, facts, Challenge::StepUp { acr_values: &acr_values, max_age: wanted.max_age })
}

fn challenged(refusal: Rejection, facts: &RequestFacts, challenge: Challenge<'_>) -> Rejection {
    let Some(authentication) = facts.authentication() else { return refusal };
    let values = authentication.challenges().values(challenge);
    values.fold(refusal, |refusal, value| refusal.header(header::WWW_AUTHENTICATE, value))
}

pub(crate) fn forbidden() -> Rejection {
    rejection(RejectionClass::Permission, FORBIDDEN, StatusCode::FORBIDDEN)
}

pub(crate) fn not_found() -> Rejection {
    rejection(RejectionClass::Permission, "not-found", StatusCode::NOT_FOUND)
}

pub(crate) fn method_not_allowed(allow: &HeaderValue) -> Rejection {
    rejection(RejectionClass::Permission, "method-not-allowed", StatusCode::METHOD_NOT_ALLOWED)
        .header(header::ALLOW, allow.clone())
}

pub(crate) fn indeterminate() -> Rejection {
    rejection(RejectionClass::Dependency, INDETERMINATE, StatusCode::SERVICE_UNAVAILABLE)
        .retry_after(Duration::from_secs(5))
}

pub(crate) fn audit_unavailable() -> Rejection {
    rejection(RejectionClass::Dependency, AUDIT_UNAVAILABLE, StatusCode::SERVICE_UNAVAILABLE)
        .retry_after(Duration::from_secs(5))
}
