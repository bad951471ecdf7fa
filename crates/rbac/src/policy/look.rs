//! What the tools ask a policy: its words as they were written, and what single roles give.

use super::Policy;
use super::document::Document;
use super::rules::Rule;
use super::universe::matches;
use crate::bits::{PermissionId, insert, subtract};
use crate::givers::Givers;
use crate::who::Who;

impl Policy {
    /// The policy as it was written.
    pub(crate) fn document(&self) -> &Document {
        &self.document
    }

    /// Which roles give what, the narrowest first of all.
    pub(crate) fn givers(&self) -> &Givers {
        &self.givers
    }

    /// The name of the role of this number: plain ones first, in the order of the document, then business roles.
    pub(crate) fn role_name(&self, number: usize) -> &str {
        self.roles.names.get(number).map_or("", |name| name)
    }

    /// The declared permissions, each with its number.
    pub(crate) fn numbered_permissions(&self) -> impl Iterator<Item = (&str, PermissionId)> {
        self.permissions().filter_map(|name| Some((name, self.permission(name)?)))
    }

    /// What a pattern names, each with its number.
    pub(crate) fn named_by<'a>(&'a self, pattern: &'a str) -> impl Iterator<Item = (&'a str, PermissionId)> {
        self.numbered_permissions().filter(move |(name, _)| matches(pattern, name))
    }

    /// A set that nothing is in.
    pub(crate) fn no_permissions(&self) -> Box<[u64]> {
        self.universe.no_permissions()
    }

    /// The privileged permissions, as a set.
    pub(crate) fn privileged_set(&self) -> Box<[u64]> {
        let mut set = self.no_permissions();
        let ids = self.numbered_permissions().map(|(_, id)| id);
        ids.filter(|id| self.is_privileged(*id)).for_each(|id| insert(&mut set, id));
        set
    }

    /// What the role of this number denies always, as a set.
    pub(crate) fn deny_row(&self, role: usize) -> &[u64] {
        self.roles.deny.row(role)
    }

    /// What the role of this number grants and does not deny always, as a set.
    pub(crate) fn effective_row(&self, role: usize) -> Box<[u64]> {
        let mut set: Box<[u64]> = self.roles.allow.row(role).into();
        subtract(&mut set, self.deny_row(role));
        set
    }

    pub(crate) fn who(&self) -> &Who {
        &self.who
    }

    /// Grants and denials that hold at times or for some records only.
    pub(crate) fn rules(&self) -> &[Rule] {
        &self.roles.rules
    }

    /// Which of these roles grant nothing, because the policy keeps them apart.
    pub(crate) fn kept_apart(&self, roles: &[&str], activated: &[&str]) -> Vec<Box<str>> {
        let number = |name: &&str| self.role_number(name);
        let activated: Vec<usize> = activated.iter().filter_map(number).collect();
        let all: Vec<usize> = roles.iter().filter_map(number).chain(activated.iter().copied()).collect();
        let inactive = self.roles.duties.inactive(&all, &activated);
        let inactive = all.into_iter().filter(|role| inactive.has(*role));
        inactive.map(|role| self.role_name(role).into()).collect()
    }
}
