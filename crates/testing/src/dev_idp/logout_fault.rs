//! Logout tokens that no client may heed.

use serde_json::json;

use super::backchannel::EVENT;
use super::mint::Mint;

/// What is wrong with the logout tokens of a back-channel logout (OpenID Connect Back-Channel Logout 1.0 §2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum LogoutFault {
    /// Nothing.
    #[default]
    None,
    /// `events` names another event.
    WrongEvents,
    /// `events` has the logout event, but no object in it.
    EventIsNoObject,
    /// There are no `events`.
    NoEvents,
    /// It has a `nonce`, as an ID token has.
    Nonce,
    /// It is another client's: its `aud` is a stranger's.
    WrongAudience,
    /// It is another issuer's: its `iss` is a stranger's.
    WrongIssuer,
    /// It expired a day ago.
    Expired,
    /// It has no `jti`.
    NoTokenId,
    /// It has no `iat`.
    NoIssueTime,
    /// It has no `exp`.
    NoExpiry,
    /// It names neither a subject nor a session.
    NoSubject,
    /// It is unsigned, and says so.
    AlgNone,
    /// It is signed by a key that nobody knows, under the name of a known one.
    ForeignKey,
    /// It says that it is an access token.
    WrongType,
}

/// All of them by name.
const NAMED: [(&str, LogoutFault); 15] = [
    ("none", LogoutFault::None),
    ("wrong_events", LogoutFault::WrongEvents),
    ("event_is_no_object", LogoutFault::EventIsNoObject),
    ("no_events", LogoutFault::NoEvents),
    ("nonce", LogoutFault::Nonce),
    ("wrong_audience", LogoutFault::WrongAudience),
    ("wrong_issuer", LogoutFault::WrongIssuer),
    ("expired", LogoutFault::Expired),
    ("no_token_id", LogoutFault::NoTokenId),
    ("no_issue_time", LogoutFault::NoIssueTime),
    ("no_expiry", LogoutFault::NoExpiry),
    ("no_subject", LogoutFault::NoSubject),
    ("alg_none", LogoutFault::AlgNone),
    ("foreign_key", LogoutFault::ForeignKey),
    ("wrong_type", LogoutFault::WrongType),
];

impl LogoutFault {
    /// All faults but [`LogoutFault::None`].
    pub fn all() -> impl Iterator<Item = Self> {
        NAMED.into_iter().map(|(_, fault)| fault).skip(1)
    }

    /// The fault of this name, as `POST /dev/sign-out` takes it: the names here in lower case with underscores.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        NAMED.into_iter().find(|(known, _)| *known == name).map(|(_, fault)| fault)
    }

    pub(super) fn names() -> [&'static str; NAMED.len()] {
        NAMED.map(|(name, _)| name)
    }

    /// Makes a good logout token ([`DevIdp::mint_logout`](super::DevIdp::mint_logout)) bad.
    pub fn spoil(self, good: Mint) -> Mint {
        match self {
            Self::None => good,
            Self::WrongEvents => good.claim("events", json!({ "http://127.0.0.1:1/event": {} })),
            Self::EventIsNoObject => good.claim("events", json!({ (EVENT): true })),
            Self::NoEvents => good.without("events"),
            Self::Nonce => good.claim("nonce", "a-nonce"),
            Self::WrongAudience => good.audience("another-client"),
            Self::WrongIssuer => good.issuer("http://127.0.0.1:1"),
            Self::Expired => good.expired(),
            Self::NoTokenId => good.without("jti"),
            Self::NoIssueTime => good.without("iat"),
            Self::NoExpiry => good.without("exp"),
            Self::NoSubject => good.without("sub").without("sid"),
            Self::AlgNone => good.alg_none(),
            Self::ForeignKey => good.foreign_key(),
            Self::WrongType => good.typ("at+jwt"),
        }
    }
}
