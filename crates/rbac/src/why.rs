//! Why somebody may, or may not.

use std::fmt::{self, Write};

use gambeson_core::{Access, Principal, SystemClock, escape_controls};

use crate::bits::PermissionId;
use crate::decision::Decision;
use crate::effective::Situation;
use crate::lineage::{Effect, RoleRule};
use crate::policy::{Asker, PartyNames, Policy};
use crate::table::Rule;
use crate::who::Doubt;

/// So many rules are told for one caller.
const RULES: usize = 16;

/// The longest explanation in one line, in bytes; the audit trail keeps more than that of a detail.
const LONGEST_LINE: usize = 512;

/// Why a decision is as it is; [`Policy::why`] tells it.
///
/// It names rules and roles, so it is for operators: never put it into an answer to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Why {
    /// What was asked for: a permission, or method and route template.
    pub asked: Box<str>,
    /// How it ends.
    pub decision: Decision,
    /// What decided.
    pub stage: Stage,
    /// The permission that is needed, when it came to one.
    pub permission: Option<Box<str>>,
    /// What is said about the caller.
    pub caller: Side,
    /// What is said about who acts for the caller (RFC 8693 §4.1), if somebody does.
    pub actor: Option<Side>,
    /// What would have to be granted, when nothing denies it.
    pub missing: Option<MissingGrant>,
    /// The role that would let the caller once it is activated; without that it is kept apart from the caller's others.
    pub activate: Option<Box<str>>,
    /// Which names may be meant in place of those that the policy does not have; [`Policy::why_roles`] tells it.
    pub meant: Option<Box<str>>,
    /// Why it is not known which roles the caller has, if it is not.
    pub doubt: Option<&'static str>,
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// There is no such route, and no fallback: 404.
    Route,
    /// The route has no such method: 405.
    Method,
    /// The route is public.
    Public,
    /// The policy has no such permission: 503.
    Permission,
    /// It is not known which roles the caller has: 503.
    Caller,
    /// The roles of the caller.
    Roles,
    /// The roles of who acts for the caller; the caller's own would do.
    Actor,
}

impl Stage {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Method => "method",
            Self::Public => "public",
            Self::Permission => "permission",
            Self::Caller => "caller",
            Self::Roles => "roles",
            Self::Actor => "actor",
        }
    }
}

/// What a policy says about one of those who call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Side {
    /// The rules about the permission that the roles lead to: denials first, at most 16.
    pub rules: Vec<RoleRule>,
    /// Roles that grant nothing, because the policy keeps them apart.
    pub kept_apart: Vec<Box<str>>,
    /// Roles that were claimed and that the policy does not know, at most 16. Strangers wrote them.
    pub unknown_roles: Vec<Box<str>>,
}

/// A grant that would change the decision.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingGrant {
    /// The permission.
    pub permission: Box<str>,
    /// The narrowest role that gives it.
    pub role: Option<Box<str>>,
    /// The narrowest business role that gives it.
    pub business_role: Option<Box<str>>,
}

impl Policy {
    /// Why `principal` may or may not do something: `asked` is a permission, or method and template of a route that
    /// the policy declares, as in a test row.
    ///
    /// ```
    /// use gambeson_core::Principal;
    /// use gambeson_rbac::{Decision, Policy};
    ///
    /// let policy = Policy::parse(r#"
    ///     version = 1
    ///     [permissions]
    ///     "notes:read" = {}
    ///     "notes:delete" = {}
    ///     [roles]
    ///     viewer = { grants = ["notes:read"] }
    ///     keeper = { inherits = ["viewer"], grants = ["notes:delete"] }
    ///     [routes]
    ///     "DELETE /notes/{id}" = { perm = "notes:delete" }
    /// "#)?;
    /// let bob = Principal::user("https://id.example", "bob").role("viewer").build();
    /// let why = policy.why(&bob, "DELETE /notes/{id}");
    /// assert_eq!(why.decision, Decision::Deny);
    /// assert_eq!(why.line(), "no role of the caller grants notes:delete; role keeper gives it");
    /// # Ok::<(), gambeson_rbac::PolicyError>(())
    /// ```
    #[must_use]
    pub fn why(&self, principal: &Principal, asked: &str) -> Why {
        self.why_in(principal, asked, &Situation::at(&SystemClock::new()))
    }

    /// [`Policy::why`] by another clock, or upon a record.
    #[must_use]
    pub fn why_in(&self, principal: &Principal, asked: &str, situation: &Situation<'_>) -> Why {
        let names = self.names(principal);
        let asker = names.as_ref().map(PartyNames::asker).map_err(|doubt| *doubt);
        self.why_of(asker.as_ref().map_err(|doubt| *doubt), asked, situation)
    }

