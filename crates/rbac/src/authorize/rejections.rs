//! The refusals of this crate. Their slugs are explained in the crate's documentation.

use std::time::Duration;

use gambeson_core::{Challenge, Rejection, RejectionClass, RequestFacts};
use http::{HeaderValue, StatusCode, header};

use crate::decision::Decision;

const PACKAGE: &str = env!("CARGO_PKG_NAME");
const LAYER_ORDER: &str = "no authentication ran before AuthorizeLayer: put an authentication layer (oidc-auth's \
    AuthLayer) outside of it, or give `.authentication_from(…)`; if there is one, `cargo tree -d -i gambeson-core` \
    shows whether two versions of gambeson-core hide each other's facts";

/// Also the reason of an event that withdraws an act.
pub(crate) const AUDIT_UNAVAILABLE: &str = "audit-unavailable";

/// The public part says what to do next, and nothing about the rule.
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
pub(crate) fn of(decision: Decision) -> Result<(), Rejection> {
    match decision {
        Decision::Allow => Ok(()),
        Decision::Deny => Err(forbidden()),
        Decision::Indeterminate => Err(indeterminate()),
    }
}

pub(crate) fn layer_order() -> Rejection {
    rejection(RejectionClass::Bug, "layer-order", StatusCode::INTERNAL_SERVER_ERROR).cause(LAYER_ORDER)
}

pub(crate) fn unauthenticated(facts: &RequestFacts) -> Rejection {
    let refusal = rejection(RejectionClass::Credential, "unauthenticated", StatusCode::UNAUTHORIZED);
    let Some(authentication) = facts.authentication() else { return refusal };
    authentication
        .challenges()
        .values(Challenge::Credential)
        .fold(refusal, |refusal, challenge| refusal.header(header::WWW_AUTHENTICATE, challenge))
}

pub(crate) fn forbidden() -> Rejection {
    rejection(RejectionClass::Permission, "forbidden", StatusCode::FORBIDDEN)
}

pub(crate) fn not_found() -> Rejection {
    rejection(RejectionClass::Permission, "not-found", StatusCode::NOT_FOUND)
}

pub(crate) fn method_not_allowed(allow: &HeaderValue) -> Rejection {
    rejection(RejectionClass::Permission, "method-not-allowed", StatusCode::METHOD_NOT_ALLOWED)
        .header(header::ALLOW, allow.clone())
}

pub(crate) fn indeterminate() -> Rejection {
    rejection(RejectionClass::Dependency, "indeterminate", StatusCode::SERVICE_UNAVAILABLE)
        .retry_after(Duration::from_secs(5))
}

pub(crate) fn audit_unavailable() -> Rejection {
    rejection(RejectionClass::Dependency, AUDIT_UNAVAILABLE, StatusCode::SERVICE_UNAVAILABLE)
        .retry_after(Duration::from_secs(5))
}
