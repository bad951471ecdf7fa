//! What the limits log.

use std::time::Duration;

use gambeson_core::RequestFacts;

/// A handler used up its time: worth a line, since a person has to look at the handler.
pub(super) fn handler_deadline(facts: &RequestFacts, after: Duration) {
    let route = facts.route().map_or("", |route| route.as_str());
    let request_id = facts.request_id().map(tracing::field::display);
    tracing::warn!(
        route,
        request_id,
        seconds = after.as_secs_f64(),
        "no answer before the handler's deadline"
    );
}

/// An answer that had begun and did not go on.
pub(super) fn stream_idle(facts: &RequestFacts, after: Duration) {
    let route = facts.route().map_or("", |route| route.as_str());
    let request_id = facts.request_id().map(tracing::field::display);
    tracing::warn!(
        route,
        request_id,
        seconds = after.as_secs_f64(),
        "the answer was cut off: nothing more came from the app"
    );
}

/// What enforcing would have refused or ended.
pub(super) fn observed(slug: &'static str, facts: &RequestFacts) {
    let route = facts.route().map_or("", |route| route.as_str());
    let request_id = facts.request_id().map(tracing::field::display);
    tracing::warn!(slug, route, request_id, "would be refused when the limits enforce");
}
