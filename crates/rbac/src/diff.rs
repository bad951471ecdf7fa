//! What another version of a policy gives and takes.

use std::collections::BTreeSet;
use std::fmt;

use gambeson_core::escape_controls;

use crate::bits::contains;
use crate::lineage::Effect;
use crate::policy::Policy;
use crate::table::Rule;
use crate::who::Tenants;

/// What `newer` gives and takes, compared with the policy before it; [`Policy::diff`] makes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PolicyDiff {
    /// What somebody may now, or may with less ado: sorted by role.
    pub gained: Vec<Change>,
    /// What somebody may no more, or only with more ado: sorted by role.
    pub lost: Vec<Change>,
}

impl PolicyDiff {
    /// Whether both policies allow the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gained.is_empty() && self.lost.is_empty()
    }
}

/// One cell of a table of rights that is otherwise in one of two policies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Change {
    /// Whose cell; `None`: that of anyone, without any role and without a log-in.
    pub role: Option<Box<str>>,
    /// In which table.
    pub right: Right,
    /// The permission, with the limits of a grant or denial that has some; or method and route template.
    pub name: Box<str>,
}

/// What a [`Change`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Right {
    /// Roles × permissions: a caller with only this role has the permission.
    Permission,
    /// Roles × endpoints: a caller with only this role may call it.
    Endpoint,
    /// The role denies it, whatever other roles of the caller grant: lost by who denied and does no more.
    Denial,
    /// Acts under it must be on record before they happen.
    StrictAudit,
    /// An issuer may name the tenant: its callers are among the tenant's.
    Tenant,
}

/// `editor: notes:write`, safe for a terminal.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = self.role.as_deref().unwrap_or("anyone");
        let what = match self.right {
            Right::Permission | Right::Endpoint => "",
            Right::Denial => "denial of ",
            Right::StrictAudit => "strict audit of ",
            Right::Tenant => "tenant ",
        };
        write!(f, "{}: {what}{}", escape_controls(who), escape_controls(&self.name))
    }
}

/// Where a policy has no `[claims]`. No issuer has such a name.
const ANY_ISSUER: &str = "any issuer";

impl Policy {
    /// What `newer` gives and takes.
    ///
    /// A denial or a strict audit that is gone counts as gained: somebody may what was not allowed before, or
    /// without a record. So does a tenant more that an issuer may name. Roles, permissions and routes are compared by name; a role that is new gains all that it gives.
    ///
    /// ```
    /// use gambeson_rbac::Policy;
    ///
    /// let text = |grants: &str| format!(
    ///     "version = 1\n[permissions]\n'notes:read' = {{}}\n'notes:write' = {{}}\n[roles]\nviewer = {{ grants = [{grants}] }}");
    /// let old = Policy::parse(&text("'notes:read'"))?;
    /// let new = Policy::parse(&text("'notes:*'"))?;
    /// let diff = old.diff(&new);
    /// assert_eq!(diff.gained[0].to_string(), "viewer: notes:write");
    /// assert!(diff.lost.is_empty());
    /// # Ok::<(), gambeson_rbac::PolicyError>(())
    /// ```
    #[must_use]
    pub fn diff(&self, newer: &Self) -> PolicyDiff {
        let before: BTreeSet<Change> = self.cells();
        let after: BTreeSet<Change> = newer.cells();
        // Less of a safeguard is more of a right.
        let right = |change: &&Change| matches!(change.right, Right::Permission | Right::Endpoint);
        let (more, fewer): (Vec<&Change>, Vec<&Change>) = after.difference(&before).partition(right);
        let (gone, looser): (Vec<&Change>, Vec<&Change>) = before.difference(&after).partition(right);
        let sorted = |a: Vec<&Change>, b: Vec<&Change>| {
            let mut changes: Vec<Change> = a.into_iter().chain(b).cloned().collect();
            changes.sort();
            changes
        };
        let mut gained = sorted(more, looser);
        let public = Change { role: None, right: Right::Endpoint, name: Box::default() };
        let all: BTreeSet<Change> = gained.iter().filter(|change| change.role.is_none()).cloned().collect();
        // What anyone may, each role may: said once.
        gained.retain(|change| {
            let of_anyone = Change { name: change.name.clone(), ..public.clone() };
            change.role.is_none() || change.right != Right::Endpoint || !all.contains(&of_anyone)
        });
        let mut lost = sorted(gone, fewer);
        gained.extend(newer.namings_beyond(self));
        lost.extend(self.namings_beyond(newer));
        gained.sort();
        lost.sort();
        PolicyDiff { gained, lost }
    }

