//! From [`Document`] to rows of bits: meaning.

use std::time::Duration;

use gambeson_core::Access;

use super::constraints::Named;
use super::document::{At, DeclaredRole, DeclaredTest, Document, Effect};
use super::duties::Duties;
use super::order::parents_first;
use super::rules::{Rule, rule};
use super::universe::Universe;
use crate::bits::{Rows, insert, insert_number, members, union, words_for};
use crate::by_name::{ByName, by_name};
use crate::finding::Findings;
use crate::nearest::did_you_mean;
use crate::requirement::Requirement;
use crate::scope::{Scope, lacking_cure};
use crate::table::{RouteTable, SEVERAL_ISSUERS};

/// Roles and business roles, numbered; each with the permissions that it grants and denies, inherited ones included.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    pub(crate) names: Vec<Box<str>>,
    pub(crate) index: ByName<usize>,
    pub(crate) allow: Rows,
    pub(crate) deny: Rows,
    /// What holds at times or for some records only.
    pub(crate) rules: Vec<Rule>,
    /// The permissions that any of these rules is about, as a set.
    pub(crate) ruled: Box<[u64]>,
    /// Which of these rules a role has.
    pub(crate) held: Rows,
    /// Which roles may not come together.
    pub(crate) duties: Duties,
    /// Who may take which role for a short time.
    pub(crate) break_glass: Vec<BreakGlass>,
}

/// A role that some may take for a short time.
#[derive(Debug)]
pub(crate) struct BreakGlass {
    pub(crate) role: usize,
    pub(crate) who: Vec<Named>,
    pub(crate) max: Duration,
    pub(crate) reason: bool,
}

/// Resolves roles: wildcards against the universe, inheritance by union.
pub(super) fn roles(document: &Document, universe: &Universe, findings: &mut Findings<'_>) -> Roles {
    let names: Vec<&At<String>> = document
        .roles
        .iter()
        .map(|role| &role.name)
        .chain(document.business_roles.iter().map(|role| &role.name))
        .collect();
    let index = number(&names, findings);
    let duties = Duties::of(document, &index, findings);
    let mut roles = Roles {
        names: names.iter().map(|name| name.value.as_str().into()).collect(),
        index,
        duties,
        break_glass: Vec::new(),
        allow: Rows::new(names.len(), universe.words()),
        deny: Rows::new(names.len(), universe.words()),
        rules: Vec::new(),
        ruled: universe.no_permissions(),
        held: Rows::new(names.len(), words_for(document.roles.iter().map(|role| role.clauses.len()).sum())),
    };
    for (number, role) in document.roles.iter().enumerate() {
        for pattern in &role.grants {
            expand(pattern, universe, roles.allow.row_mut(number), findings);
        }
        for pattern in &role.deny {
            expand(pattern, universe, roles.deny.row_mut(number), findings);
        }
        for clause in &role.clauses {
            insert_number(roles.held.row_mut(number), roles.rules.len());
            let rule = rule(clause, document, universe, findings);
            union(&mut roles.ruled, &rule.permissions);
            roles.rules.push(rule);
        }
    }
    let parents = parents(document, &roles.index, findings);
    match parents_first(&parents) {
        Ok(order) => {
            for child in order {
                for parent in parents.get(child).into_iter().flatten() {
                    roles.allow.union_rows(child, *parent);
                    roles.deny.union_rows(child, *parent);
                    roles.held.union_rows(child, *parent);
                    roles.duties.inherit(child, *parent);
                }
            }
        }
        Err(cycle) => report_cycle(&cycle, &names, findings),
    }
    roles.duties.check(document, &names, findings);
    roles.break_glass = break_glass(document, &roles, findings);
    roles
}

