//! From the claims of one issuer to names of roles.

use std::borrow::Cow;
use std::collections::HashMap;

use gambeson_core::Principal;

use super::claim_path::ClaimPath;
use super::{Doubt, RoleNames, Tenants};
use crate::json::{self, Value};

/// What the claims of one issuer's tokens mean.
#[derive(Debug)]
pub(crate) struct ClaimMap {
    /// Which roles the members of a group have.
    pub(crate) groups: HashMap<Box<str>, Vec<Box<str>>>,
    pub(crate) groups_at: ClaimPath,
    /// Where names of roles are; `None`: the issuer gives none by name.
    pub(crate) roles_at: Option<ClaimPath>,
    /// Which tenants it may name; `None`: the table does not say it.
    pub(crate) tenants: Option<Tenants>,
    /// Whether persons come from the issuer.
    pub(crate) of_persons: bool,
    /// Whether claims that leave groups out count as "in no group".
    pub(crate) overage_is_none: bool,
}

impl ClaimMap {
    /// The roles of a person.
    ///
    /// # Errors
    /// The claims don't say it.
    pub(super) fn roles<'a>(&'a self, caller: &'a Principal) -> Result<RoleNames<'a>, Doubt> {
        let Some(text) = caller.claims() else { return Ok(self.of_lists(caller)) };
        let claims = json::read(text).map_err(|_| Doubt::Shape)?.value;
        let mut names = Vec::new();
        if !self.groups.is_empty() {
            self.complete(&claims, &self.groups_at)?;
            for group in self.groups_at.texts(&claims)? {
                names.extend(self.of_group(&group));
            }
        }
        if let Some(roles_at) = &self.roles_at {
            self.complete(&claims, roles_at)?;
            names.extend(roles_at.texts(&claims)?);
        }
        Ok(RoleNames::mapped(names))
    }

    /// Whether the claims say that the person is in this group; `false` too where they don't say it.
    pub(super) fn is_in_group(&self, caller: &Principal, group: &str) -> bool {
        let Some(text) = caller.claims() else { return caller.groups().any(|own| *own == *group) };
        let Ok(read) = json::read(text) else { return false };
        let claims = read.value;
        self.complete(&claims, &self.groups_at).is_ok()
            && self.groups_at.texts(&claims).is_ok_and(|groups| groups.into_iter().any(|own| own == group))
    }

    /// Of a caller whom the app itself describes, without the claims of a token.
    fn of_lists<'a>(&'a self, caller: &'a Principal) -> RoleNames<'a> {
        let mut names: Vec<Cow<'a, str>> = caller.groups().flat_map(|group| self.of_group(group)).collect();
        if self.roles_at.is_some() {
            names.extend(caller.roles().map(Cow::Borrowed));
        }
        RoleNames::mapped(names)
    }

    fn of_group<'a>(&'a self, group: &str) -> impl Iterator<Item = Cow<'a, str>> {
        self.groups.get(group).into_iter().flatten().map(|role| Cow::Borrowed(&**role))
    }

    /// Makes sure that the token does not say where to ask for the claim in place of the claim (OpenID Connect Core 1.0 §5.6.2,
    /// distributed claims; Entra does so beyond 200 groups, and says `hasgroups` where the token came through a browser's address).
    fn complete(&self, claims: &Value<'_>, path: &ClaimPath) -> Result<(), Doubt> {
        let left_out = match (claims.get("_claim_names"), claims.get("_claim_sources")) {
            (None | Some(Value::Null), None | Some(Value::Null)) => false,
            (Some(names @ Value::Object(_)), _) => names.get(path.claim()).is_some(),
            // What these are is not known, so neither is what they stand for.
            _ => true,
        };
        let marked = path.claim() == self.groups_at.claim()
            && !matches!(claims.get("hasgroups"), None | Some(Value::Null | Value::Bool(false)));
        if (left_out || marked) && !self.overage_is_none { Err(Doubt::Overage) } else { Ok(()) }
    }
}
