//! What a lint says about a policy that works, but probably not as meant.

use gambeson_rbac::{Policy, Severity, lint};

const DOUBTFUL: &str = r#"version = 1
[permissions]
"notes:read" = {}
"notes:write" = {}
"notes:export" = {}
[roles]
viewer = { grants = ["notes:read"] }
editor = { inherits = ["viewer"], grants = ["notes:read", "notes:write"] }
intern = { grants = ["notes:write"], deny = ["notes:write"] }
empty = {}
[routes]
"GET /notes" = { perm = "notes:read" }
"POST /notes" = { perm = "notes:write" }
[[test]]
as = ["viewer"]
do = "POST /notes"
expect = "deny"
[[test]]
as = ["editor", "intern"]
do = "notes:write"
expect = "allow"
"#;

#[test]
fn doubts_have_stable_ids_and_lines() {
    let found: Vec<_> = lint(DOUBTFUL).iter().map(|finding| (finding.id, finding.position.line)).collect();
    let expected = [
        ("unneeded-permission", 5),
        ("ungranted-permission", 5),
        ("untested-rule", 7),
        ("redundant-grant", 8),
        ("untested-rule", 8),
        ("shadowed-grant", 9),
        ("untested-rule", 9),
        ("unused-role", 10),
        ("untested-role", 10),
        ("failed-test", 18),
    ];
    assert_eq!(found, expected);
    assert!(lint(DOUBTFUL).iter().all(|finding| finding.severity == Severity::Warning));
    assert!(Policy::parse(DOUBTFUL).is_ok(), "doubts don't stop an app");
}

#[test]
fn test_rows_are_run() {
    let report = Policy::parse(DOUBTFUL).unwrap().run_tests();
    assert_eq!(report.passed, 1);
    assert_eq!(report.failures, ["editor + intern · notes:write: expected allow, got deny"]);
}
