//! What the layer logs.

use gambeson_core::{AuditError, Rejection, RejectionClass, RequestFacts, RequestHead};

use super::shadow::{Both, Said};

/// A refusal: loud when it is a fault of this app, quiet when it is daily business.
#[inline(never)]
pub(super) fn refused(rejection: &Rejection, facts: &RequestFacts, head: &RequestHead<'_>) {
    let route = facts.route().map(tracing::field::display);
    let slug = rejection.slug();
    match rejection.class() {
        RejectionClass::Bug => {
            let cause = rejection.private_cause().map(tracing::field::display);
            tracing::error!(slug, route, method = %head.method, cause, "request refused");
        }
        RejectionClass::Dependency => {
            let cause = rejection.private_cause().map(tracing::field::display);
            tracing::warn!(slug, route, method = %head.method, cause, "request refused");
        }
        _ => tracing::debug!(slug, route, method = %head.method, "request refused"),
    }
}

/// What would have been refused, were the layer not observing.
pub(super) fn observed(rejection: &Rejection, facts: &RequestFacts, head: &RequestHead<'_>) {
    let route = facts.route().map(tracing::field::display);
    tracing::warn!(slug = rejection.slug(), route, method = %head.method, "request would have been refused");
}

/// A route was matched that the table does not know: a hole in the declarations.
pub(super) fn uncovered(template: &str) {
    let template = gambeson_core::escape_controls(template);
    tracing::warn!(%template, "route has no policy, so it is refused: declare it in `Routes` or in [routes]");
}

/// An event could not be recorded.
pub(super) fn unrecorded(error: &AuditError) {
    let cause = std::error::Error::source(error).map(tracing::field::display);
    tracing::error!(%error, cause, "authorization is not on record");
}

/// The next policy would answer otherwise: once a route and kind of difference.
pub(super) fn shadow_differs(said: Said, would_say: Said, both: &Both<'_>) {
    let route = both.facts.route().map(tracing::field::display);
    let permission = both.permission;
    tracing::warn!(route, method = %both.method, permission, %said, %would_say, "the next policy would answer otherwise");
}
