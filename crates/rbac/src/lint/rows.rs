//! Test rows: those that fail, and what none of them is about.

use std::collections::HashSet;

use crate::condition::Attributes;
use crate::decision::Decision;
use crate::finding::Findings;
use crate::lineage::{Effect, OwnRule};
use crate::policy::{DeclaredTest, Policy, matches};
use crate::selftest::failure;

pub(super) fn check(policy: &Policy, findings: &mut Findings<'_>) {
    let rows = policy.tests();
    for row in rows {
        if let Some(failure) = failure(policy, row) {
            let message = format!("this test of `{}` fails: {failure}", row.action.value);
            findings.warning("failed-test", row.at, message, "change the policy or the expectation");
        }
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
        for effect in [Effect::Grants, Effect::Denies] {
            let own = policy.own_rules(number, effect);
            for rule in own.filter(|rule| !looks.iter().any(|look| look.notices(number, rule, effect))) {
                let (verb, expect) = match effect {
                    Effect::Grants => ("grants", "allow"),
                    Effect::Denies => ("denies", "deny"),
                };
                let message = format!("no test row expects what `{name}` {verb} by `{}`", rule.pattern);
                let within =
                    if rule.clause.is_some() { ", and a record or time within its limits," } else { "" };
                let cure = format!("add a [[test]] with `expect = \"{expect}\"`{within} for it");
                findings.warning("untested-rule", rule.at, message, cure);
            }
        }
    }
}

/// What a row looks at: these roles, with all they inherit, and this permission.
struct Look<'p> {
    roles: HashSet<usize>,
    permission: &'p str,
    row: &'p DeclaredTest,
}

impl<'p> Look<'p> {
    fn of(policy: &'p Policy, row: &'p DeclaredTest) -> Option<Self> {
        let permission = row.permission(policy.table())?;
        let numbers = row.roles.iter().filter_map(|role| policy.role_number(&role.value));
        let roles = numbers.flat_map(|number| policy.closure(number)).collect();
        Some(Self { roles, permission, row })
    }

    /// Whether the row expects what the rule does: where it has limits, within them. A row that expects `conditional`
    /// notices those that wait for what it does not give.
    fn notices(&self, role: usize, rule: &OwnRule<'_>, effect: Effect) -> bool {
        let wanted = match effect {
            Effect::Grants => Decision::Allow,
            Effect::Denies => Decision::Deny,
        };
        let noticed = match self.holds(rule) {
            Some(true) => self.row.expected == wanted,
            Some(false) => false,
            None => self.row.expected == Decision::Conditional,
        };
        noticed && self.roles.contains(&role) && matches(rule.pattern, self.permission)
    }

    /// Whether the rule holds in the situation of the row; `None`: that depends on what the row does not give.
    fn holds(&self, rule: &OwnRule<'_>) -> Option<bool> {
        let window = rule.clause.map(|clause| clause.window).unwrap_or_default();
        let open = match self.row.when {
            Some(when) => Some(window.is_open(when)),
            None => window.is_always().then_some(true),
        };
        let record = self.row.record.as_ref().map(|record| &record.value as &dyn Attributes);
        match (open, rule.is_met_by(record)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }
}
