//! Which grants were used, and which never.

use std::fmt;

use gambeson_core::{Outcome, escape_controls};

use crate::bits::{contains, insert, union};
use crate::finding::Position;
use crate::lineage::Effect;
use crate::past::PastDecision;
use crate::period::Period;
use crate::policy::{Policy, matches};

/// Gathers from past decisions which grants of a policy were used.
///
/// A grant is used when somebody was allowed something by a role that has or inherits it. An event of an older
/// policy counts like one of this policy. An event without roles counts as a use of every grant of its permission,
/// so that nothing is called unused on thin evidence.
///
/// ```
/// use gambeson_core::Outcome;
/// use gambeson_rbac::{PastDecision, Policy, Usage};
///
/// let policy = Policy::parse(r#"
///     version = 1
///     [permissions]
///     "notes:read" = {}
///     "notes:write" = {}
///     [roles]
///     editor = { grants = ["notes:*"] }
/// "#)?;
/// let mut usage = Usage::of(&policy);
/// let mut past = PastDecision::new("notes:read", Outcome::Success);
/// past.detail("roles", "editor");
/// usage.take(&past);
/// let report = usage.report();
/// assert_eq!(report.unused[0].to_string(), "editor grants notes:*: never used for notes:write");
/// # Ok::<(), gambeson_rbac::PolicyError>(())
/// ```
#[derive(Debug)]
pub struct Usage<'p> {
    policy: &'p Policy,
    /// For each role: what was allowed to somebody who had it.
    used: Vec<Box<[u64]>>,
    /// Of events without roles.
    used_by_unknown: Box<[u64]>,
    report: UsageReport,
}

/// What was never used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct UsageReport {
    /// The grants that were never used, or not for all that they name; in the order of the policy.
    pub unused: Vec<UnusedGrant>,
    /// The roles and business roles that nobody had who was allowed something.
    pub unseen_roles: Vec<Box<str>>,
    /// From when to when was looked at, and how many decisions.
    pub period: Period,
    /// How many of them allowed something.
    pub allowed: u64,
    /// How many of those don't tell the caller's roles.
    pub without_roles: u64,
    /// How many of them were decided by another policy than this one.
    pub by_other_policies: u64,
}

/// A grant that was not used, or only in part.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnusedGrant {
    /// The role that has it.
    pub role: Box<str>,
    /// The permission or wildcard as it is written, and in words for which records and at which times it holds.
    pub pattern: Box<str>,
    /// The byte at which it is written; [`Position::of`] makes line and column of it.
    pub at: usize,
    /// What of it was never used.
    pub permissions: Vec<Box<str>>,
    /// Whether nothing of it was used.
    pub wholly: bool,
}

impl UnusedGrant {
    /// Where it is written in the policy's text.
    #[must_use]
    pub fn position(&self, text: &str) -> Position {
        Position::of(text, self.at)
    }
}

/// One line, safe for a terminal.
impl fmt::Display for UnusedGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = format!("{} grants {}", self.role, self.pattern);
        write!(f, "{}: never used", escape_controls(&words))?;
        match self.wholly {
            true => Ok(()),
            false => write!(f, " for {}", self.permissions.join(", ")),
        }
    }
}

impl<'p> Usage<'p> {
    /// Nothing was used yet.
    #[must_use]
    pub fn of(policy: &'p Policy) -> Self {
        let none = policy.no_permissions();
        Self {
            policy,
            used: vec![none.clone(); policy.roles().count()],
            used_by_unknown: none,
            report: UsageReport::default(),
        }
    }

    /// Counts a decision of the past.
    pub fn take(&mut self, past: &PastDecision) {
        if past.shadow {
            return;
        }
        self.report.period.include(&past.at);
        let allowed = past.outcome == Outcome::Success && past.reason.is_none();
        let Some(id) = self.policy.permission(&past.permission).filter(|_| allowed) else { return };
        self.report.allowed += 1;
        self.report.by_other_policies += u64::from(past.policy.as_deref() != Some(self.policy.digest()));
        let Some(roles) = past.roles.as_deref().filter(|_| !past.cut) else {
            self.report.without_roles += 1;
            return insert(&mut self.used_by_unknown, id);
        };
        let others = past.activated_roles.iter().chain(past.actor_roles.iter().flatten());
        for role in roles.iter().chain(others) {
            let used = self.policy.role_number(role).and_then(|number| self.used.get_mut(number));
            if let Some(used) = used {
                insert(used, id);
            }
        }
    }

    /// For each role: what was allowed to somebody who had it, by itself or through an heir.
    fn used_through_heirs(&self) -> Vec<Box<[u64]>> {
        let mut through = self.used.clone();
        let held = self.used.iter().enumerate().filter(|(_, used)| used.iter().any(|word| *word != 0));
        for (number, used) in held {
            for role in self.policy.closure(number) {
                if let Some(set) = through.get_mut(role) {
                    union(set, used);
                }
            }
        }
        through
    }

    /// What was never used so far.
    #[must_use]
    pub fn report(&self) -> UsageReport {
        let mut report = self.report.clone();
        let through = self.used_through_heirs();
        let is_used = |role: usize, permission: &str| {
            let Some(id) = self.policy.permission(permission) else { return false };
            contains(&self.used_by_unknown, id) || through.get(role).is_some_and(|set| contains(set, id))
        };
        for (number, role) in self.policy.document().roles.iter().enumerate() {
            for grant in self.policy.own_rules(number, Effect::Grants) {
                let of_grant = self.policy.permissions().filter(|name| matches(grant.pattern, name));
                let (used, unused): (Vec<&str>, Vec<&str>) = of_grant.partition(|name| is_used(number, name));
                if !unused.is_empty() {
                    report.unused.push(UnusedGrant {
                        role: role.name.value.as_str().into(),
                        pattern: format!("{}{}", grant.pattern, grant.limits()).into(),
                        at: grant.at,
                        permissions: unused.into_iter().map(Box::from).collect(),
                        wholly: used.is_empty(),
                    });
                }
            }
        }
        let seen = |number: usize| through.get(number).is_some_and(|set| set.iter().any(|word| *word != 0));
        let unseen = self.policy.roles().enumerate().filter(|(number, _)| !seen(*number));
        report.unseen_roles = unseen.map(|(_, name)| name.into()).collect();
        report
    }
}
