//! The claims: read in one pass, checked against the policy.

use std::slice;

use gambeson_core::Timestamp;

use super::json::{Json, Keep, Members, read_object};
use crate::binding::Binding;
use crate::error::{Reason, TokenError};
use crate::policy::{Policy, TokenKind, TokenProfile};

/// The claims of a token, of the right types. Whether they are true is the signature's to say.
#[derive(Debug, Clone)]
pub(crate) struct Claims<'a>(Members<'a>);

/// The member of `events` that makes a logout token (Back-Channel Logout 1.0 §2.4).
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// What to keep of the claims that are looked at by name; the policy adds its own.
fn keep(name: &str, policy: &Policy) -> Keep {
    match name {
        "exp" | "nbf" | "iat" | "auth_time" => Keep::Integer,
        "iss" | "sub" | "aud" | "jti" | "sid" | "client_id" | "azp" | "acr" | "amr" | "act" | "cnf"
        | "at_hash" | "c_hash" | "events" | "nonce" => Keep::Value,
        _ if policy.wants(name) => Keep::Value,
        _ => Keep::Nothing,
    }
}

impl<'a> Claims<'a> {
    /// Reads the payload: one JSON object, no name twice, whole seconds where seconds belong.
    pub(crate) fn read(payload: &'a str, policy: &Policy) -> Result<Self, TokenError> {
        read_object(payload, |name| keep(name, policy))
            .map(Self)
            .map_err(|error| TokenError::with(Reason::Malformed, format!("claims: {error}")))
    }

    /// What denials look at, of claims that were verified before.
    pub(crate) fn verified(payload: &'a str) -> Result<Self, TokenError> {
        let keep = |name: &str| match name {
            "iat" => Keep::Integer,
            "iss" | "sub" | "jti" | "sid" => Keep::Value,
            _ => Keep::Nothing,
        };
        read_object(payload, keep)
            .map(Self)
            .map_err(|error| TokenError::with(Reason::Malformed, format!("claims: {error}")))
    }

    /// All that the policy asks of claims, in the order of how telling the answer is.
    pub(crate) fn check(&self, policy: &Policy, now: Timestamp) -> Result<(), TokenError> {
        self.check_issuer(policy)?;
        self.check_audience(policy)?;
        self.check_times(policy, now)?;
        self.check_purpose(policy)?;
        self.check_required(policy)?;
        self.check_rules(policy)
    }

