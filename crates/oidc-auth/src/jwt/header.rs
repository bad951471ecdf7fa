//! The header: which key, which algorithm, which type.

use super::json::{Json, Keep, Members, read_object};
use crate::algorithm::Algorithm;
use crate::error::{Reason, TokenError};
use crate::policy::{TokenKind, TokenProfile};

/// What counts of a token's header. Keys that it brings along (`jwk`, `jku`, `x5u`, `x5c`) do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<Box<str>>,
}

/// The longest key id that is looked at, in bytes.
const MAX_KID: usize = 512;

impl Header {
    /// Reads the header and checks all of it that needs no key.
    pub(crate) fn read(text: &str, kind: TokenKind) -> Result<Self, TokenError> {
        let members = read_object(text, |name| match name {
            "alg" | "typ" | "kid" | "crit" | "b64" | "zip" => Keep::Value,
            _ => Keep::Nothing,
        })
        .map_err(|error| TokenError::with(Reason::Malformed, format!("header: {error}")))?;
        refuse_extensions(&members)?;
        let algorithm = algorithm(&members)?;
        check_type(&members, kind)?;
        let kid = kid(&members)?;
        Ok(Self { algorithm, kid })
    }
}

fn refuse_extensions(members: &Members<'_>) -> Result<(), TokenError> {
    match ["crit", "b64", "zip"].into_iter().find(|name| members.get(name).is_some()) {
        Some(name) => Err(TokenError::with(Reason::Critical, format!("the header has {name}"))),
        None => Ok(()),
    }
}

fn algorithm(members: &Members<'_>) -> Result<Algorithm, TokenError> {
    match members.get("alg") {
        Some(Json::Text(name)) => Algorithm::from_name(name)
            .ok_or_else(|| TokenError::with(Reason::Algorithm, format!("alg is {name:?}"))),
        _ => Err(TokenError::with(Reason::Algorithm, "alg is not a string")),
    }
}

fn check_type(members: &Members<'_>, kind: TokenKind) -> Result<(), TokenError> {
    let typ = match members.get("typ") {
        None => None,
        Some(Json::Text(typ)) => Some(&**typ),
        Some(_) => return Err(TokenError::with(Reason::Malformed, "typ is not a string")),
    };
    if kind.allows_type(typ) {
        return Ok(());
    }
    let got = typ.unwrap_or("absent");
    let cure = match kind {
        TokenKind::Access(TokenProfile::AccessToken) => {
            "wanted at+jwt (RFC 9068); for an issuer that can't, see TokenProfile::JwtLenient"
        }
        TokenKind::Access(TokenProfile::JwtLenient) => "wanted JWT, at+jwt or none",
        TokenKind::Id => "wanted JWT or none",
        TokenKind::Logout => "wanted logout+jwt, JWT or none",
    };
    Err(TokenError::with(Reason::TokenType, format!("typ is {got:?}, {cure}")))
}

fn kid(members: &Members<'_>) -> Result<Option<Box<str>>, TokenError> {
    match members.get("kid") {
        None => Ok(None),
        Some(Json::Text(kid)) if !kid.is_empty() && kid.len() <= MAX_KID => Ok(Some(kid.as_ref().into())),
        Some(_) => Err(TokenError::with(Reason::Malformed, "kid is not a short string")),
    }
}
