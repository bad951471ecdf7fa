//! From [`Document`] to rows of bits: meaning.

use std::collections::HashMap;

use gambeson_core::Access;

use super::document::{At, DeclaredRole, Document};
use super::order::parents_first;
use super::universe::Universe;
use crate::bits::{Rows, insert};
use crate::finding::Findings;
use crate::nearest::did_you_mean;
use crate::table::RouteTable;

/// Roles and business roles, numbered; each with the permissions that it grants and denies, inherited ones included.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    pub(crate) names: Vec<Box<str>>,
    pub(crate) index: HashMap<Box<str>, usize>,
    pub(crate) allow: Rows,
    pub(crate) deny: Rows,
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
    let mut roles = Roles {
        names: names.iter().map(|name| name.value.as_str().into()).collect(),
        index,
        allow: Rows::new(names.len(), universe.words()),
        deny: Rows::new(names.len(), universe.words()),
    };
    for (number, role) in document.roles.iter().enumerate() {
        for pattern in &role.grants {
            expand(pattern, universe, roles.allow.row_mut(number), findings);
        }
        for pattern in &role.deny {
            expand(pattern, universe, roles.deny.row_mut(number), findings);
        }
    }
    let parents = parents(document, &roles.index, findings);
    match parents_first(&parents) {
        Ok(order) => {
            for child in order {
                for parent in parents.get(child).into_iter().flatten() {
                    roles.allow.union_rows(child, *parent);
                    roles.deny.union_rows(child, *parent);
                }
            }
        }
        Err(cycle) => report_cycle(&cycle, &names, findings),
    }
    roles
}

fn number(names: &[&At<String>], findings: &mut Findings<'_>) -> HashMap<Box<str>, usize> {
    let mut index = HashMap::with_capacity(names.len());
    for (number, name) in names.iter().enumerate() {
        if index.insert(name.value.as_str().into(), number).is_some() {
            let message = format!("`{}` is both a role and a business role", name.value);
            findings.error("ambiguous-role", name.at, message, "give one of them another name");
        }
    }
    index
}

/// Puts the permissions that `pattern` names into `row`.
fn expand(pattern: &At<String>, universe: &Universe, row: &mut [u64], findings: &mut Findings<'_>) {
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

fn parents(
    document: &Document,
    index: &HashMap<Box<str>, usize>,
    findings: &mut Findings<'_>,
) -> Vec<Vec<usize>> {
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

fn unknown_role<'a>(
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
        table.add(&route.method, &route.template, &route.access, universe);
        table.set_terms(Some((&route.method, &route.template)), route.terms.clone());
    }
    if let Some(fallback) = &document.fallback {
        check_access(&fallback.value, fallback.at, universe, findings);
        table.set_fallback(&fallback.value, universe);
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
            _ => {}
        }
    }
}
