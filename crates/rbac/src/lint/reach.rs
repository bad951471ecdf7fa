//! Roles that nobody comes by.

use std::collections::HashSet;

use crate::finding::Findings;
use crate::policy::Policy;

pub(super) fn check(policy: &Policy, findings: &mut Findings<'_>) {
    let document = policy.document();
    // Without [claims], or where a claim holds names of roles, every role may be claimed.
    let Some(claims) = &document.claims else { return };
    if claims.iter().any(|claims| claims.roles_at.is_some()) {
        return;
    }
    let of_groups = claims.iter().flat_map(|claims| &claims.groups).flat_map(|(_, roles)| roles);
    let of_services = document.services.iter().flatten().flat_map(|service| &service.roles);
    let taken = document.break_glass.iter().map(|rule| &rule.role);
    let given = of_groups.chain(of_services).chain(taken);
    let numbers = given.filter_map(|name| policy.role_number(&name.value));
    let reached: HashSet<usize> = numbers.flat_map(|number| policy.closure(number)).collect();
    let plain = document.roles.iter().map(|role| &role.name);
    let names = plain.chain(document.business_roles.iter().map(|role| &role.name));
    for (_, name) in names.enumerate().filter(|(number, _)| !reached.contains(number)) {
        let message = format!("nobody comes by role `{}`", name.value);
        let cure = "give it to a group, a service or another role, or drop it";
        findings.warning("unreachable-role", name.at, message, cure);
    }
}
