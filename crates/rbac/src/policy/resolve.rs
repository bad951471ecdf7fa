//! What callers may do, from the roles that they have.

use gambeson_core::{Principal, escape_controls};

use super::Policy;
use super::compile::BreakGlass;
use super::constraints::Named;
use super::document::Effect;
use crate::bits::{PermissionId, contains, insert_number, members, union};
use crate::decision::Decision;
use crate::effective::{Effective, Side, Situation};
use crate::who::{Doubt, RoleNames};

/// Whose roles are asked about, by their names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asker<'a> {
    pub(crate) roles: Vec<&'a str>,
    /// Roles that were taken or activated.
    pub(crate) activated: Vec<&'a str>,
    /// The roles of who acts for the caller, if somebody does.
    pub(crate) actor: Option<Vec<&'a str>>,
}

/// The names of a caller's roles, and of those of who acts for the caller.
#[derive(Debug)]
pub(crate) struct PartyNames<'a> {
    caller: RoleNames<'a>,
    actor: Option<RoleNames<'a>>,
}

impl PartyNames<'_> {
    pub(crate) fn asker(&self) -> Asker<'_> {
        Asker {
            roles: self.caller.iter().collect(),
            activated: Vec::new(),
            actor: self.actor.as_ref().map(|names| names.iter().collect()),
        }
    }
}

/// A caller whose roles were looked up, once for all that is asked about them.
#[derive(Debug)]
pub(crate) struct Party<'a> {
    pub(crate) caller: &'a Principal,
    pub(crate) names: PartyNames<'a>,
    /// The numbers of the caller's own roles.
    own: Vec<usize>,
}

impl Party<'_> {
    /// Whether the caller has this role, not by inheritance.
    pub(crate) fn has(&self, role: usize) -> bool {
        self.own.contains(&role)
    }
}

impl Policy {
    /// A caller and what is known of their roles.
    ///
    /// # Errors
    /// It is not known which roles the caller has, or who acts for the caller.
    pub(crate) fn party<'a>(&'a self, caller: &'a Principal) -> Result<Party<'a>, Doubt> {
        let names = self.names(caller)?;
        let own = self.numbers(names.caller.iter()).collect();
        Ok(Party { caller, names, own })
    }

    /// The roles of a caller by name, the actor's too.
    ///
    /// # Errors
    /// They are not known.
    pub(crate) fn names<'a>(&'a self, principal: &'a Principal) -> Result<PartyNames<'a>, Doubt> {
        let actor = principal.actor().map(|actor| self.who.roles(actor)).transpose()?;
        Ok(PartyNames { caller: self.who.roles(principal)?, actor })
    }

    /// Decides for a caller who has exactly these roles, of whom some were taken or activated, and for whom somebody
    /// with these roles acts; unknown roles grant nothing.
    pub(crate) fn decide_as(
        &self,
        asker: &Asker<'_>,
        permission: PermissionId,
        situation: &Situation<'_>,
    ) -> Decision {
        if !self.universe.is_declared(permission) {
            return Decision::Indeterminate;
        }
        self.effective_as(asker).decide(permission, situation, &self.roles.rules)
    }

    /// What such a caller may do.
    pub(crate) fn effective_as(&self, asker: &Asker<'_>) -> Effective {
        let numbers = |names: &[&str]| -> Vec<usize> {
            names.iter().filter_map(|name| self.role_number(name)).collect()
        };
        let activated = numbers(&asker.activated);
        let user = numbers(&asker.roles).into_iter().chain(activated.iter().copied());
        let user = self.side(user, &activated);
        let actor = asker.actor.as_ref().map(|roles| self.side(numbers(roles).into_iter(), &[]));
        Effective::of(user, actor, &self.roles.rules)
    }

