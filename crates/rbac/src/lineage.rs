//! Which rules of which roles are about a permission, and how a caller comes by them.

use std::collections::HashMap;

use crate::condition::{Attributes, Condition, Typed};
use crate::effective::Situation;
use crate::policy::{self, At, Clause, Policy, matches};

/// So many roles are looked at for one caller; policies with more behind one caller are explained in part.
const LOOKED_AT: usize = 4_096;

/// A grant or a denial, as a role of the policy has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RoleRule {
    /// Whether it grants or denies.
    pub effect: Effect,
    /// The permission or wildcard, as it is written.
    pub pattern: Box<str>,
    /// For which records and at which times it holds, in words; empty: for all, always.
    pub limits: Box<str>,
    /// Whether it holds in the situation that was asked about; `None`: that depends on the record.
    pub holds: Option<bool>,
    /// The way to it: the role that the caller has, then what it inherits from, at last the role that has the rule.
    pub path: Vec<Box<str>>,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Effect {
    /// It denies, whatever grants.
    Denies,
    /// It grants.
    Grants,
}

/// `viewer → base grants notes:* when urgent is true`.
impl std::fmt::Display for RoleRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verb = match self.effect {
            Effect::Denies => "denies",
            Effect::Grants => "grants",
        };
        write!(f, "{} {verb} {}{}", self.path.join(" → "), self.pattern, self.limits)
    }
}

impl From<policy::Effect> for Effect {
    fn from(effect: policy::Effect) -> Self {
        match effect {
            policy::Effect::Allow => Self::Grants,
            policy::Effect::Deny => Self::Denies,
        }
    }
}

/// A grant or a denial as it is written.
pub(crate) struct OwnRule<'p> {
    pub(crate) pattern: &'p str,
    /// The byte at which it is written.
    pub(crate) at: usize,
    /// `None`: it holds always.
    pub(crate) clause: Option<&'p Clause>,
}

impl<'p> From<&'p At<String>> for OwnRule<'p> {
    fn from(pattern: &'p At<String>) -> Self {
        Self { pattern: &pattern.value, at: pattern.at, clause: None }
    }
}

impl<'p> From<&'p Clause> for OwnRule<'p> {
    fn from(clause: &'p Clause) -> Self {
        Self { clause: Some(clause), ..Self::from(&clause.pattern) }
    }
}

impl OwnRule<'_> {
    fn condition(&self) -> Option<Typed> {
        let when = self.clause?.when.as_ref()?;
        Some(Typed(when.iter().map(|comparison| comparison.value.clone()).collect()))
    }

    /// For which records and at which times it holds, in words with a blank in front.
    pub(crate) fn limits(&self) -> String {
        let Some(clause) = self.clause else { return String::new() };
        let when = self.condition().map(|condition| format!(" when {condition}"));
        let from = clause.window.from.map(|from| format!(" from {from}"));
        let until = clause.window.until.map(|until| format!(" until {until}"));
        [when, from, until].into_iter().flatten().collect()
    }

    fn holds(&self, situation: &Situation<'_>) -> Option<bool> {
        match self.clause {
            Some(clause) if !clause.window.is_open(situation.now()) => Some(false),
            _ => self.is_met_by(situation.record()),
        }
    }

    /// Whether the record is as it must be, whatever the time; `None`: there is none, or it can't tell.
    pub(crate) fn is_met_by(&self, record: Option<&dyn Attributes>) -> Option<bool> {
        match (self.condition(), record) {
            (None, _) => Some(true),
            (Some(_), None) => None,
            (Some(condition), Some(record)) => condition.holds(record),
        }
    }
}

impl Policy {
    /// The rules about `permission` that these roles have or inherit, denials first and short ways before long ones;
    /// at most `most` of them.
    pub(crate) fn rules_about<'a>(
        &self,
        roles: impl IntoIterator<Item = &'a str>,
        permission: &str,
        situation: &Situation<'_>,
        most: usize,
    ) -> Vec<RoleRule> {
        let mut rules = Vec::new();
        let walk = Walk::from(roles.into_iter().filter_map(|name| self.role_number(name)), self);
        for effect in [Effect::Denies, Effect::Grants] {
            for number in &walk.order {
                let matching =
                    self.own_rules(*number, effect).filter(|rule| matches(rule.pattern, permission));
                rules.extend(matching.take(most - rules.len()).map(|rule| RoleRule {
                    effect,
                    pattern: rule.pattern.into(),
                    limits: rule.limits().into(),
                    holds: rule.holds(situation),
                    path: walk.path_to(*number, self),
                }));
            }
        }
        rules
    }

    /// What the role of this number says itself; nothing for a business role.
    pub(crate) fn own_rules(&self, number: usize, effect: Effect) -> impl Iterator<Item = OwnRule<'_>> {
        let role = self.document().roles.get(number);
        let plain = role.map(|role| match effect {
            Effect::Grants => &*role.grants,
            Effect::Denies => &*role.deny,
        });
        let limited = role.map(|role| &*role.clauses).unwrap_or_default();
        let limited = limited.iter().filter(move |clause| Effect::from(clause.effect) == effect);
        plain.unwrap_or_default().iter().map(OwnRule::from).chain(limited.map(OwnRule::from))
    }

    /// What the role of this number inherits from directly, or what a business role bundles.
    pub(crate) fn parents(&self, number: usize) -> impl Iterator<Item = usize> + '_ {
        let document = self.document();
        let inherited = document.roles.get(number).map(|role| &*role.inherits);
        let bundled = || {
            let number = number.checked_sub(document.roles.len())?;
            document.business_roles.get(number).map(|role| &*role.roles)
        };
        let names = inherited.or_else(bundled).unwrap_or_default();
        names.iter().filter_map(|name| self.role_number(&name.value))
    }

    /// The roles that the role of this number has by itself and by inheritance, itself first.
    pub(crate) fn closure(&self, number: usize) -> Vec<usize> {
        Walk::from([number], self).order
    }
}

/// Roles and all that stands behind them, the near ones first.
struct Walk {
    order: Vec<usize>,
    came_from: HashMap<usize, Option<usize>>,
}

impl Walk {
    fn from(roles: impl IntoIterator<Item = usize>, policy: &Policy) -> Self {
        let mut walk = Self { order: Vec::new(), came_from: HashMap::new() };
        roles.into_iter().for_each(|role| walk.reach(role, None));
        let mut next = 0;
        while let Some(role) = walk.order.get(next).copied() {
            next += 1;
            policy.parents(role).for_each(|parent| walk.reach(parent, Some(role)));
        }
        walk
    }

    fn reach(&mut self, role: usize, from: Option<usize>) {
        if self.order.len() < LOOKED_AT && !self.came_from.contains_key(&role) {
            self.came_from.insert(role, from);
            self.order.push(role);
        }
    }

    fn path_to(&self, role: usize, policy: &Policy) -> Vec<Box<str>> {
        let steps = std::iter::successors(Some(role), |role| self.came_from.get(role).copied().flatten());
        let mut path: Vec<Box<str>> = steps.map(|role| policy.role_name(role).into()).collect();
        path.reverse();
        path
    }
}
