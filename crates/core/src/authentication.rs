//! What authentication layers found out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use crate::word::plain_error;
use crate::{Principal, RequestHead};

/// What an authentication layer found out: nobody, or somebody.
///
/// Both carry the [`Challenges`] of the layer, so that authorization can answer 401, a step-up or
/// `insufficient_scope` without knowing the scheme.
#[derive(Debug, Clone)]
pub enum Authentication {
    /// The layer ran and found no credential.
    Anonymous(Challenges),
    /// The layer verified a credential.
    Verified(Principal, Challenges),
}

impl Authentication {
    /// The caller, if there is one.
    pub fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Anonymous(_) => None,
            Self::Verified(principal, _) => Some(principal),
        }
    }

    /// How to ask for a (better) credential.
    pub fn challenges(&self) -> &Challenges {
        match self {
            Self::Anonymous(challenges) | Self::Verified(_, challenges) => challenges,
        }
    }
}

/// What a challenge asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Challenge<'a> {
    /// Any credential (RFC 9110 §11.6.1).
    Credential,
    /// The credential was no good (`invalid_token`, RFC 6750 §3.1).
    InvalidToken,
    /// More scopes, separated by spaces (`insufficient_scope`, RFC 6750 §3.1).
    Scope(&'a str),
    /// A stronger or fresher log-in (`insufficient_user_authentication`, RFC 9470 §3).
    StepUp {
        /// Acceptable authentication contexts, separated by spaces; empty: any.
        acr_values: &'a str,
        /// How old the log-in may be.
        max_age: Option<Duration>,
    },
}

/// Writes the `WWW-Authenticate` value of one authentication scheme.
pub trait Challenger: Send + Sync + fmt::Debug {
    /// The header value that asks for `challenge`; `None` when the scheme has no words for it.
    fn challenge(&self, challenge: Challenge<'_>) -> Option<HeaderValue>;
}

/// How a stack asks for credentials: one [`Challenger`] a scheme. A clone is at most one atomic increment.
#[derive(Debug, Clone, Default)]
pub struct Challenges(Option<Arc<[Arc<dyn Challenger>]>>);

impl Challenges {
    /// No scheme: a 401 carries no challenge.
    pub const fn none() -> Self {
        Self(None)
    }

    /// These schemes, in this order.
    pub fn new(schemes: impl IntoIterator<Item = Arc<dyn Challenger>>) -> Self {
        Self(Some(schemes.into_iter().collect()))
    }

    /// The header values that ask for `challenge`, one a scheme that can.
    pub fn values<'a>(&'a self, challenge: Challenge<'a>) -> impl Iterator<Item = HeaderValue> + 'a {
        self.0.iter().flat_map(|schemes| schemes.iter()).filter_map(move |scheme| scheme.challenge(challenge))
    }
}

/// Two credentials of one request name different subjects: answer 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConflictingCredentials;

plain_error!(ConflictingCredentials, |_error| "two credentials of one request name different subjects");

/// An app's own log-in, mapped to the shared words: any function of that shape.
///
/// `None`: the app's log-in did not run, which authorization treats as a broken layer order.
///
/// ```
/// use gambeson_core::{Authentication, AuthenticationFrom, Challenges, Principal, RequestHead};
///
/// #[derive(Clone)]
/// struct SessionUser { name: String }
///
/// let from_session = |head: &RequestHead<'_>| {
///     let user = head.extensions.get::<SessionUser>()?;
///     let principal = Principal::user("this-app", user.name.as_str()).role("editor").build();
///     Some(Authentication::Verified(principal, Challenges::none()))
/// };
///
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(SessionUser { name: "alice".into() });
/// let found = from_session.authentication(&RequestHead::from(&request)).unwrap();
/// assert_eq!(found.principal().unwrap().subject(), "alice");
/// ```
pub trait AuthenticationFrom: Send + Sync + 'static {
    /// What the app's log-in found out about this request.
    fn authentication(&self, head: &RequestHead<'_>) -> Option<Authentication>;
}

impl<F> AuthenticationFrom for F
where
    F: Fn(&RequestHead<'_>) -> Option<Authentication> + Send + Sync + 'static,
{
    fn authentication(&self, head: &RequestHead<'_>) -> Option<Authentication> {
        self(head)
    }
}
