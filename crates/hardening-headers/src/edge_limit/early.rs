//! What layers outside of the limiter answer by themselves.

use std::sync::Arc;

use gambeson_core::{Rejection, RequestFacts, RequestHead};

use super::limiter::{Limiter, Verdict};

/// Counts the answers of a layer that stands outside of the limiter, so that what never gets there costs a network as much as what
/// does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Early(pub(super) Option<Arc<Limiter>>);

impl Early {
    pub(super) fn new(limiter: Option<Arc<Limiter>>) -> Self {
        Self(limiter)
    }

    /// The refusal in place of such an answer, when the client's network is over its rate.
    pub(crate) fn refusal(&self, head: &RequestHead<'_>, facts: &RequestFacts) -> Option<Rejection> {
        let limiter = self.0.as_ref().filter(|limiter| !limiter.exempt.holds(head))?;
        // Without a peer there is nobody to count for; the limiter itself says so of all that gets there.
        match limiter.decide(facts.peer()?) {
            Verdict::Pass { .. } => None,
            Verdict::Refuse { after } => Some(limiter.refusal(after)),
        }
    }
}
