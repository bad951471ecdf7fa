//! Why a token was not accepted.

use std::fmt;

/// Why a token was not accepted. For logs and audit; none of it is for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenError {
    reason: Reason,
    detail: Option<Box<str>>,
}

/// The classes of refusal that a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// The token is at fault: answer 401 `invalid_token`.
    Token,
    /// The token is by a key that is not known yet: fetch keys, then look again.
    UnknownKey,
    /// Keys could not be had: answer 503. Says nothing about the token.
    KeysUnavailable,
    /// The token may be good, the proof that came with it is not: answer 401 `invalid_dpop_proof` or `use_dpop_nonce`.
    Proof,
    /// Something else that has to be asked could not be: answer 503. Says nothing about the token.
    Unavailable,
}

/// The stable name of what was wrong; its [`Reason::as_str`] is the label in logs and audit events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Longer than 8 KiB (or what the builder says).
    TooLarge,
    /// Not three parts of unpadded base64url with JSON objects in the first two; a name twice; a claim of a wrong type.
    Malformed,
    /// `alg` is missing, `none`, an HMAC or otherwise not supported.
    Algorithm,
    /// `typ` is not what the token profile asks for.
    TokenType,
    /// The header has `crit`, `b64` or `zip`: extensions that are not understood.
    Critical,
    /// The header names a key that the issuer did not publish, or names none and no published one signed the token.
    UnknownKey,
    /// The signature does not match.
    Signature,
    /// `iss` is missing or another issuer.
    Issuer,
    /// `aud` is missing or does not name this API.
    Audience,
    /// `exp` is missing or over.
    Expired,
    /// `nbf` is in the future.
    NotYetValid,
    /// `iat` is in the future: one of the two clocks is wrong.
    ClockSkew,
    /// Valid for longer than allowed.
    Lifetime,
    /// A claim that the profile or the issuer's rules require is missing.
    MissingClaim,
    /// A claim is not what the issuer's rules ask for ([`Issuer::require`](crate::Issuer::require)).
    ClaimRule,
    /// Bound to a key or certificate of the sender (`cnf`), which the request does not prove; or not bound where only bound
    /// tokens are accepted.
    SenderConstrained,
    /// Ended before its time: the [`Denylist`](crate::Denylist) has it.
    Revoked,
    /// What other instances have denied is not known: a shared [`Denylist`](crate::Denylist) is out of step.
    DenialsUnknown,
    /// The issuer says that the token is not active (RFC 7662 §2.2).
    Inactive,
    /// The issuer can't be asked about the token, or answers something else.
    IntrospectionUnavailable,
    /// The DPoP proof is missing, malformed, or not for this request, token and key (RFC 9449 §4.3).
    DpopProof,
    /// The DPoP proof lacks the nonce that is asked for, or has one that is over (RFC 9449 §9).
    DpopNonce,
    /// The DPoP proof was used before.
    DpopReplay,
    /// Whether the DPoP proof was used before can't be told: its store is full or can't be asked.
    ReplayUnknown,
    /// An ID token or a security event: made for another purpose.
    Purpose,
    /// There are no keys, or they are too old, and the issuer does not answer.
    KeysUnavailable,
    /// Too many requests wait for keys already.
    WaitingRoomFull,
}

impl Reason {
    /// The label: lower case, stable.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::TokenType => "token-type",
            Self::Critical => "critical-header",
            Self::UnknownKey => "unknown-key",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::ClockSkew => "clock-skew",
            Self::Lifetime => "lifetime",
            Self::MissingClaim => "missing-claim",
            Self::ClaimRule => "claim-rule",
            Self::SenderConstrained => "sender-constrained",
            Self::Revoked => "revoked",
            Self::DenialsUnknown => "denials-unknown",
            Self::Inactive => "inactive",
            Self::IntrospectionUnavailable => "introspection-unavailable",
            Self::DpopProof => "dpop-proof",
            Self::DpopNonce => "dpop-nonce",
            Self::DpopReplay => "dpop-replay",
            Self::ReplayUnknown => "replay-unknown",
            Self::Purpose => "purpose",
            Self::KeysUnavailable => "keys-unavailable",
            Self::WaitingRoomFull => "waiting-room-full",
        }
    }
}

impl TokenError {
    pub(crate) fn new(reason: Reason) -> Self {
        Self { reason, detail: None }
    }

    /// With words for the log. They may hold what strangers wrote, so they are cut and escaped here, once.
    pub(crate) fn with(reason: Reason, detail: impl AsRef<str>) -> Self {
        let cut: String = detail.as_ref().chars().take(300).collect();
        let detail = Some(gambeson_core::escape_controls(&cut).into());
        Self { reason, detail }
    }

    /// What was wrong.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// What the caller can act on.
    #[must_use]
    pub fn kind(&self) -> TokenErrorKind {
        match self.reason {
            Reason::UnknownKey => TokenErrorKind::UnknownKey,
            Reason::KeysUnavailable | Reason::WaitingRoomFull => TokenErrorKind::KeysUnavailable,
            Reason::DpopProof | Reason::DpopNonce | Reason::DpopReplay => TokenErrorKind::Proof,
            Reason::ReplayUnknown | Reason::IntrospectionUnavailable | Reason::DenialsUnknown => {
                TokenErrorKind::Unavailable
            }
            _ => TokenErrorKind::Token,
        }
    }

    /// What was wrong in words, with what was got and wanted; never the token.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token refused: {}", self.reason.as_str())?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TokenError {}
