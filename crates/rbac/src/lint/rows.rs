//! Test rows: those that fail, and what none of them is about.

use std::collections::HashSet;

use gambeson_core::Access;

use crate::finding::Findings;
use crate::policy::{At, DeclaredTest, Policy, matches};
use crate::selftest::row_is_allowed;

pub(super) fn check(policy: &Policy, findings: &mut Findings<'_>) {
    let rows = policy.tests();
    for row in rows.iter().filter(|row| row_is_allowed(policy, row) != row.allowed) {
        let message = format!("this test of `{}` fails", row.action.value);
        findings.warning("failed-test", row.at, message, "change the policy or the expectation");
    }
    if !rows.is_empty() {
        untested(policy, rows, findings);
    }
}

fn untested(policy: &Policy, rows: &[DeclaredTest], findings: &mut Findings<'_>) {
    let looks: Vec<Look<'_>> = rows.iter().filter_map(|row| Look::of(policy, row)).collect();
    let tested: HashSet<&str> =
        rows.iter().flat_map(|row| &row.roles).map(|role| role.value.as_str()).collect();
    for (number, role) in policy.document().roles.iter().enumerate() {
        let name = role.name.value.as_str();
        if !tested.contains(name) {
            let message = format!("no test row says what `{name}` may do");
            findings.warning("untested-role", role.name.at, message, "add a [[test]] for it");
            continue;
        }
        let mut rule = |rule: &At<String>, allowed: bool| {
            let noticed = looks.iter().any(|look| look.notices(number, &rule.value, allowed));
            if !noticed {
                let (verb, expect) = if allowed { ("grants", "allow") } else { ("denies", "deny") };
                let message = format!("no test row expects what `{name}` {verb} by `{}`", rule.value);
                let cure = format!("add a [[test]] with `expect = \"{expect}\"` for it");
                findings.warning("untested-rule", rule.at, message, cure);
            }
        };
        role.grants.iter().for_each(|grant| rule(grant, true));
        role.deny.iter().for_each(|denial| rule(denial, false));
    }
}

/// What a row looks at: these roles, with all they inherit, and this permission.
struct Look<'p> {
    roles: HashSet<usize>,
    permission: &'p str,
    allowed: bool,
}

impl<'p> Look<'p> {
    fn of(policy: &'p Policy, row: &'p DeclaredTest) -> Option<Self> {
        let permission = match row.action.value.split_once(' ') {
            None => row.action.value.as_str(),
            Some((method, template)) => match &policy.table().rule_named(method, template)?.access {
                Access::Permission(name) => name,
                _ => return None,
            },
        };
        let numbers = row.roles.iter().filter_map(|role| policy.role_number(&role.value));
        let roles = numbers.flat_map(|number| policy.closure(number)).collect();
        Some(Self { roles, permission, allowed: row.allowed })
    }

    fn notices(&self, role: usize, pattern: &str, allowed: bool) -> bool {
        self.allowed == allowed && self.roles.contains(&role) && matches(pattern, self.permission)
    }
}