    /// Decides for a caller who has taken or activated these roles; `None`: they change nothing, or would take away.
    pub(crate) fn decide_with(
        &self,
        party: &Party<'_>,
        activated: &[usize],
        permission: PermissionId,
        situation: &Situation<'_>,
    ) -> Option<Decision> {
        let (last, first) = activated.split_last()?;
        if !self.universe.is_declared(permission) || !self.only_adds(party, first, *last) {
            return None;
        }
        let user = self.side(party.own.iter().chain(activated).copied(), activated);
        let actor = party.names.actor.as_ref().map(|names| self.side(self.numbers(names.iter()), &[]));
        let effective = Effective::of(user, actor, &self.roles.rules);
        Some(effective.decide(permission, situation, &self.roles.rules))
    }

    /// Decides where nothing is remembered, and remembers what depends on nothing but caller and policy.
    #[inline(never)]
    pub(super) fn decide_anew(
        &self,
        principal: &Principal,
        permission: PermissionId,
        situation: &Situation<'_>,
    ) -> Decision {
        if !self.universe.is_declared(permission) {
            return Decision::Indeterminate;
        }
        let ruled = contains(&self.roles.ruled, permission);
        if !ruled && let Some(decision) = self.decide_by_bits(principal, permission) {
            self.outcomes.put(principal.id(), permission, decision);
            return decision;
        }
        let resolve = || self.effective(principal).ok();
        self.memo.with(principal.id(), resolve, |effective| {
            let (decision, lasts) = match effective {
                None => (Decision::Indeterminate, true),
                Some(effective) => (
                    effective.decide(permission, situation, &self.roles.rules),
                    !ruled || effective.is_always(permission),
                ),
            };
            if lasts {
                self.outcomes.put(principal.id(), permission, decision);
            }
            decision
        })
    }

    /// Decides by one bit of each role, for a permission that no rule is about; `None`: the roles have to be worked out, of
    /// claims or of what may not come together.
    fn decide_by_bits(&self, principal: &Principal, permission: PermissionId) -> Option<Decision> {
        let own = |caller: &Principal| self.who.takes_as_claimed(caller);
        if !self.roles.duties.is_empty() || !own(principal) || !principal.actor().is_none_or(own) {
            return None;
        }
        // Both are looked at, so that unknown roles of either are logged.
        let actor = principal.actor().map(|actor| self.grants(actor, permission));
        let allowed = self.grants(principal, permission) && actor != Some(false);
        Some(if allowed { Decision::Allow } else { Decision::Deny })
    }

    /// Whether the roles that one caller claims grant it, and none denies it.
    fn grants(&self, caller: &Principal, permission: PermissionId) -> bool {
        let (mut granted, mut denied) = (false, false);
        for role in self.numbers(caller.roles()) {
            granted |= self.roles.allow.has(role, permission);
            denied |= self.roles.deny.has(role, permission);
        }
        granted && !denied
    }

    /// What a caller may do, actor included. Actors behind the current one only tell where a call came from
    /// (RFC 8693 §4.1).
    ///
    /// # Errors
    /// It is not known which roles one of them has.
    pub(super) fn effective(&self, principal: &Principal) -> Result<Effective, Doubt> {
        let user = self.side(self.numbers(self.who.roles(principal)?.iter()), &[]);
        let actor = match principal.actor() {
            Some(actor) => Some(self.side(self.numbers(self.who.roles(actor)?.iter()), &[])),
            None => None,
        };
        Ok(Effective::of(user, actor, &self.roles.rules))
    }

