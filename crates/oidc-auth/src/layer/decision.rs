//! The decision about one request: a plain function of what is at hand.

use std::sync::Arc;

use gambeson_core::{
    Authentication, Challenger, Challenges, Principal, Rejection, RequestFacts, RequestHead,
};

use super::credential::{Credential, Presented, Scheme, credential};
use super::sender::{Asking, NextNonce, Proof, Remembering, Senders, told};
use crate::binding::{Binding, Verified};
use crate::challenge::{Bearer, DpopScheme};
use crate::dpop::ReplayError;
use crate::error::TokenError;
use crate::introspection::{Introspection, is_jwt};
use crate::keys::KeyWait;
use crate::refusal_log::RefusalLog;
use crate::telemetry;
use crate::verifier::{Miss, Verifier};

/// What is left to do with a request.
pub(super) enum Decision {
    /// It goes on; the facts say who it is.
    Pass(NextNonce),
    /// It does not.
    Refuse(Rejection),
    /// It may, once more is known.
    Wait(Stage),
}

/// What a request waits for.
pub(super) enum Stage {
    /// The key of its token.
    Key(KeyWait),
    /// What the issuer says of its token.
    Introspection(Asking),
    /// Whether its proof is new; then it is this caller's.
    Proof(Remembering, Principal, NextNonce),
    /// Nothing more: the places are given back before the inner service gets ready.
    Admitted(NextNonce),
}

/// What layer, services and futures share.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    pub(super) verifier: Option<Verifier>,
    pub(super) introspection: Option<Introspection>,
    pub(super) required: bool,
    pub(super) bearer: Arc<Bearer>,
    pub(super) dpop_scheme: Option<Arc<DpopScheme>>,
    pub(super) senders: Arc<Senders>,
    pub(super) challenges: Challenges,
    log: Arc<RefusalLog>,
}

/// A request with all that is asked of it.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) verifier: &'a Verifier,
    pub(super) head: &'a RequestHead<'a>,
    pub(super) facts: &'a RequestFacts,
}

impl Gate {
    pub(super) fn new(verifier: Option<Verifier>, required: bool) -> Self {
        let mut gate = Self {
            verifier,
            introspection: None,
            required,
            bearer: Arc::default(),
            dpop_scheme: None,
            senders: Arc::default(),
            challenges: Challenges::none(),
            log: Arc::default(),
        };
        gate.renew_challenges();
        gate
    }

    /// Has to be called after each change of what is asked for.
    pub(super) fn renew_challenges(&mut self) {
        self.dpop_scheme = self.senders.dpop.as_ref().map(|dpop| {
            Arc::new(DpopScheme { bearer: Arc::clone(&self.bearer), algorithms: dpop.algorithms().into() })
        });
        let bearer: Arc<dyn Challenger> = Arc::clone(&self.bearer) as _;
        let dpop = self.dpop_scheme.clone().map(|scheme| scheme as Arc<dyn Challenger>);
        let bearer = Some(bearer).filter(|_| self.senders.invites_bearer());
        self.challenges = match &self.verifier {
            Some(_) => Challenges::new(bearer.into_iter().chain(dpop)),
            None => Challenges::none(),
        };
    }

    pub(super) fn decide(&self, asked: Asked<'_>) -> Decision {
        let sent = match credential(asked.head.headers) {
            Credential::Token(sent) => sent,
            Credential::None => return self.anonymous(asked.facts),
            Credential::Several | Credential::Empty => {
                return Decision::Refuse(self.ambiguous("invalid-request", asked));
            }
        };
        match &self.introspection {
            Some(introspection) if !is_jwt(sent.token) => self.introspect(introspection, sent, asked),
            _ => self.verify(sent, asked),
        }
    }

    fn introspect(&self, introspection: &Introspection, sent: Presented<'_>, asked: Asked<'_>) -> Decision {
        let client = asked.facts.peer().and_then(|peer| peer.address);
        match introspection.look(sent.token, client).ready() {
            Ok(outcome) => self.conclude(outcome, asked),
            Err(later) => Decision::Wait(Stage::Introspection(later)),
        }
    }

    fn verify(&self, sent: Presented<'_>, asked: Asked<'_>) -> Decision {
        let error = match asked.verifier.check(sent.token) {
            Ok(verified) => return self.admit(verified, sent, asked),
            Err(Miss::Refused(error)) => error,
            Err(Miss::Key(kid)) => {
                let address = asked.facts.peer().and_then(|peer| peer.address);
                match asked.verifier.wait_for(sent.token, kid.as_deref(), address) {
                    Ok(wait) => return Decision::Wait(Stage::Key(wait)),
                    Err(error) => error,
                }
            }
        };
        self.turn_away(error, sent.scheme, asked)
    }

