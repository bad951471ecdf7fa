//! A refusal that a handler can return.

use std::fmt;

use gambeson_core::{Rejection, RequestFacts};

/// A refusal from inside a handler: return it with `?`.
///
/// With feature `axum` it is an answer: a small page for a browser's navigation, else problem details, whatever form the
/// layer's own refusals have.
#[derive(Debug, Clone)]
pub struct Refusal {
    rejection: Rejection,
    facts: RequestFacts,
}

impl Refusal {
    /// A refusal of the request that these facts are about, which remember it.
    pub(crate) fn new(rejection: Rejection, facts: &RequestFacts) -> Self {
        facts.set_rejection(rejection.clone());
        Self { rejection, facts: facts.clone() }
    }

    /// The refusal in core's words.
    #[must_use]
    pub fn rejection(&self) -> &Rejection {
        &self.rejection
    }

    /// What is known about the request.
    #[must_use]
    pub fn facts(&self) -> &RequestFacts {
        &self.facts
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {}", self.rejection)
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.rejection.private_cause().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        refusal.rejection
    }
}

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponse for Refusal {
    fn into_response(self) -> axum_core::response::Response {
        use gambeson_core::{Negotiated, Respond};
        Negotiated::new().respond(&self.rejection, &self.facts)
    }
}