    /// The numbers of roles; unknown ones are logged.
    fn numbers<'a>(&self, names: impl Iterator<Item = &'a str>) -> impl Iterator<Item = usize> {
        names.filter_map(|name| {
            let number = self.role_number(name);
            if number.is_none() {
                self.note_unknown_role(name);
            }
            number
        })
    }

    pub(crate) fn has_several_issuers(&self) -> bool {
        self.who.has_several_issuers()
    }

    /// Whether a caller has this role, and separation of duties lets it grant.
    fn keeps_role(&self, party: &Party<'_>, role: usize) -> bool {
        party.has(role) && !self.roles.duties.inactive(&party.own, &[]).has(role)
    }

    pub(crate) fn role_number(&self, name: &str) -> Option<usize> {
        self.roles.index.get(name).copied()
    }

    /// Whether all that are active stay so, and `role` is active too, once it is activated beside these.
    ///
    /// What a caller's own roles allow is decided without a look at activations, so these may never take away.
    pub(crate) fn only_adds(&self, party: &Party<'_>, activated: &[usize], role: usize) -> bool {
        let own = &party.own;
        let inactive = |activated: &[usize]| {
            let all: Vec<usize> = own.iter().chain(activated).copied().collect();
            self.roles.duties.inactive(&all, activated)
        };
        let (before, after) = (inactive(&[]), inactive(&[activated, &[role]].concat()));
        let stays = |own: &usize| before.has(*own) || !after.has(*own);
        own.iter().all(stays) && activated.iter().chain([&role]).all(|role| !after.has(*role))
    }

    /// How the policy lets this caller take a role for a short time.
    pub(crate) fn break_glass(&self, role: usize, party: &Party<'_>) -> Option<&BreakGlass> {
        let rule = self.roles.break_glass.iter().find(|rule| rule.role == role)?;
        let is_named = |named: &Named| match named {
            Named::Group(name) => self.who.is_in_group(party.caller, name),
            Named::Role(name) => self.role_number(name).is_some_and(|role| self.keeps_role(party, role)),
        };
        rule.who.iter().any(is_named).then_some(rule)
    }

    /// What these roles give together.
    fn side(&self, roles: impl Iterator<Item = usize>, activated: &[usize]) -> Side {
        let mut sum = Sum::new(self);
        if self.roles.duties.is_empty() {
            roles.for_each(|role| sum.add(role));
            return sum.side();
        }
        let roles: Vec<usize> = roles.collect();
        let inactive = self.roles.duties.inactive(&roles, activated);
        if inactive.by_static {
            self.note_conflict(&roles);
        }
        for role in roles {
            match inactive.has(role) {
                true => sum.add_denials(role),
                false => sum.add(role),
            }
        }
        sum.side()
    }

    fn note_unknown_role(&self, name: &str) {
        if self.unknown_roles.is_new(name) {
            let role = escape_controls(name);
            tracing::warn!(%role, "a caller claims a role that the policy does not know; it grants nothing");
        }
    }

    fn note_conflict(&self, roles: &[usize]) {
        let names: Vec<&str> =
            roles.iter().filter_map(|role| self.roles.names.get(*role)).map(|name| &**name).collect();
        let roles = names.join(", ");
        if self.conflicts.is_new(&roles) {
            tracing::warn!(%roles, "a caller has roles that the policy keeps apart; those grant nothing");
        }
    }
}

/// Roles as they are put together.
struct Sum<'p> {
    policy: &'p Policy,
    granted: Box<[u64]>,
    denied: Box<[u64]>,
    held: Vec<u64>,
}

impl<'p> Sum<'p> {
    fn new(policy: &'p Policy) -> Self {
        let empty = || policy.universe.no_permissions();
        Self { policy, granted: empty(), denied: empty(), held: vec![0; policy.roles.held.words()] }
    }

    fn add(&mut self, role: usize) {
        let roles = &self.policy.roles;
        union(&mut self.granted, roles.allow.row(role));
        union(&mut self.denied, roles.deny.row(role));
        union(&mut self.held, roles.held.row(role));
    }

    /// A role that may not come with the others grants nothing, and still denies.
    fn add_denials(&mut self, role: usize) {
        let roles = &self.policy.roles;
        union(&mut self.denied, roles.deny.row(role));
        for number in members(roles.held.row(role)) {
            if roles.rules.get(number as usize).is_some_and(|rule| rule.effect == Effect::Deny) {
                insert_number(&mut self.held, number as usize);
            }
        }
    }

    fn side(self) -> Side {
        Side { granted: self.granted, denied: self.denied, rules: members(&self.held).collect() }
    }
}
