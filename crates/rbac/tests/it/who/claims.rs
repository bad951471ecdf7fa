//! What holds of claims whoever the provider is.

use gambeson_core::Principal;
use gambeson_rbac::Policy;

use super::providers::{may, outcome, policy};

const CORP: &str = "[claims.corp]\nissuer = \"https://corp\"\ngroups = { staff = \"clerk\" }";

#[test]
fn an_issuer_without_a_table_gives_no_roles_where_another_has_one() {
    let policy = policy(CORP);
    assert_eq!(may(&policy, "https://corp", r#"{"groups": ["staff"]}"#), "a");
    for issuer in ["https://other", "https://corp/", "HTTPS://CORP", ""] {
        let caller = Principal::user(issuer, "mallory").role("clerk").role("boss").group("staff");
        let caller = caller.claims(r#"{"groups": ["staff"], "roles": ["boss"]}"#).build();
        assert_eq!(outcome(&policy, &caller), "", "{issuer}");
    }
}

#[test]
fn without_any_table_roles_are_as_the_principal_has_them() {
    let caller = Principal::user("https://any", "alice").role("boss").group("staff").build();
    assert_eq!(outcome(&policy(""), &caller), "b");
    assert_eq!(outcome(&policy("[claims]"), &caller), "", "a section without a table is one all the same");
}

#[test]
fn only_what_the_table_says_counts() {
    let claims = r#"{"groups": ["staff"], "roles": ["boss"]}"#;
    let caller = Principal::user("https://corp", "alice").role("boss").claims(claims).build();
    assert_eq!(outcome(&policy(CORP), &caller), "a");
    let with_roles = policy(&format!("{CORP}\nroles_at = \"roles\""));
    assert_eq!(outcome(&with_roles, &caller), "ab");
}

#[test]
fn a_caller_whom_the_app_describes_is_mapped_by_its_lists() {
    let caller = Principal::user("https://corp", "alice").role("boss").group("staff").build();
    assert_eq!(outcome(&policy(CORP), &caller), "a");
    assert_eq!(outcome(&policy(&format!("{CORP}\nroles_at = \"roles\"")), &caller), "ab");
}

#[test]
fn what_is_wrong_in_the_tables_is_told_with_its_line() {
    let text = r#"version = 1
[permissions]
a = {}
[roles]
clerk = { grants = ["a"] }
[claims.one]
issuer = "i"
groups = { g = "clrek", h = ["clerk", 7] }
on_overage = "none"
group = {}
[claims.two]
issuer = "i"
preset = "okto"
roles_at = "/a~b"
[claims.three]
groups = {}
[services]
reports = { roles = ["clerk"] }
"spiffe://Prod/x" = ["clerk"]
"spiffe://prod/x" = ["clerk"]
y = { issuer = "spiffe://prod", client = "spiffe://prod/x", roles = ["nobody"] }
z = ["clerk"]
"#;
    let error = Policy::parse(text).unwrap_err();
    let found: Vec<_> = error.findings().iter().map(|finding| (finding.id, finding.position.line)).collect();
    let expected = [
        ("unknown-role", 8),
        ("wrong-type", 8),
        ("unknown-overage", 9),
        ("unknown-key", 10),
        ("duplicate-issuer", 12),
        ("unknown-preset", 13),
        ("claim-path", 14),
        ("missing-key", 15),
        ("claims-without-roles", 15),
        ("service-issuer", 18),
        ("spiffe-id", 19),
        ("duplicate-service", 21),
        ("unknown-role", 21),
        ("wrong-type", 22),
    ];
    assert_eq!(found, expected, "{error}");
    let error = error.to_string();
    assert!(error.contains("did you mean `okta`?") && error.contains("did you mean `clerk`?"), "{error}");
}
