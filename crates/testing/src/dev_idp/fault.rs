//! How the provider misbehaves on demand.

/// What goes wrong with everything but `/dev/*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Connections are closed without an answer.
    Down,
    /// Answers come ten seconds late, by the clock of [`DevIdpBuilder::clock`](super::DevIdpBuilder::clock).
    Slow,
    /// Answers are 500.
    ServerError,
    /// Answers are pages, as captive portals send them.
    Html,
    /// The key set breaks off in the middle.
    TruncatedJwks,
    /// The key set has no keys.
    EmptyJwks,
    /// Answers are eight megabytes too long.
    Huge,
    /// Answers redirect elsewhere.
    Redirect,
    /// The metadata names another issuer.
    WrongIssuer,
    /// Tokens name a key that is not in the key set.
    WrongKid,
    /// ID tokens answer another request: their `nonce` is a stranger's.
    WrongNonce,
    /// ID tokens are another client's: their `aud` is a stranger's.
    WrongAudience,
    /// ID tokens are another issuer's: their `iss` is a stranger's.
    WrongIdTokenIssuer,
    /// ID tokens belong to another access token: their `at_hash` does not fit.
    WrongAtHash,
    /// ID tokens don't say when the person signed in: they have no `auth_time`.
    NoAuthTime,
    /// ID tokens don't name the log-in that they came of: they have no `sid`.
    NoSid,
    /// The answer to an authorization request names another issuer (RFC 9207).
    WrongResponseIssuer,
    /// The answer to an authorization request names no issuer, though the metadata says that it will (RFC 9207 §2.4).
    NoResponseIssuer,
    /// The answer to an authorization request has a stranger's `state`.
    WrongState,
    /// The token endpoint answers 500; all else is well.
    TokenError,
    /// The token endpoint never answers; all else is well.
    TokenHang,
    /// ID tokens have no `sub`.
    NoSubject,
    /// ID tokens have no `aud`.
    NoAudience,
    /// ID tokens have no `iat`.
    NoIssuedAt,
    /// The signature of ID tokens is not that of their content.
    BadSignature,
    /// ID tokens are not signed, and say so (`alg: none`).
    UnsignedIdToken,
    /// Neither ID tokens nor the RSA keys that are published have a `kid`; other keys are not published.
    NoKid,
    /// New keys are made for each token request, the old ones are withdrawn.
    RotateBeforeSigning,
    /// The metadata names another address of the key set, random at each start; there is none at the usual one.
    MovedJwks,
    /// The userinfo endpoint speaks of somebody else.
    WrongUserinfoSubject,
    /// The way back from signing out has another `state` than the client sent.
    WrongLogoutState,
    /// The way back from signing out has no `state`, though the client sent one.
    NoLogoutState,
}

/// All of them by name.
const NAMED: [(&str, Fault); 33] = [
    ("none", Fault::None),
    ("down", Fault::Down),
    ("slow", Fault::Slow),
    ("500", Fault::ServerError),
    ("html", Fault::Html),
    ("truncated_jwks", Fault::TruncatedJwks),
    ("empty_jwks", Fault::EmptyJwks),
    ("huge", Fault::Huge),
    ("redirect", Fault::Redirect),
    ("wrong_issuer", Fault::WrongIssuer),
    ("wrong_kid", Fault::WrongKid),
    ("wrong_nonce", Fault::WrongNonce),
    ("wrong_audience", Fault::WrongAudience),
    ("wrong_id_token_issuer", Fault::WrongIdTokenIssuer),
    ("wrong_at_hash", Fault::WrongAtHash),
    ("no_auth_time", Fault::NoAuthTime),
    ("no_sid", Fault::NoSid),
    ("wrong_response_issuer", Fault::WrongResponseIssuer),
    ("no_response_issuer", Fault::NoResponseIssuer),
    ("wrong_state", Fault::WrongState),
    ("token_500", Fault::TokenError),
    ("token_hang", Fault::TokenHang),
    ("no_subject", Fault::NoSubject),
    ("no_audience", Fault::NoAudience),
    ("no_issued_at", Fault::NoIssuedAt),
    ("bad_signature", Fault::BadSignature),
    ("unsigned_id_token", Fault::UnsignedIdToken),
    ("no_kid", Fault::NoKid),
    ("rotate_before_signing", Fault::RotateBeforeSigning),
    ("moved_jwks", Fault::MovedJwks),
    ("wrong_userinfo_subject", Fault::WrongUserinfoSubject),
    ("wrong_logout_state", Fault::WrongLogoutState),
    ("no_logout_state", Fault::NoLogoutState),
];

impl Fault {
    /// The fault of this name, as `POST /dev/fault` takes it: `none`, `down`, `slow`, `500`, `html`, `truncated_jwks`,
    /// `empty_jwks`, `huge`, `redirect`, `wrong_issuer`, `wrong_kid`, `wrong_nonce`, `wrong_audience`,
    /// `wrong_id_token_issuer`, `wrong_at_hash`, `no_auth_time`, `no_sid`, `wrong_response_issuer`, `no_response_issuer`, `wrong_state`,
    /// `token_500`, `token_hang`, `no_subject`, `no_audience`, `no_issued_at`, `bad_signature`, `unsigned_id_token`, `no_kid`,
    /// `rotate_before_signing`, `moved_jwks`, `wrong_userinfo_subject`, `wrong_logout_state` or `no_logout_state`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        NAMED.into_iter().find(|(known, _)| *known == name).map(|(_, fault)| fault)
    }

    pub(super) fn names() -> [&'static str; NAMED.len()] {
        NAMED.map(|(name, _)| name)
    }
}