/// Roles that can be taken. They must only add: what is allowed already is decided without looking at them.
fn break_glass(document: &Document, roles: &Roles, findings: &mut Findings<'_>) -> Vec<BreakGlass> {
    let mut compiled: Vec<BreakGlass> = Vec::new();
    for declared in &document.break_glass {
        let name = &declared.role;
        let Some(role) = roles.index.get(name.value.as_str()).copied() else {
            unknown_role(name, document.roles.iter(), findings);
            continue;
        };
        if compiled.iter().any(|known| known.role == role) {
            let message = format!("role `{}` can be taken in two ways", name.value);
            findings.error("break-glass-twice", name.at, message, "write one [[break_glass]] for it");
        }
        if document.has_several_issuers() && declared.who.iter().any(|who| matches!(who, Named::Group(_))) {
            let message = format!("role `{}` can be taken by a group of any issuer", name.value);
            let cure = "give the group a role in its issuer's [claims], and write \"role:\" and that role";
            findings.error("ambiguous-group", name.at, message, cure);
        }
        if roles.denies(role) {
            let message = format!("role `{}` can be taken, but denies something", name.value);
            let cure = "let it only grant: drop its denials, also inherited ones";
            findings.error("break-glass-denies", name.at, message, cure);
        }
        let (who, max, reason) = (declared.who.clone(), declared.max, declared.reason);
        compiled.push(BreakGlass { role, who, max, reason });
    }
    compiled
}

impl Roles {
    /// Whether the role denies anything, inherited denials included.
    fn denies(&self, role: usize) -> bool {
        let denial =
            |number: u32| self.rules.get(number as usize).is_some_and(|rule| rule.effect == Effect::Deny);
        members(self.deny.row(role)).next().is_some() || members(self.held.row(role)).any(denial)
    }
}

fn number(names: &[&At<String>], findings: &mut Findings<'_>) -> ByName<usize> {
    let mut index = by_name(names.len());
    for (number, name) in names.iter().enumerate() {
        if index.insert(name.value.as_str().into(), number).is_some() {
            let message = format!("`{}` is both a role and a business role", name.value);
            findings.error("ambiguous-role", name.at, message, "give one of them another name");
        }
    }
    index
}

/// Puts the permissions that `pattern` names into `row`.
pub(super) fn expand(
    pattern: &At<String>,
    universe: &Universe,
    row: &mut [u64],
    findings: &mut Findings<'_>,
) {
    let mut any = false;
    for id in universe.matching(&pattern.value) {
        insert(row, id);
        any = true;
    }
    if any {
        return;
    }
    if pattern.value.split(':').any(|segment| segment == "*") {
        let message = format!("wildcard `{}` matches no permission", pattern.value);
        let cure =
            "each `*` stands for exactly one segment; declare a permission that it matches, or drop it";
        findings.error("empty-wildcard", pattern.at, message, cure);
    } else {
        unknown_permission(pattern, universe, findings);
    }
}

pub(super) fn unknown_permission(name: &At<String>, universe: &Universe, findings: &mut Findings<'_>) {
    let message = format!("unknown permission `{}`", name.value);
    let cure = format!("declare it in [permissions]; {}", did_you_mean(&name.value, universe.declared()));
    findings.error("unknown-permission", name.at, message, cure);
}

fn parents(document: &Document, index: &ByName<usize>, findings: &mut Findings<'_>) -> Vec<Vec<usize>> {
    let plain = document.roles.len();
    let mut find = |name: &At<String>| match index.get(name.value.as_str()) {
        Some(number) if *number < plain => Some(*number),
        _ => {
            unknown_role(name, document.roles.iter(), findings);
            None
        }
    };
    let inherited = document.roles.iter().map(|role| &role.inherits);
    let bundled = document.business_roles.iter().map(|role| &role.roles);
    inherited.chain(bundled).map(|list| list.iter().filter_map(&mut find).collect()).collect()
}

pub(super) fn unknown_role<'a>(
    name: &At<String>,
    known: impl Iterator<Item = &'a DeclaredRole>,
    findings: &mut Findings<'_>,
) {
    let message = format!("unknown role `{}`", name.value);
    let cure =
        format!("declare it in [roles]; {}", did_you_mean(&name.value, known.map(|r| r.name.value.as_str())));
    findings.error("unknown-role", name.at, message, cure);
}

/// The names of those roles that there are; reports the others.
pub(super) fn known_roles(
    names: &[At<String>],
    roles: &Roles,
    document: &Document,
    findings: &mut Findings<'_>,
) -> Vec<Box<str>> {
    let mut known = Vec::with_capacity(names.len());
    for name in names {
        match roles.index.contains_key(name.value.as_str()) {
            true => known.push(name.value.as_str().into()),
            false => unknown_role(name, document.roles.iter(), findings),
        }
    }
    known
}

