//! What an answer says of a token (RFC 7662 §2.2), and what is ours to check of it (§4).

use gambeson_core::Timestamp;

use super::{Shared, unavailable};
use crate::binding::{Binding, Verified};
use crate::denylist::Marks;
use crate::error::{Reason, TokenError};
use crate::identity;
use crate::jwt::{Claims, Json, Keep, read_object};

impl Shared {
    /// Who the token's caller is, if the answer vouches for it and it is for this API.
    pub(super) fn accept(&self, text: &str, now: Timestamp) -> Result<Verified, TokenError> {
        let own = |name: &str| matches!(name, "active" | "token_type");
        let answer = read_object(text, |name| if own(name) { Keep::Value } else { Keep::Nothing })
            .map_err(|error| unavailable(&format!("not an answer: {error}")))?;
        match answer.get("active") {
            Some(Json::Bool(true)) => {}
            Some(Json::Bool(false)) => return Err(TokenError::new(Reason::Inactive)),
            _ => return Err(unavailable("the answer does not say whether the token is active")),
        }
        let policy = &self.policy;
        let claims =
            Claims::read(text, policy).map_err(|error| unavailable(error.detail().unwrap_or_default()))?;
        self.check(&claims, now)?;
        let binding = claims.binding()?;
        check_type(answer.get("token_type"), &binding)?;
        let read = |denylist| Marks::read(denylist, &claims, &policy.issuer);
        let marks = self.denylist.as_ref().map(read).transpose()?;
        Ok(Verified { principal: identity::principal(&claims, text, policy)?, binding, marks })
    }

    fn check(&self, claims: &Claims<'_>, now: Timestamp) -> Result<(), TokenError> {
        let policy = &self.policy;
        // Of several tenants nobody knows whose token it is until the answer says so.
        if policy.tenants.is_some() || claims.text("iss")?.is_some() {
            claims.check_issuer(policy)?;
        }
        if !self.any_audience {
            claims.check_audience(policy)?;
        }
        match self.denylist {
            Some(_) => claims.check_times(policy, now)?,
            None => claims.check_given_times(policy, now)?,
        }
        claims.check_purpose(policy)?;
        claims.check_rules(policy)
    }
}

/// The endpoint answers for refresh tokens too. Where it says of which type the token is, that is one of access tokens (RFC 6749 §7.1,
/// RFC 9449 §5), or their name as a hint (RFC 7009 §4.1.2), which some give.
fn check_type(stated: Option<&Json<'_>>, binding: &Binding) -> Result<(), TokenError> {
    let stated = match stated {
        None | Some(Json::Null) => return Ok(()),
        Some(Json::Text(stated)) => stated,
        Some(_) => return Err(unavailable("token_type is not a string")),
    };
    let is = |name: &str| stated.eq_ignore_ascii_case(name);
    if is("DPoP") && binding.key.is_none() {
        let text = "token_type is DPoP, and no cnf.jkt says which key it is bound to";
        return Err(TokenError::with(Reason::SenderConstrained, text));
    }
    match is("Bearer") || is("DPoP") || is("access_token") {
        true => Ok(()),
        false => Err(TokenError::with(
            Reason::Purpose,
            format!("token_type is {stated:?}, wanted Bearer or DPoP: no access token"),
        )),
    }
}
