//! What a refused request is told: no more than the RFC of its scheme asks for.

use std::time::Duration;

use gambeson_core::{Challenge, Challenger, Member, Rejection, RejectionClass, Timestamp};
use http::{HeaderValue, StatusCode, header};

use super::credential::Scheme;
use super::decision::Gate;
use crate::dpop::NONCE;
use crate::error::{Reason, TokenError, TokenErrorKind};

const PACKAGE: &str = env!("CARGO_PKG_NAME");

impl Gate {
    pub(super) fn refusal(&self, error: &TokenError, scheme: Scheme, now: Timestamp) -> Rejection {
        match error.kind() {
            TokenErrorKind::KeysUnavailable => unavailable("keys-unavailable"),
            TokenErrorKind::Unavailable => unavailable("verification-unavailable"),
            TokenErrorKind::Proof => self.bad_proof(error.reason(), now),
            TokenErrorKind::Token | TokenErrorKind::UnknownKey => self.bad_token(scheme),
        }
    }

    fn bad_token(&self, scheme: Scheme) -> Rejection {
        let dpop = self.dpop_scheme.as_ref();
        let bearer = self.bearer.challenge(Challenge::InvalidToken);
        let challenges = match (scheme, dpop) {
            (_, None) => [bearer, None],
            (Scheme::Dpop, Some(dpop)) => [dpop.challenge(Challenge::InvalidToken), None],
            (Scheme::Bearer, Some(dpop)) => [bearer, dpop.challenge(Challenge::Credential)],
        };
        challenged(credential_rejection("invalid-token", StatusCode::UNAUTHORIZED), challenges)
            .member("error", Member::Text("invalid_token".into()))
            .detail("the access token is not valid here")
    }

    /// RFC 9449 §7.1 and §9.
    fn bad_proof(&self, reason: Reason, now: Timestamp) -> Rejection {
        let nonce = self.senders.dpop.as_ref().and_then(|dpop| dpop.nonce(now));
        let (slug, error) = match reason {
            Reason::DpopNonce => ("use-dpop-nonce", "use_dpop_nonce"),
            _ => ("invalid-dpop-proof", "invalid_dpop_proof"),
        };
        let challenge = self.dpop_scheme.as_ref().and_then(|scheme| scheme.error(error));
        let rejection = challenged(credential_rejection(slug, StatusCode::UNAUTHORIZED), [challenge])
            .member("error", Member::Text(error.into()))
            .detail("the proof of possession is not valid here");
        match nonce {
            Some(nonce) => rejection.header(NONCE, nonce),
            None => rejection,
        }
    }

    pub(super) fn credential_required(&self) -> Rejection {
        let rejection = credential_rejection("credential-required", StatusCode::UNAUTHORIZED);
        challenged(rejection, self.challenges.values(Challenge::Credential).map(Some))
            .detail("this needs an access token")
    }

    /// Not one credential: several, or a scheme without a token.
    pub(super) fn invalid_request(&self, slug: &'static str) -> Rejection {
        let dpop = self.dpop_scheme.as_ref().and_then(|scheme| scheme.error("invalid_request"));
        let rejection = credential_rejection(slug, StatusCode::BAD_REQUEST);
        let bearer = self.bearer.invalid_request().filter(|_| self.senders.invites_bearer());
        challenged(rejection, [bearer, dpop])
            .member("error", Member::Text("invalid_request".into()))
            .detail("send one credential")
    }
}

fn credential_rejection(slug: &'static str, status: StatusCode) -> Rejection {
    Rejection::new(PACKAGE, RejectionClass::Credential, slug, status)
}

fn challenged(rejection: Rejection, values: impl IntoIterator<Item = Option<HeaderValue>>) -> Rejection {
    let values = values.into_iter().flatten();
    values.fold(rejection, |rejection, value| rejection.header(header::WWW_AUTHENTICATE, value))
}

fn unavailable(slug: &'static str) -> Rejection {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Rejection::new(PACKAGE, RejectionClass::Dependency, slug, status)
        .detail("the token can't be checked right now")
        .retry_after(Duration::from_secs(2))
}
