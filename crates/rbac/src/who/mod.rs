//! From callers to the names of their roles.
//!
//! Without `[claims]` and `[services]` in the policy, roles are as the principal has them. With one of them, an issuer of
//! whom the policy says nothing gives no roles: otherwise one issuer could hand out the role names of another.

mod claim_map;
mod claim_path;
mod preset;
mod services;
mod tenants;

use std::borrow::Cow;
use std::collections::HashMap;

use gambeson_core::{Principal, PrincipalKind};

pub(crate) use self::claim_map::ClaimMap;
pub(crate) use self::claim_path::ClaimPath;
pub(crate) use self::preset::Preset;
pub(crate) use self::services::{SPIFFE, Services, trust_domain};
pub(crate) use self::tenants::Tenants;
use crate::noted::Noted;

/// Why it is not known which roles a caller has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// The token leaves out groups and says where to ask for them.
    Overage,
    /// A claim is not of a shape that the mapping knows.
    Shape,
    /// The caller says to be in a tenant that the issuer may not name.
    Tenant,
}

impl Doubt {
    /// The cause, for logs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Overage => {
                "the caller's token leaves groups out, because they are too many: give app roles, or have the issuer send \
                 only the groups that are assigned to the app"
            }
            Self::Shape => "a claim that roles come from is neither a text nor a list of texts",
            Self::Tenant => {
                "the caller's issuer may not name the caller's tenant: list it in `tenants` of the issuer's [claims], or leave it \
                 out of the token"
            }
        }
    }
}

/// The names of a caller's roles.
#[derive(Debug, Default)]
pub(crate) struct RoleNames<'a> {
    /// Those that the principal has, as they are.
    claimed: Option<&'a Principal>,
    mapped: Vec<Cow<'a, str>>,
}

impl<'a> RoleNames<'a> {
    fn claimed(caller: &'a Principal) -> Self {
        Self { claimed: Some(caller), mapped: Vec::new() }
    }

    fn mapped(mapped: Vec<Cow<'a, str>>) -> Self {
        Self { claimed: None, mapped }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let claimed = self.claimed.into_iter().flat_map(Principal::roles);
        claimed.chain(self.mapped.iter().map(|name| &**name))
    }
}

