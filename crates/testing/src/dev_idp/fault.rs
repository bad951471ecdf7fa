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
}

impl Fault {
    /// The fault of this name, as `POST /dev/fault` takes it: `none`, `down`, `slow`, `500`, `html`, `truncated_jwks`,
    /// `empty_jwks`, `huge`, `redirect`, `wrong_issuer` or `wrong_kid`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "none" => Self::None,
            "down" => Self::Down,
            "slow" => Self::Slow,
            "500" => Self::ServerError,
            "html" => Self::Html,
            "truncated_jwks" => Self::TruncatedJwks,
            "empty_jwks" => Self::EmptyJwks,
            "huge" => Self::Huge,
            "redirect" => Self::Redirect,
            "wrong_issuer" => Self::WrongIssuer,
            "wrong_kid" => Self::WrongKid,
            _ => return None,
        })
    }
}
