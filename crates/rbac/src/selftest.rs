//! Running the test rows that a policy carries.

use gambeson_core::Access;

use crate::bits::PermissionId;
use crate::policy::{DeclaredTest, Policy};

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
    /// Runs the `[[test]]` rows: each says what a caller with exactly these roles may do.
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
            let allowed = row_is_allowed(self, row);
            if allowed == row.allowed {
                report.passed += 1;
            } else {
                let roles: Vec<&str> = row.roles.iter().map(|role| role.value.as_str()).collect();
                let who = if roles.is_empty() { "no role".to_owned() } else { roles.join(" + ") };
                let (expected, got) = (word(row.allowed), word(allowed));
                report.failures.push(format!("{who} · {}: expected {expected}, got {got}", row.action.value));
            }
        }
        report
    }
}

pub(crate) fn row_is_allowed(policy: &Policy, row: &DeclaredTest) -> bool {
    match target(policy, row) {
        Target::Public => true,
        Target::Unknown => false,
        Target::Permission(id) => policy.roles_may(row.roles.iter().map(|role| role.value.as_str()), id),
    }
}

/// What a test row is about.
enum Target {
    Public,
    Permission(PermissionId),
    Unknown,
}

fn target(policy: &Policy, row: &DeclaredTest) -> Target {
    let permission = match row.action.value.split_once(' ') {
        None => policy.permission(&row.action.value),
        Some((method, template)) => match policy.table().rule_named(method, template) {
            Some(rule) if matches!(rule.access, Access::Public(_)) => return Target::Public,
            rule => rule.and_then(|rule| rule.permission),
        },
    };
    permission.map_or(Target::Unknown, Target::Permission)
}

fn word(allowed: bool) -> &'static str {
    if allowed { "allow" } else { "deny" }
}