    /// A second look, after the wait for a key.
    pub(super) fn conclude(&self, outcome: Result<Verified, TokenError>, asked: Asked<'_>) -> Decision {
        let Credential::Token(presented) = credential(asked.head.headers) else {
            return Decision::Refuse(self.ambiguous("invalid-request", asked));
        };
        match outcome {
            Ok(verified) => self.admit(verified, presented, asked),
            Err(error) => self.turn_away(error, presented.scheme, asked),
        }
    }

    /// The store of used proofs has answered.
    pub(super) fn proved(
        &self,
        answer: Result<bool, ReplayError>,
        principal: Principal,
        next_nonce: NextNonce,
        asked: Asked<'_>,
    ) -> Decision {
        match told(answer) {
            Ok(()) => self.welcome(principal, next_nonce, asked),
            Err(error) => Decision::Refuse(self.refuse(error, Scheme::Dpop, asked)),
        }
    }

    /// The token is good. Whether it has ended before its time and whether it is its sender's is asked each time.
    fn admit(&self, verified: Verified, presented: Presented<'_>, asked: Asked<'_>) -> Decision {
        if let Err(error) = verified.check_denied() {
            let scheme = self.scheme_of_refusal(&verified.binding, presented.scheme);
            return Decision::Refuse(self.refuse(error, scheme, asked));
        }
        let Verified { principal, binding, .. } = verified;
        // Only a proof asks for the time: whoever sends none pays for no second look at the clock.
        let moment = || asked.verifier.moment();
        match self.senders.check(&binding, presented, asked.head, asked.facts, moment) {
            Ok(Proof::Given(next_nonce)) => self.welcome(principal, next_nonce, asked),
            Ok(Proof::Asked(later, next_nonce)) => Decision::Wait(Stage::Proof(later, principal, next_nonce)),
            Err(error) => {
                let scheme = self.scheme_of_refusal(&binding, presented.scheme);
                Decision::Refuse(self.refuse(error, scheme, asked))
            }
        }
    }

    /// Refuses a token of which nothing is known.
    fn turn_away(&self, error: TokenError, sent: Scheme, asked: Asked<'_>) -> Decision {
        Decision::Refuse(self.refuse(error, self.senders.scheme_for(None, sent), asked))
    }

    fn scheme_of_refusal(&self, binding: &Binding, sent: Scheme) -> Scheme {
        self.senders.scheme_for(Some(binding), sent)
    }

    fn welcome(&self, principal: Principal, next_nonce: NextNonce, asked: Asked<'_>) -> Decision {
        match asked.facts.authenticate(Authentication::Verified(principal, self.challenges.clone())) {
            Ok(()) => Decision::Pass(next_nonce),
            Err(_) => Decision::Refuse(self.ambiguous("conflicting-credentials", asked)),
        }
    }

    fn anonymous(&self, facts: &RequestFacts) -> Decision {
        let _ = facts.authenticate(Authentication::Anonymous(self.challenges.clone()));
        if !self.required || facts.principal().is_some() {
            return Decision::Pass(None);
        }
        let rejection = self.credential_required();
        facts.set_rejection(rejection.clone());
        Decision::Refuse(rejection)
    }

    fn refuse(&self, error: TokenError, scheme: Scheme, asked: Asked<'_>) -> Rejection {
        let Asked { verifier, head, facts } = asked;
        let _ = facts.authenticate(Authentication::Anonymous(self.challenges.clone()));
        telemetry::refused(&error, facts, &self.log, verifier.monotonic());
        telemetry::audit(verifier, &error, facts, head.method);
        let rejection = self.refusal(&error, scheme, verifier.now()).cause(error);
        facts.set_rejection(rejection.clone());
        rejection
    }

    fn ambiguous(&self, slug: &'static str, asked: Asked<'_>) -> Rejection {
        let Asked { verifier, head, facts } = asked;
        let _ = facts.authenticate(Authentication::Anonymous(self.challenges.clone()));
        telemetry::ambiguous(slug, &self.log.ambiguous, verifier.monotonic());
        telemetry::audit_ambiguous(verifier, slug, facts, head.method);
        let rejection = self.invalid_request(slug);
        facts.set_rejection(rejection.clone());
        rejection
    }
}
