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