    /// A string claim; absent is `None`, any other type an error.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, TokenError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(_) => Err(wrong_type(name, "a string")),
        }
    }

    /// A claim of one string or several; absent is none.
    pub(crate) fn texts(&self, name: &str) -> Result<Texts<'_, 'a>, TokenError> {
        texts_of(self.0.get(name), name)
    }

    pub(crate) fn seconds(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(Json::Integer(seconds)) => Some(*seconds),
            _ => None,
        }
    }

    /// What the token is bound to.
    pub(crate) fn binding(&self) -> Result<Binding, TokenError> {
        Binding::read(self.0.get("cnf"))
    }

    pub(crate) fn members(&self) -> &Members<'a> {
        &self.0
    }

    pub(crate) fn check_issuer(&self, policy: &Policy) -> Result<(), TokenError> {
        let wanted = &*policy.issuer;
        let got = self.text("iss")?.ok_or_else(|| missing("iss", Reason::Issuer))?;
        if let Some(tenants) = &policy.tenants {
            return tenants.check(got, self.text(&tenants.claim)?);
        }
        if got == wanted {
            return Ok(());
        }
        let slash = if got.trim_end_matches('/') == wanted.trim_end_matches('/') {
            "; they differ in a trailing slash only: configure the issuer exactly as it calls itself"
        } else {
            ""
        };
        Err(TokenError::with(Reason::Issuer, format!("iss is {got:?}, wanted {wanted:?}{slash}")))
    }

    pub(crate) fn check_audience(&self, policy: &Policy) -> Result<(), TokenError> {
        let claim = &*policy.audience_claim;
        let got = self.texts(claim)?;
        if got.len() == 0 {
            return Err(missing(claim, Reason::Audience));
        }
        if got.clone().any(|aud| policy.audiences.iter().any(|wanted| **wanted == *aud)) {
            return Ok(());
        }
        let (got, wanted) = (got.collect::<Vec<_>>(), &policy.audiences);
        Err(TokenError::with(
            Reason::Audience,
            format!(
                "{claim} is {got:?}, wanted one of {wanted:?}: ask for a token for this API, or configure its name"
            ),
        ))
    }

    /// The end is there, and no time is against the token.
    pub(crate) fn check_times(&self, policy: &Policy, now: Timestamp) -> Result<(), TokenError> {
        self.seconds("exp").ok_or_else(|| missing("exp", Reason::Expired))?;
        self.check_given_times(policy, now)
    }

    /// What there is of `exp`, `iat` and `nbf` is not against the token.
    pub(crate) fn check_given_times(&self, policy: &Policy, now: Timestamp) -> Result<(), TokenError> {
        let exp = self.seconds("exp");
        let leeway = i64::try_from(policy.leeway.as_secs()).unwrap_or(i64::MAX);
        let now = now.unix_seconds();
        if let Some(exp) = exp.filter(|exp| exp.saturating_add(leeway) <= now) {
            let ago = now.saturating_sub(exp);
            return Err(TokenError::with(Reason::Expired, format!("expired {ago} s ago")));
        }
        let ahead = |name| self.seconds(name).map(|at| at.saturating_sub(now)).filter(|wait| *wait > leeway);
        if let Some(wait) = ahead("iat") {
            let text = format!("issued {wait} s in the future: the clock here or at the issuer is wrong");
            return Err(TokenError::with(Reason::ClockSkew, text));
        }
        if let Some(wait) = ahead("nbf") {
            return Err(TokenError::with(Reason::NotYetValid, format!("valid in {wait} s")));
        }
        exp.map_or(Ok(()), |exp| self.check_lifetime(policy, exp, now))
    }

    /// Without `iat` the time that is left stands for the lifetime.
    fn check_lifetime(&self, policy: &Policy, exp: i64, now: i64) -> Result<(), TokenError> {
        let lifetime = exp.saturating_sub(self.seconds("iat").unwrap_or(now));
        let max = i64::try_from(policy.max_lifetime.as_secs()).unwrap_or(i64::MAX);
        if lifetime > max {
            let text = format!(
                "valid for {lifetime} s, allowed are {max} s (max_token_lifetime, or a denylist's keep)"
            );
            return Err(TokenError::with(Reason::Lifetime, text));
        }
        Ok(())
    }

    /// An ID token has the marks of one; that it is not bound to a sender is no matter, as it is no credential.
    pub(crate) fn check_purpose(&self, policy: &Policy) -> Result<(), TokenError> {
        match policy.kind {
            TokenKind::Id if self.0.get("events").is_some() => {
                return Err(TokenError::with(Reason::Purpose, "events marks a security event"));
            }
            TokenKind::Id => return Ok(()),
            TokenKind::Logout => return self.check_logout(),
            TokenKind::Access(_) => {}
        }
        self.binding()?;
        let marks: &[&str] =
            if policy.takes_id_tokens { &["events"] } else { &["at_hash", "c_hash", "events"] };
        match marks.iter().find(|name| self.0.get(name).is_some()) {
            Some(name) => Err(TokenError::with(
                Reason::Purpose,
                format!("{name} marks an ID token or a security event, not an access token"),
            )),
            None => Ok(()),
        }
    }

    /// A logout token (OpenID Connect Back-Channel Logout 1.0 §2.4): its one event is the logout, it names whom or what it ends,
    /// and nothing in it lets it pass for an ID token.
    fn check_logout(&self) -> Result<(), TokenError> {
        let wrong = |text| Err(TokenError::with(Reason::Purpose, text));
        let Some(Json::Object(events)) = self.0.get("events") else {
            return wrong("events is no object: not a logout token");
        };
        let mut events = events.iter();
        match (events.next(), events.next()) {
            (Some((LOGOUT_EVENT, Json::Object(_))), None) => {}
            _ => return wrong("events is not the logout event alone"),
        }
        if self.0.get("nonce").is_some() {
            return wrong("nonce marks an ID token");
        }
        for name in ["sub", "sid"] {
            if self.text(name)?.is_some_and(str::is_empty) {
                return Err(TokenError::with(Reason::Malformed, format!("{name} is empty")));
            }
        }
        match self.0.get("sub").or(self.0.get("sid")) {
            Some(_) => Ok(()),
            None => Err(TokenError::with(Reason::MissingClaim, "sub and sid are both missing")),
        }
    }

    pub(crate) fn check_required(&self, policy: &Policy) -> Result<(), TokenError> {
        let texts: &[&str] = match policy.kind {
            TokenKind::Access(TokenProfile::AccessToken) => &["sub", "client_id", "jti"],
            TokenKind::Access(TokenProfile::JwtLenient) | TokenKind::Id => &["sub"],
            TokenKind::Logout => &["jti"],
        };
        for name in texts {
            if self.text(name)?.is_none_or(str::is_empty) {
                return Err(missing(name, Reason::MissingClaim));
            }
        }
        if policy.kind != TokenKind::Access(TokenProfile::JwtLenient) && self.seconds("iat").is_none() {
            return Err(missing("iat", Reason::MissingClaim));
        }
        Ok(())
    }
}

