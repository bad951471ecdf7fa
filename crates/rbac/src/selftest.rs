//! Running the test rows that a policy carries.

use std::fmt::Write;

use gambeson_core::Timestamp;

use crate::condition::Attributes;
use crate::decision::Decision;
use crate::effective::Situation;
use crate::lineage::RoleRule;
use crate::outlook::Outlook;
use crate::past_record::written;
use crate::policy::{DeclaredTest, Policy};

/// So many rules are told of one row.
const RULES: usize = 4;

/// What the test rows of a policy showed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TestReport {
    /// How many rows held.
    pub passed: usize,
    /// One sentence for each row that did not.
    pub failures: Vec<String>,
}

impl TestReport {
    /// Whether every row held.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.failures.is_empty()
    }
}

impl Policy {
    /// Runs the `[[test]]` rows: each says what a caller with exactly these roles may do, upon a `record` and `at` a moment
    /// where it gives them. It never depends on when they are run: what would is `conditional`, as what depends on a record
    /// that is not given.
    ///
    /// ```
    /// let policy = gambeson_rbac::Policy::parse(r#"
    ///     version = 1
    ///     [permissions]
    ///     "notes:read" = {}
    ///     [roles]
    ///     viewer = { grants = ["notes:read"] }
    ///     [[test]]
    ///     as = ["viewer"]
    ///     do = "notes:read"
    ///     expect = "deny"
    /// "#).unwrap();
    /// let report = policy.run_tests();
    /// assert_eq!(report.failures, ["viewer · notes:read: expected deny, got allow"]);
    /// ```
    #[must_use]
    pub fn run_tests(&self) -> TestReport {
        let mut report = TestReport::default();
        for row in self.tests() {
            match failure(self, row) {
                None => report.passed += 1,
                Some(failure) => report.failures.push(format!("{}: {failure}", named(row))),
            }
        }
        report
    }
}

/// What is otherwise than the row expects; `None`: it holds.
pub(crate) fn failure(policy: &Policy, row: &DeclaredTest) -> Option<String> {
    let outlook = outlook(policy, row);
    if outlook.decision == row.expected {
        return None;
    }
    let mut text = format!("expected {}, got {}", row.expected.as_str(), outlook.decision.as_str());
    let reason = match outlook.decision {
        Decision::Conditional => format!("it depends on {}", outlook.depends),
        Decision::Indeterminate => "the record can't tell".to_owned(),
        _ => return Some(text),
    };
    let limited: Vec<String> = limited_rules(policy, row).iter().map(ToString::to_string).collect();
    let _ = write!(text, ": {reason}: {}", limited.join("; "));
    Some(text)
}

fn outlook(policy: &Policy, row: &DeclaredTest) -> Outlook {
    if row.is_public(policy.table()) {
        return Decision::Allow.into();
    }
    let id = row.permission(policy.table()).and_then(|name| policy.permission(name));
    let record = row.record.as_ref().map(|record| &record.value as &dyn Attributes);
    // That there is none was told when the policy was read.
    id.map_or(Decision::Deny.into(), |id| policy.outlook(&roles(row), id, row.when, record))
}

/// The rules on which it depends, as people say them.
fn limited_rules(policy: &Policy, row: &DeclaredTest) -> Vec<RoleRule> {
    let now = Situation::then(row.when.unwrap_or(Timestamp::from_unix_seconds(0)));
    let permission = row.permission(policy.table()).unwrap_or_default();
    let mut rules = policy.rules_about(roles(row), permission, &now, RULES);
    rules.retain(|rule| !rule.limits.is_empty());
    rules
}

fn roles(row: &DeclaredTest) -> Vec<&str> {
    row.roles.iter().map(|role| role.value.as_str()).collect()
}

/// The row as people tell it from others: `clerk · invoice:approve { "amount" = 500 } at 2026-12-01T09:00:00.000Z`.
fn named(row: &DeclaredTest) -> String {
    let roles = roles(row);
    let who = if roles.is_empty() { "no role".to_owned() } else { roles.join(" + ") };
    let mut name = format!("{who} · {}", row.action.value);
    if let Some(record) = &row.record {
        let _ = write!(name, " {{ {} }}", written(record.value.iter()));
    }
    if let Some(when) = row.when {
        let _ = write!(name, " at {when}");
    }
    name
}
