//! Permissions that nobody needs, or nobody has.

use std::collections::HashSet;

use gambeson_core::Access;

use crate::bits::contains;
use crate::finding::Findings;
use crate::policy::Policy;
use crate::table::RouteEntry;

pub(super) fn check(policy: &Policy, routes: Option<&[RouteEntry]>, findings: &mut Findings<'_>) {
    let document = policy.document();
    let declared = document.routes.iter().map(|route| &route.access);
    let in_code = routes.unwrap_or_default().iter().map(|entry| &entry.access);
    let fallback = document.fallback.iter().map(|fallback| &fallback.value);
    let needed: HashSet<&str> = declared
        .chain(in_code)
        .chain(fallback)
        .filter_map(|access| match access {
            Access::Permission(name) => Some(&**name),
            _ => None,
        })
        .collect();
    let routes_are_known = routes.is_some() || !document.routes.is_empty();
    let mut given = policy.no_permissions();
    (0..policy.roles().count())
        .for_each(|number| crate::bits::union(&mut given, &policy.effective_row(number)));
    for declared in &document.permissions {
        let name = declared.name.value.as_str();
        if routes_are_known && !needed.contains(name) {
            let message = format!("no route needs `{name}`");
            findings.warning("unneeded-permission", declared.name.at, message, "drop it, or give it a route");
        }
        let is_given = |id| contains(&given, id) || policy.has_conditional_grant(id);
        if !policy.permission(name).is_some_and(is_given) {
            let message = format!("no role gives `{name}`");
            let cure = "grant it to a role, or drop it";
            findings.warning("ungranted-permission", declared.name.at, message, cure);
        }
    }
}