impl Claims<'_> {
    /// What the issuer's own rules ask for.
    pub(crate) fn check_rules(&self, policy: &Policy) -> Result<(), TokenError> {
        policy.rules.iter().try_for_each(|rule| rule.check(&self.0))
    }
}

/// A value of one string or a list of strings.
pub(crate) fn texts_of<'v, 'a>(value: Option<&'v Json<'a>>, name: &str) -> Result<Texts<'v, 'a>, TokenError> {
    let items = match value {
        None => &[],
        Some(Json::List(items)) => items.as_slice(),
        Some(one) => slice::from_ref(one),
    };
    match items.iter().all(|item| matches!(item, Json::Text(_))) {
        true => Ok(Texts(items.iter())),
        false => Err(wrong_type(name, "a string or a list of strings")),
    }
}

/// A value of one string or a list of strings, or of objects that say them: roles and groups may have SCIM's shape
/// (RFC 9068 §2.2.3.1). What an object is called for people (`display`) is passed over: whoever keeps the group can change it.
pub(crate) fn values_of<'v, 'a>(
    value: Option<&'v Json<'a>>,
    name: &str,
) -> Result<Texts<'v, 'a>, TokenError> {
    match value {
        Some(Json::List(items)) if items.iter().all(|item| item.said().is_some()) => Ok(Texts(items.iter())),
        Some(Json::List(_)) => Err(wrong_type(name, "a list of strings, or of objects with a value")),
        one => texts_of(one, name),
    }
}

/// The strings of a claim, where they are. Made by [`texts_of`] and [`values_of`] only, so each item says one.
#[derive(Debug, Clone)]
pub(crate) struct Texts<'v, 'a>(slice::Iter<'v, Json<'a>>);

impl<'v> Iterator for Texts<'v, '_> {
    type Item = &'v str;

    fn next(&mut self) -> Option<&'v str> {
        self.0.next()?.said()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Texts<'_, '_> {}

fn missing(name: &str, reason: Reason) -> TokenError {
    TokenError::with(reason, format!("{name} is missing"))
}

fn wrong_type(name: &str, wanted: &str) -> TokenError {
    TokenError::with(Reason::Malformed, format!("{name} is not {wanted}"))
}
