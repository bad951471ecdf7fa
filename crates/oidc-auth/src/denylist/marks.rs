//! By what a verified token can be denied.

use std::fmt;
use std::sync::Arc;

use super::denial::{Kind, name};
use super::{Denylist, Look};
use crate::error::{Reason, TokenError};
use crate::jwt::Claims;

/// The names of one token on the list that its verifier asks. Kept with the token, so that a look digests nothing.
pub(crate) struct Marks {
    denylist: Denylist,
    names: [Option<[u8; 16]>; 4],
    issued_at: i64,
}

impl Marks {
    /// Of claims whose `iss` was checked; `issuer` stands in where an answer has none.
    ///
    /// # Errors
    /// Without `iat` nobody can say whether the token was issued before a denial.
    pub(crate) fn read(
        denylist: &Denylist,
        claims: &Claims<'_>,
        issuer: &str,
    ) -> Result<Arc<Self>, TokenError> {
        let issued_at = claims.seconds("iat").ok_or_else(|| {
            TokenError::with(Reason::MissingClaim, "iat is missing: the denylist can't do without")
        })?;
        let issuer = claims.text("iss")?.unwrap_or(issuer);
        let named = |kind, claim| claims.text(claim).map(|text| text.map(|text| name(kind, issuer, text)));
        let session = named(Kind::Session, "sid")?;
        let names = [
            named(Kind::Token, "jti")?,
            if session.is_some() { session } else { named(Kind::Sessionless, "sub")? },
            named(Kind::Subject, "sub")?,
            Some(name(Kind::Issuer, issuer, "")),
        ];
        Ok(Arc::new(Self { denylist: denylist.clone(), names, issued_at }))
    }

    /// Asked each time that the token is sent.
    pub(crate) fn check(&self) -> Result<(), TokenError> {
        match self.denylist.look(&self.names, self.issued_at) {
            Look::Clear => Ok(()),
            Look::Denied => Err(TokenError::with(
                Reason::Revoked,
                "the denylist has its token, session, subject or issuer",
            )),
            Look::Stale => Err(TokenError::with(
                Reason::DenialsUnknown,
                "what other instances have denied is not known: the shared log can't be reached",
            )),
        }
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Marks").field("issued_at", &self.issued_at).finish_non_exhaustive()
    }
}
