//! What is wrong or doubtful in a policy.

use std::collections::HashSet;

use gambeson_core::Access;

use crate::bits::{PermissionId, contains};
use crate::finding::{Finding, Findings};
use crate::policy::{Document, Policy};
use crate::selftest::row_is_allowed;

/// Everything that is wrong or doubtful in the policy `text`, in its order.
///
/// Errors are those for which [`Policy::parse`] refuses it. Warnings, which are looked for only where there is no
/// error: `unneeded-permission` (the policy declares routes, and none needs it), `ungranted-permission` (no role
/// gives it), `unused-role` (it grants, denies and inherits nothing), `shadowed-grant` (the role denies what it
/// grants by name), `redundant-grant` (inherited already), `untested-role` (the policy has test rows, but none for
/// this role), `failed-test`.
///
/// ```
/// let findings = gambeson_rbac::lint(r#"
///     version = 1
///     [permissions]
///     "notes:read" = {}
///     "notes:write" = {}
///     [roles]
///     viewer = { grants = ["notes:raed"] }
/// "#);
/// assert_eq!(findings[0].to_string(), "7:26: unknown permission `notes:raed` [unknown-permission]: \
///     declare it in [permissions]; did you mean `notes:read`?");
/// ```
#[must_use]
pub fn lint(text: &str) -> Vec<Finding> {
    let (policy, document, findings) = Policy::examine(text, None);
    if !findings.is_empty() {
        return findings;
    }
    let mut findings = Findings::about(text);
    permissions(&policy, &document, &mut findings);
    grants(&policy, &document, &mut findings);
    tests(&policy, &document, &mut findings);
    findings.into_sorted()
}

fn permissions(policy: &Policy, document: &Document, findings: &mut Findings<'_>) {
    let accesses = document.routes.iter().map(|route| &route.access);
    let needed: HashSet<&str> = accesses
        .chain(document.fallback.iter().map(|fallback| &fallback.value))
        .filter_map(|access| match access {
            Access::Permission(name) => Some(&**name),
            _ => None,
        })
        .collect();
    for declared in &document.permissions {
        let name = declared.name.value.as_str();
        if !document.routes.is_empty() && !needed.contains(name) {
            let message = format!("no route needs `{name}`");
            findings.warning("unneeded-permission", declared.name.at, message, "drop it, or give it a route");
        }
        let granted = policy.permission(name).is_some_and(|id| anyone_may(policy, id));
        if !granted {
            let message = format!("no role gives `{name}`");
            findings.warning(
                "ungranted-permission",
                declared.name.at,
                message,
                "grant it to a role, or drop it",
            );
        }
    }
}

fn anyone_may(policy: &Policy, id: PermissionId) -> bool {
    policy.has_conditional_grant(id) || policy.roles().any(|role| policy.roles_may([role], id))
}

fn grants(policy: &Policy, document: &Document, findings: &mut Findings<'_>) {
    for role in &document.roles {
        if role.grants.is_empty() && role.deny.is_empty() && role.inherits.is_empty() {
            let message = format!("role `{}` grants, denies and inherits nothing", role.name.value);
            findings.warning("unused-role", role.name.at, message, "grant it something, or drop it");
        }
        for grant in &role.grants {
            let Some(id) = policy.permission(&grant.value) else { continue };
            if !policy.roles_may([role.name.value.as_str()], id) {
                let message = format!("role `{}` grants `{}` and denies it", role.name.value, grant.value);
                findings.warning("shadowed-grant", grant.at, message, "a denial wins: drop one of them");
            }
            let parents = role.inherits.iter().map(|parent| parent.value.as_str());
            if let Some(parent) = parents.into_iter().find(|parent| policy.grants(parent, id)) {
                let message =
                    format!("role `{}` inherits `{}` from `{parent}`", role.name.value, grant.value);
                findings.warning("redundant-grant", grant.at, message, "drop the grant");
            }
        }
    }
}

fn tests(policy: &Policy, document: &Document, findings: &mut Findings<'_>) {
    let rows = policy.tests();
    let tested: HashSet<&str> =
        rows.iter().flat_map(|row| &row.roles).map(|role| role.value.as_str()).collect();
    for role in &document.roles {
        if !rows.is_empty() && !tested.contains(role.name.value.as_str()) {
            let message = format!("no test row says what `{}` may do", role.name.value);
            findings.warning("untested-role", role.name.at, message, "add a [[test]] for it");
        }
    }
    for row in rows {
        if row_is_allowed(policy, row) != row.allowed {
            let message = format!("this test of `{}` fails", row.action.value);
            findings.warning("failed-test", row.at, message, "change the policy or the expectation");
        }
    }
}

impl Policy {
    /// Whether the role grants it, inherited or not, denials aside.
    fn grants(&self, role: &str, id: PermissionId) -> bool {
        contains(self.allow_row(role), id)
    }
}