#[cfg(test)]
thread_local! {
    static LOOKED_UP: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How often this thread has looked up the roles of somebody.
#[cfg(test)]
pub(crate) fn looked_up() -> usize {
    LOOKED_UP.get()
}

/// Who has which roles, as the policy says it.
#[derive(Debug, Default)]
pub(crate) struct Who {
    /// By issuer; `None`: the policy has no `[claims]`.
    pub(crate) claims: Option<HashMap<Box<str>, ClaimMap>>,
    /// `None`: the policy has no `[services]`.
    pub(crate) services: Option<Services>,
    strangers: Noted,
}

impl Who {
    /// The roles of one caller, its actor left aside. Persons have those that `[claims]` gives them, services and devices
    /// those of `[services]`: neither matches an entry of the other.
    ///
    /// # Errors
    /// It is not known.
    pub(crate) fn roles<'a>(&'a self, caller: &'a Principal) -> Result<RoleNames<'a>, Doubt> {
        #[cfg(test)]
        LOOKED_UP.set(looked_up() + 1);
        if self.takes_as_claimed(caller) {
            return Ok(RoleNames::claimed(caller));
        }
        if self.usurps_tenant(caller) {
            return Err(Doubt::Tenant);
        }
        let is_person = caller.kind() == PrincipalKind::User;
        match (&self.claims, &self.services) {
            (Some(claims), _) if is_person => match claims.get(caller.issuer()) {
                Some(map) => map.roles(caller),
                None => {
                    self.note_stranger(caller.issuer());
                    Ok(RoleNames::default())
                }
            },
            (_, services) => Ok(self.of_service(services.as_ref(), caller)),
        }
    }

    /// Whether a caller has the roles that the principal names, as they are.
    pub(crate) fn takes_as_claimed(&self, caller: &Principal) -> bool {
        self.claims.is_none() && (self.services.is_none() || caller.kind() == PrincipalKind::User)
    }

    /// Whether a person is in this group, by what `[claims]` says of its issuer where the policy has it; `false` too where that
    /// is not known.
    pub(crate) fn is_in_group(&self, caller: &Principal, group: &str) -> bool {
        let is_person = caller.kind() == PrincipalKind::User;
        is_person
            && match &self.claims {
                None => caller.groups().any(|own| *own == *group),
                Some(claims) => {
                    let map = claims.get(caller.issuer()).filter(|map| map.of_persons);
                    map.is_some_and(|map| map.is_in_group(caller, group))
                }
            }
    }

    /// The tenant of a caller, if its issuer may name it. Of several issuers, each may name only what its table says; so one can't
    /// put its callers among those of another.
    pub(crate) fn tenant<'a>(&self, caller: &'a Principal) -> Option<&'a str> {
        let tenant = caller.tenant()?;
        let may = self.may_name(caller.issuer(), tenant);
        if !may {
            self.note_tenant(caller.issuer(), tenant);
        }
        may.then_some(tenant)
    }

    /// The tenants that an issuer with a table may name; `None`: none.
    fn named_by(&self, issuer: &str) -> Option<&Tenants> {
        let of_only = (!self.has_several_issuers()).then_some(Tenants::all());
        self.claims.as_ref()?.get(issuer)?.tenants.as_ref().or(of_only)
    }

    /// Whether the policy says which tenants issuers may name, and the caller's may not name the caller's. What such a caller does
    /// would be counted and recorded as another's.
    pub(crate) fn usurps_tenant(&self, caller: &Principal) -> bool {
        let says = || self.claims.iter().flatten().any(|(_, map)| map.tenants.is_some());
        caller.tenant().is_some() && says() && self.tenant(caller).is_none()
    }

    /// Whether persons come from more than one issuer, so that a group or a subject alone names nobody.
    pub(crate) fn has_several_issuers(&self) -> bool {
        self.claims.iter().flatten().filter(|(_, map)| map.of_persons).count() > 1
    }

    /// Every issuer with a table that may name tenants, and which.
    pub(crate) fn namings(&self) -> impl Iterator<Item = (&str, &Tenants)> {
        let issuers = self.claims.iter().flat_map(HashMap::keys);
        issuers.filter_map(|issuer| Some((&**issuer, self.named_by(issuer)?)))
    }

    /// Whether an issuer may name a tenant, or all that a name of a list stands for.
    pub(crate) fn may_name(&self, issuer: &str, tenant: &str) -> bool {
        self.claims.is_none() || self.named_by(issuer).is_some_and(|named| named.has(tenant))
    }

    fn of_service<'a>(&self, services: Option<&'a Services>, caller: &'a Principal) -> RoleNames<'a> {
        match services.and_then(|services| services.roles(caller)) {
            Some(roles) => RoleNames::mapped(roles.iter().map(|role| Cow::Borrowed(&**role)).collect()),
            None => {
                self.note_unlisted(caller);
                RoleNames::default()
            }
        }
    }

    fn note_tenant(&self, issuer: &str, tenant: &str) {
        if self.strangers.is_new(&format!("{issuer} {tenant}")) {
            let issuer = gambeson_core::escape_controls(issuer);
            let tenant = gambeson_core::escape_controls(tenant);
            tracing::warn!(%issuer, %tenant, "the policy does not let this issuer name this tenant, so its callers are in none: write `tenants` in its [claims]");
        }
    }

    fn note_stranger(&self, issuer: &str) {
        if self.strangers.is_new(issuer) {
            let issuer = gambeson_core::escape_controls(issuer);
            tracing::warn!(%issuer, "the policy has no [claims] for this issuer, so its callers have no roles");
        }
    }

    fn note_unlisted(&self, caller: &Principal) {
        let name = caller.client().unwrap_or(caller.subject());
        if self.strangers.is_new(&format!("{} {name}", caller.issuer())) {
            let issuer = gambeson_core::escape_controls(caller.issuer());
            let name = gambeson_core::escape_controls(name);
            tracing::warn!(%issuer, %name, "the policy has no such entry in [services], so this service has no roles");
        }
    }
}