    /// The tenants that issuers may name here, and may not by `other`.
    fn namings_beyond(&self, other: &Self) -> Vec<Change> {
        let any = self.who().claims.is_none().then_some((ANY_ISSUER, Tenants::all()));
        let named = any.into_iter().chain(self.who().namings());
        let each = named.flat_map(|(issuer, names)| names.names().map(move |name| (issuer, name)));
        each.filter(|(issuer, name)| !other.who().may_name(issuer, name))
            .map(|(issuer, name)| Change {
                role: None,
                right: Right::Tenant,
                name: format!("{name}, named by {issuer}").into(),
            })
            .collect()
    }

    /// Every cell of its tables that is set.
    fn cells(&self) -> BTreeSet<Change> {
        let mut cells = BTreeSet::new();
        let mut add = |role: Option<&str>, right, name: &str| {
            cells.insert(Change { role: role.map(Box::from), right, name: name.into() });
        };
        let routes = self.routes_and_fallback();
        for (number, role) in self.roles().enumerate() {
            let (allowed, denied) = (self.effective_row(number), self.deny_row(number));
            for (name, id) in self.permissions().filter_map(|name| Some((name, self.permission(name)?))) {
                if contains(&allowed, id) {
                    add(Some(role), Right::Permission, name);
                }
                if contains(denied, id) {
                    add(Some(role), Right::Denial, name);
                }
            }
            for (right, name) in self.limited_cells(number, &allowed, denied) {
                add(Some(role), right, &name);
            }
            for (route, rule) in &routes {
                if rule.is_public() || rule.permission.is_some_and(|id| contains(&allowed, id)) {
                    add(Some(role), Right::Endpoint, route);
                }
            }
        }
        for (route, _) in routes.iter().filter(|(_, rule)| rule.is_public()) {
            add(None, Right::Endpoint, route);
        }
        for (name, id) in self.permissions().filter_map(|name| Some((name, self.permission(name)?))) {
            if self.is_strict(id) {
                add(None, Right::StrictAudit, name);
            }
        }
        cells
    }

    /// What the role grants and denies at times or for some records only, where that makes a difference.
    fn limited_cells(&self, number: usize, allowed: &[u64], denied: &[u64]) -> Vec<(Right, String)> {
        let mut cells = Vec::new();
        for ancestor in self.closure(number) {
            for (effect, right, sets) in [
                (Effect::Grants, Right::Permission, [allowed, denied]),
                (Effect::Denies, Right::Denial, [denied, denied]),
            ] {
                for rule in self.own_rules(ancestor, effect).filter(|rule| rule.clause.is_some()) {
                    let open = self
                        .named_by(rule.pattern)
                        .filter(|(_, id)| !sets.iter().any(|set| contains(set, *id)));
                    cells.extend(open.map(|(name, _)| (right, format!("{name}{}", rule.limits()))));
                }
            }
        }
        cells
    }

    fn routes_and_fallback(&self) -> Vec<(String, &Rule)> {
        let routes = self.table().entries().into_iter();
        let routes = routes.map(|(method, template, rule)| (format!("{method} {template}"), rule));
        routes.chain(self.table().fallback().map(|rule| ("fallback".to_owned(), rule))).collect()
    }
}