    /// Why a caller who has exactly these roles may or may not do something; see [`Policy::why`]. Of names that the policy does
    /// not have it tells which ones may be meant ([`Why::meant`]).
    #[must_use]
    pub fn why_roles<'a>(&self, roles: impl IntoIterator<Item = &'a str>, asked: &str) -> Why {
        let asker = Asker { roles: roles.into_iter().collect(), ..Asker::default() };
        let why = self.why_of(Ok(&asker), asked, &Situation::at(&SystemClock::new()));
        Why { meant: self.meant(&why), ..why }
    }

    pub(crate) fn why_of(
        &self,
        asker: Result<&Asker<'_>, Doubt>,
        asked: &str,
        situation: &Situation<'_>,
    ) -> Why {
        let Some((method, template)) = asked.split_once(' ') else {
            return self.explain_permission(asker, asked, asked, situation);
        };
        let table = self.table();
        let rule = match table.find(template) {
            Some(_) => table.rule_named(method, template).ok_or(Stage::Method),
            None => table.fallback().ok_or(Stage::Route),
        };
        match rule {
            Err(stage) => Why::at(asked, Decision::Deny, stage),
            Ok(rule) if rule.is_public() => Why::at(asked, Decision::Allow, Stage::Public),
            Ok(Rule { access: Access::Permission(name), .. }) => {
                self.explain_permission(asker, asked, name, situation)
            }
            Ok(_) => Why::at(asked, Decision::Indeterminate, Stage::Permission),
        }
    }

    fn explain_permission(
        &self,
        asker: Result<&Asker<'_>, Doubt>,
        asked: &str,
        permission: &str,
        situation: &Situation<'_>,
    ) -> Why {
        let Some(id) = self.permission(permission) else {
            return Why::at(asked, Decision::Indeterminate, Stage::Permission);
        };
        let asker = match asker {
            Ok(asker) => asker,
            Err(doubt) => {
                return Why {
                    permission: Some(permission.into()),
                    doubt: Some(doubt.as_str()),
                    ..Why::at(asked, Decision::Indeterminate, Stage::Caller)
                };
            }
        };
        let own = self.decide_as(&Asker { actor: None, ..asker.clone() }, id, situation);
        let decision = self.decide_as(asker, id, situation);
        let stage = if own == decision { Stage::Roles } else { Stage::Actor };
        let mut why = Why {
            permission: Some(permission.into()),
            caller: self.side_of(&asker.roles, &asker.activated, permission, situation),
            actor: asker.actor.as_ref().map(|roles| self.side_of(roles, &[], permission, situation)),
            ..Why::at(asked, decision, stage)
        };
        if decision == Decision::Deny && why.denials().next().is_none() {
            why.activate = self.activation(asker, &why, id, situation);
            let missing = self.missing(permission, id);
            // What is granted at times or for some records is told by its rule.
            let is_told =
                missing.role.is_none() && missing.business_role.is_none() && why.grants().next().is_some();
            why.missing = (!is_told && !why.is_kept_apart()).then_some(missing);
        }
        why
    }

    /// The role that would let the caller, once it is activated.
    fn activation(
        &self,
        asker: &Asker<'_>,
        why: &Why,
        id: PermissionId,
        situation: &Situation<'_>,
    ) -> Option<Box<str>> {
        let helps = |role: &str| {
            let mut activated = asker.activated.clone();
            activated.push(role);
            self.decide_as(&Asker { activated, ..asker.clone() }, id, situation) != Decision::Deny
        };
        why.caller.kept_apart.iter().take(RULES).find(|role| helps(role)).cloned()
    }

    fn missing(&self, permission: &str, id: PermissionId) -> MissingGrant {
        let giver = self.givers().of(self, id);
        let name = |number: Option<usize>| number.map(|number| self.role_name(number).into());
        MissingGrant {
            permission: permission.into(),
            role: name(giver.role),
            business_role: name(giver.business_role),
        }
    }

    fn side_of(
        &self,
        roles: &[&str],
        activated: &[&str],
        permission: &str,
        situation: &Situation<'_>,
    ) -> Side {
        let kept_apart = self.kept_apart(roles, activated);
        let all = roles.iter().chain(activated).copied();
        let mut rules = self.rules_about(all.clone(), permission, situation, RULES);
        for rule in &mut rules {
            let through = rule.path.first();
            if rule.effect == Effect::Grants && through.is_some_and(|role| kept_apart.contains(role)) {
                rule.holds = Some(false);
            }
        }
        let unknown = all.filter(|name| self.role_number(name).is_none());
        Side { rules, kept_apart, unknown_roles: unknown.take(RULES).map(Box::from).collect() }
    }
}

impl Why {
    fn at(asked: &str, decision: Decision, stage: Stage) -> Self {
        Self {
            asked: asked.into(),
            decision,
            stage,
            permission: None,
            caller: Side::default(),
            actor: None,
            missing: None,
            activate: None,
            meant: None,
            doubt: None,
        }
    }

    /// What the stage that decided says: the actor's side when it was the actor's.
    fn decisive(&self) -> &Side {
        match &self.actor {
            Some(actor) if self.stage == Stage::Actor => actor,
            _ => &self.caller,
        }
    }

    /// The denials of the side that decided, as far as they hold.
    fn denials(&self) -> impl Iterator<Item = &RoleRule> {
        self.decisive().rules.iter().filter(|rule| rule.effect == Effect::Denies && rule.holds == Some(true))
    }

