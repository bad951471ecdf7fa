//! Whether who sends a token is who it was issued to.

use gambeson_core::{BoxFuture, Monotonic, RequestFacts, RequestHead, Timestamp};
use http::HeaderValue;

use super::credential::{Presented, Scheme};
use crate::binding::{Binding, Verified, unproved};
use crate::dpop::{Checked, Dpop, ReplayError};
use crate::error::{Reason, TokenError};

/// What the layer asks of senders.
#[derive(Debug, Clone, Default)]
pub(super) struct Senders {
    pub(super) dpop: Option<Dpop>,
    /// Whether every token has to be bound.
    pub(super) constrained: bool,
}

/// What the store of used proofs says later: whether the proof is new.
pub(super) type Remembering = BoxFuture<Result<bool, ReplayError>>;

/// What the issuer says later of a token.
pub(super) type Asking = BoxFuture<Result<Verified, TokenError>>;

/// How far a sender is proved.
pub(super) enum Proof {
    Given(NextNonce),
    /// All but whether it was used before.
    Asked(Remembering, NextNonce),
}

/// The nonce for the proofs to come, where the one that was sent is not of this period (RFC 9449 §8.2). Boxed, as it is rare.
pub(super) type NextNonce = Option<Box<HeaderValue>>;

impl Senders {
    /// Asked on every request, also where the token itself was verified a moment ago.
    pub(super) fn check(
        &self,
        binding: &Binding,
        presented: Presented<'_>,
        head: &RequestHead<'_>,
        facts: &RequestFacts,
        moment: impl FnOnce() -> (Timestamp, Monotonic),
    ) -> Result<Proof, TokenError> {
        let peer = facts.peer();
        binding.allows_certificate(peer.and_then(|peer| peer.certificate_sha256.as_ref()))?;
        let bound = match (presented.scheme, &binding.key) {
            (Scheme::Bearer, None) if self.constrained && binding.certificate.is_none() => {
                return Err(unproved("bound to no sender, and require_sender_constraint asks for that"));
            }
            (Scheme::Bearer, None) => return Ok(Proof::Given(None)),
            (Scheme::Bearer, Some(_)) => return Err(unproved("bound to a key, but sent as a bearer token")),
            (Scheme::Dpop, None) => {
                return Err(unproved("sent with the scheme DPoP, but not bound to a key"));
            }
            (Scheme::Dpop, Some(bound)) => bound,
        };
        let Some(dpop) = &self.dpop else {
            return Err(unproved("bound to a key; proofs are not accepted here, see AuthLayer::dpop"));
        };
        let client = peer.and_then(|peer| peer.address);
        let Checked { is_new, next_nonce } = dpop.check(head, presented.token, bound, moment(), client)?;
        let next_nonce = next_nonce.map(Box::new);
        match is_new.ready() {
            Ok(answer) => told(answer).map(|()| Proof::Given(next_nonce)),
            Err(later) => Ok(Proof::Asked(later, next_nonce)),
        }
    }

    /// Whether the scheme Bearer is offered. Whoever asks for bound tokens only should not invite others.
    pub(super) fn invites_bearer(&self) -> bool {
        self.dpop.is_none() || !self.constrained
    }

    /// The scheme in which to answer a refusal: the one that would have been right.
    pub(super) fn scheme_for(&self, binding: Option<&Binding>, sent: Scheme) -> Scheme {
        let needs_key = binding.is_some_and(|binding| binding.key.is_some())
            || (self.constrained && binding.is_none_or(|binding| !binding.is_bound()));
        match self.dpop {
            None => Scheme::Bearer,
            Some(_) if needs_key => Scheme::Dpop,
            Some(_) => sent,
        }
    }
}

/// What the store's answer means.
pub(super) fn told(answer: Result<bool, ReplayError>) -> Result<(), TokenError> {
    match answer {
        Ok(true) => Ok(()),
        Ok(false) => Err(TokenError::with(Reason::DpopReplay, "the proof was used before")),
        Err(error) => Err(TokenError::with(Reason::ReplayUnknown, error.to_string())),
    }
}
