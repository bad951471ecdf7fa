//! The decision about one request: a plain function of what is at hand.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{
    Authentication, Challenge, Challenger, Challenges, Member, Principal, Rejection, RejectionClass,
    RequestFacts, RequestHead,
};
use http::{HeaderValue, StatusCode, header};

use super::credential::{Credential, credential};
use crate::challenge::Bearer;
use crate::error::{Reason, TokenError, TokenErrorKind};
use crate::keys::KeyWait;
use crate::telemetry;
use crate::verifier::{Miss, Verifier};

const PACKAGE: &str = env!("CARGO_PKG_NAME");

/// What is left to do with a request.
pub(super) enum Decision {
    /// It goes on; the facts say who it is.
    Pass,
    /// It does not.
    Refuse(Rejection),
    /// It may, once its key is known.
    Wait(KeyWait),
}

/// What layer, services and futures share.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    pub(super) verifier: Option<Verifier>,
    pub(super) required: bool,
    pub(super) bearer: Arc<Bearer>,
    pub(super) challenges: Challenges,
}

impl Gate {
    pub(super) fn new(verifier: Option<Verifier>, required: bool, bearer: Bearer) -> Self {
        let bearer = Arc::new(bearer);
        let scheme: Arc<dyn Challenger> = Arc::clone(&bearer) as _;
        let challenges = match &verifier {
            Some(_) => Challenges::new([scheme]),
            None => Challenges::none(),
        };
        Self { verifier, required, bearer, challenges }
    }

    pub(super) fn decide(
        &self,
        verifier: &Verifier,
        head: &RequestHead<'_>,
        facts: &RequestFacts,
    ) -> Decision {
        let error = match credential(head.headers) {
            Credential::Bearer(token) => match verifier.check(token) {
                Ok(principal) => return self.admit(verifier, principal, head, facts),
                Err(Miss::Key(kid)) => {
                    let address = facts.peer().and_then(|peer| peer.address);
                    match verifier.wait_for(token, kid.as_deref(), address) {
                        Ok(wait) => return Decision::Wait(wait),
                        Err(error) => error,
                    }
                }
                Err(Miss::Refused(error)) => error,
            },
            Credential::None => return self.anonymous(facts),
            Credential::Several => {
                return Decision::Refuse(self.ambiguous(verifier, "invalid-request", head, facts));
            }
            Credential::Malformed => TokenError::with(Reason::Malformed, "not a bearer token of RFC 6750"),
        };
        Decision::Refuse(self.refuse(verifier, error, head, facts))
    }

    /// A second look, after the wait: whether the request goes on.
    pub(super) fn conclude(
        &self,
        verifier: &Verifier,
        outcome: Result<Principal, TokenError>,
        head: &RequestHead<'_>,
        facts: &RequestFacts,
    ) -> Result<(), Rejection> {
        let decision = match outcome {
            Ok(principal) => self.admit(verifier, principal, head, facts),
            Err(error) => Decision::Refuse(self.refuse(verifier, error, head, facts)),
        };
        match decision {
            Decision::Refuse(rejection) => Err(rejection),
            _ => Ok(()),
        }
    }

    fn admit(
        &self,
        verifier: &Verifier,
        principal: Principal,
        head: &RequestHead<'_>,
        facts: &RequestFacts,
    ) -> Decision {
        match facts.authenticate(Authentication::Verified(principal, self.challenges.clone())) {
            Ok(()) => Decision::Pass,
            Err(_) => Decision::Refuse(self.ambiguous(verifier, "conflicting-credentials", head, facts)),
        }
    }

    fn anonymous(&self, facts: &RequestFacts) -> Decision {
        let _ = facts.authenticate(Authentication::Anonymous(self.challenges.clone()));
        if !self.required || facts.principal().is_some() {
            return Decision::Pass;
        }
        let rejection = credential_rejection("credential-required", StatusCode::UNAUTHORIZED);
        let rejection = challenged(rejection, self.bearer.challenge(Challenge::Credential))
            .detail("this needs an access token");
        facts.set_rejection(rejection.clone());
        Decision::Refuse(rejection)
    }

    /// The public part says no more than RFC 6750 §3.1 asks for; the cause is for logs and audit.
    fn refuse(
        &self,
        verifier: &Verifier,
        error: TokenError,
        head: &RequestHead<'_>,
        facts: &RequestFacts,
    ) -> Rejection {
        let _ = facts.authenticate(Authentication::Anonymous(self.challenges.clone()));
        telemetry::refused(&error, facts);
        telemetry::audit(verifier, &error, facts, head.method);
        let rejection = match error.kind() {
            TokenErrorKind::KeysUnavailable => unavailable(),
            _ => challenged(
                credential_rejection("invalid-token", StatusCode::UNAUTHORIZED),
                self.bearer.challenge(Challenge::InvalidToken),
            )
            .member("error", Member::Text("invalid_token".into()))
            .detail("the access token is not valid here"),
        }
        .cause(error);
        facts.set_rejection(rejection.clone());
        rejection
    }

    fn ambiguous(
        &self,
        verifier: &Verifier,
        slug: &'static str,
        head: &RequestHead<'_>,
        facts: &RequestFacts,
    ) -> Rejection {
        let _ = facts.authenticate(Authentication::Anonymous(self.challenges.clone()));
        telemetry::audit_ambiguous(verifier, slug, facts, head.method);
        let rejection =
            challenged(credential_rejection(slug, StatusCode::BAD_REQUEST), self.bearer.invalid_request())
                .member("error", Member::Text("invalid_request".into()))
                .detail("send one credential");
        facts.set_rejection(rejection.clone());
        rejection
    }
}

fn credential_rejection(slug: &'static str, status: StatusCode) -> Rejection {
    Rejection::new(PACKAGE, RejectionClass::Credential, slug, status)
}

fn challenged(rejection: Rejection, challenge: Option<HeaderValue>) -> Rejection {
    match challenge {
        Some(value) => rejection.header(header::WWW_AUTHENTICATE, value),
        None => rejection,
    }
}

fn unavailable() -> Rejection {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Rejection::new(PACKAGE, RejectionClass::Dependency, "keys-unavailable", status)
        .detail("the token can't be checked right now")
        .retry_after(Duration::from_secs(2))
}