    /// The grants of the side that decided, those that hold before those that may.
    fn grants(&self) -> impl Iterator<Item = &RoleRule> {
        let all = || self.decisive().rules.iter().filter(|rule| rule.effect == Effect::Grants);
        all().filter(|rule| rule.holds == Some(true)).chain(all().filter(|rule| rule.holds != Some(true)))
    }

    /// Whether a role of the side that decided would grant it, were it not kept apart from others.
    fn is_kept_apart(&self) -> bool {
        let apart = &self.decisive().kept_apart;
        self.grants().any(|rule| rule.path.first().is_some_and(|role| apart.contains(role)))
    }

    /// What can't be told without the record, or with this one.
    fn open(&self) -> impl Iterator<Item = &RoleRule> {
        self.decisive().rules.iter().filter(|rule| rule.holds.is_none())
    }

    /// The reason in one line of at most 512 bytes, without what strangers wrote: what audit events carry.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = self.reason();
        if let Some(missing) = &self.missing {
            let _ = write!(line, "; {missing}");
        }
        if let Some(role) = &self.activate {
            let _ = write!(line, "; activate {role}");
        }
        cut(line)
    }

    /// What decided, in words.
    fn reason(&self) -> String {
        let permission = self.permission.as_deref().unwrap_or(&self.asked);
        let who = if self.stage == Stage::Actor { "the actor" } else { "the caller" };
        match (self.stage, self.decision) {
            (Stage::Route, _) => "the policy has no such route and no fallback".into(),
            (Stage::Method, _) => "the route has no such method".into(),
            (Stage::Public, _) => "the route is public".into(),
            (Stage::Permission, _) => "the policy does not declare this permission".into(),
            (Stage::Caller, _) => self.doubt.unwrap_or("the caller's roles are not known").into(),
            (_, Decision::Allow) => self.grants().next().map_or("allowed".into(), RoleRule::to_string),
            (_, Decision::Conditional) => match self.open().next() {
                Some(rule) => format!("it depends on the record: {rule}"),
                None => "it depends on the record".into(),
            },
            (_, Decision::Indeterminate) => match self.open().next() {
                Some(rule) => format!("the record can't tell: {rule}"),
                None => format!("{permission} could not be decided"),
            },
            (_, Decision::Deny) => match (self.denials().next(), self.grants().next()) {
                (Some(denial), _) => denial.to_string(),
                (None, Some(grant)) => match self.decisive().kept_apart.is_empty() {
                    true => format!("no grant of {who} holds: {grant}"),
                    false => format!("{who} has roles that are kept apart, so they grant nothing: {grant}"),
                },
                (None, None) => format!("no role of {who} grants {permission}"),
            },
        }
    }
}

/// `role keeper gives it, business role Team Lead too`.
impl fmt::Display for MissingGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.role, &self.business_role) {
            (Some(role), Some(business)) => write!(f, "role {role} gives it, or business role {business}"),
            (Some(role), None) => write!(f, "role {role} gives it"),
            (None, Some(business)) => write!(f, "business role {business} gives it"),
            (None, None) => f.write_str("no role gives it"),
        }
    }
}

/// Several lines for a terminal, safe for it.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.decision.as_str(), escape_controls(&self.asked))?;
        if let Some(permission) = self.permission.as_deref().filter(|name| **name != *self.asked) {
            write!(f, " asks for {permission}")?;
        }
        write!(f, "\n  stage: {}\n  reason: {}", self.stage.as_str(), escape_controls(&self.reason()))?;
        self.caller.tell(f, "the caller")?;
        if let Some(actor) = &self.actor {
            actor.tell(f, "the actor")?;
        }
        if let Some(role) = &self.activate {
            write!(f, "\n  cure: activate {}", escape_controls(role))?;
        }
        if let Some(meant) = &self.meant {
            write!(f, "\n  cure: {}", escape_controls(meant))?;
        }
        match &self.missing {
            Some(missing) => {
                let told = missing.to_string();
                write!(f, "\n  nearest missing grant: {}: {}", missing.permission, escape_controls(&told))
            }
            None => Ok(()),
        }
    }
}

impl Side {
    fn tell(&self, f: &mut fmt::Formatter<'_>, who: &str) -> fmt::Result {
        for rule in &self.rules {
            write!(f, "\n  {who}: {}", escape_controls(&rule.to_string()))?;
        }
        for role in &self.kept_apart {
            write!(
                f,
                "\n  {who}: role {} is kept apart from others and grants nothing",
                escape_controls(role)
            )?;
        }
        for role in &self.unknown_roles {
            write!(
                f,
                "\n  {who}: role {} is unknown to the policy and grants nothing",
                escape_controls(role)
            )?;
        }
        Ok(())
    }
}

fn cut(mut line: String) -> String {
    const MORE: &str = "…";
    if line.len() > LONGEST_LINE {
        let end = (0..=LONGEST_LINE - MORE.len()).rev().find(|end| line.is_char_boundary(*end));
        line.truncate(end.unwrap_or_default());
        line.push_str(MORE);
    }
    line
}