fn report_cycle(cycle: &[usize], names: &[&At<String>], findings: &mut Findings<'_>) {
    let on_cycle: Vec<&At<String>> = cycle.iter().filter_map(|role| names.get(*role).copied()).collect();
    let Some(first) = on_cycle.first() else { return };
    let path: Vec<&str> = on_cycle.iter().chain([first]).map(|name| name.value.as_str()).collect();
    let message = format!("roles inherit in a circle: {}", path.join(" → "));
    findings.error("role-cycle", first.at, message, "drop one of these `inherits`");
}

/// The table of the routes that the policy itself declares.
pub(super) fn routes(document: &Document, universe: &Universe, findings: &mut Findings<'_>) -> RouteTable {
    let mut table = RouteTable::default();
    for route in &document.routes {
        check_access(&route.access, route.at, universe, findings);
        for parameter in route.scope.lacking(&route.template) {
            let message = format!("`{}` has no parameter `{parameter}` to be the scope", route.template);
            findings.error("unknown-parameter", route.at, message, lacking_cure(parameter));
        }
        if route.scope.subject().is_some() && document.has_several_issuers() {
            let message = format!("the subject in `{}` can be anybody's of several issuers", route.template);
            findings.error("ambiguous-subject", route.at, message, SEVERAL_ISSUERS);
        }
        let ask = Requirement::of(route.access.clone(), route.scope.clone());
        table.add(&route.method, &route.template, &ask, universe);
        table.set_terms(Some((&route.method, &route.template)), route.terms.clone());
    }
    if let Some(fallback) = &document.fallback {
        check_access(&fallback.value, fallback.at, universe, findings);
        table.set_fallback(&Requirement::of(fallback.value.clone(), Scope::default()), universe);
        table.set_terms(None, document.fallback_terms.clone());
    }
    table
}

fn check_access(access: &Access, at: usize, universe: &Universe, findings: &mut Findings<'_>) {
    if let Access::Permission(name) = access
        && universe.id(name).is_none()
    {
        unknown_permission(&At::new(name.to_string(), at), universe, findings);
    }
}

/// Test rows must speak of roles, permissions and routes that exist.
pub(super) fn tests(
    document: &Document,
    roles: &Roles,
    universe: &Universe,
    table: &RouteTable,
    findings: &mut Findings<'_>,
) {
    for test in &document.tests {
        for role in &test.roles {
            if !roles.index.contains_key(role.value.as_str()) {
                unknown_role(role, document.roles.iter(), findings);
            }
        }
        match test.action.value.split_once(' ') {
            None if universe.id(&test.action.value).is_none() => {
                unknown_permission(&test.action, universe, findings);
            }
            Some((method, template)) if table.rule_named(method, template).is_none() => {
                let message = format!("unknown route `{}`", test.action.value);
                findings.error("unknown-route", test.action.at, message, "declare it in [routes]");
            }
            _ => check_record(test, document, table, findings),
        }
    }
}

/// What a record of a test row has must be declared by the permission, in that type.
fn check_record(test: &DeclaredTest, document: &Document, table: &RouteTable, findings: &mut Findings<'_>) {
    let Some(record) = &test.record else { return };
    let name = test.permission(table).unwrap_or_default();
    let permission = document.permissions.iter().find(|permission| permission.name.value == name);
    let declared = permission.map(|permission| &*permission.attributes).unwrap_or_default();
    for (attribute, value) in record.value.iter() {
        let is = value.kind();
        match declared.iter().find(|declared| *declared.name == *attribute) {
            Some(declared) if declared.kind == is => {}
            Some(declared) => {
                let message = format!(
                    "attribute `{attribute}` of `{name}` is a {}, but the record has a {}",
                    declared.kind.name(),
                    is.name()
                );
                let cure = format!("write a {}", declared.kind.name());
                findings.error("attribute-type", record.at, message, cure);
            }
            None => {
                let message = format!("`{}` looks at no attribute `{attribute}`", test.action.value);
                let known = declared.iter().map(|declared| &*declared.name);
                findings.error("unknown-attribute", record.at, message, did_you_mean(attribute, known));
            }
        }
    }
}
