use super::*;

fn ids(text: &str) -> Vec<(&'static str, usize)> {
    let error = Policy::parse(text).unwrap_err();
    error.findings().iter().map(|finding| (finding.id, finding.position.line)).collect()
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_line() {
    let text = r#"version = 2
[permissions]
"Notes:read" = {}
"notes:write" = { audit = "sometimes", privleged = true }
[roles]
a = { inherits = ["b"], grants = ["notes:wirte"] }
b = { inherits = ["a"], deny = ["audit:*"] }
c = { inherits = ["nobody"] }
[business_roles]
c = ["a"]
[routes]
"get /notes" = "public"
"GET /x" = { perm = "notes:none" }
"HEAD /x" = "public"
"GET /y" = "open"
[claim.entra]
issuer = "x"
[[test]]
as = ["zed"]
do = "notes:write"
expect = "maybe"
"#;
    let expected = [
        ("unknown-version", 1),
        ("permission-name", 3),
        ("unknown-audit-class", 4),
        ("unknown-key", 4),
        ("role-cycle", 6),
        ("unknown-permission", 6),
        ("empty-wildcard", 7),
        ("unknown-role", 8),
        ("ambiguous-role", 10),
        ("route-name", 12),
        ("unknown-permission", 13),
        ("route-name", 14),
        ("route-rule", 15),
        ("unknown-key", 16),
        ("unknown-expectation", 21),
    ];
    assert_eq!(ids(text), expected);
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    let error = Policy::parse("version = 1\n[role]\nx = {}").unwrap_err().to_string();
    assert_eq!(
        error,
        "policy refused\n  2:2: unknown key `role` in the policy [unknown-key]: did you mean `roles`?"
    );
    let error =
        Policy::parse("version = 1\n[permissions]\na = { audti = \"strict\" }").unwrap_err().to_string();
    assert!(error.contains("did you mean `audit`?"), "{error}");
}

#[test]
fn the_version_is_mandatory_and_broken_toml_has_its_place() {
    assert_eq!(ids(""), [("missing-version", 1)]);
    assert_eq!(ids("version = 1\n[permissions\n")[0], ("syntax", 2));
    assert_eq!(ids("version = \"1\""), [("unknown-version", 1)]);
}

#[test]
fn json_is_the_same_schema_with_the_same_places() {
    let json = r#"{
  "version": 1,
  "permissions": {"notes:read": {}, "notes:delete": {"privileged": true, "acr": ["phr"]}},
  "roles": {"viewer": {"grants": ["*:read"]}, "admin": {"inherits": ["viewer"], "grants": ["notes:*"]}},
  "routes": {"GET /notes": {"perm": "notes:read"}, "GET /livez": "public"},
  "test": [{"as": ["viewer"], "do": "GET /notes", "expect": "allow"}]
}"#;
    let policy = Policy::parse(json).unwrap();
    let viewer = Principal::user("i", "s").role("viewer").build();
    assert!(policy.may(&viewer, "notes:read") && !policy.may(&viewer, "notes:delete"));
    assert!(policy.is_privileged(policy.permission("notes:delete").unwrap()));
    assert_eq!((policy.run_tests().passed, policy.run_tests().failures.len()), (1, 0));

    let bad = r#"{
  "version": 1,
  "permissions": {"notes:read": {"privleged": true}},
  "roles": {"viewer": {"grants": 7}, "admin": null}
}"#;
    assert_eq!(ids(bad), [("unknown-key", 3), ("wrong-type", 4), ("null", 4)]);
    for (text, expected) in [
        ("\n {\"version\": 1,}", ("syntax", 2)),
        ("{\"version\": 1,\n\"version\": 1}", ("syntax", 2)),
        ("{\"version\": \"1\"}", ("unknown-version", 1)),
        ("{}", ("missing-version", 1)),
        ("{\"version\": 1} x", ("syntax", 1)),
    ] {
        assert_eq!(ids(text), [expected], "{text}");
    }
}

#[cfg(feature = "yaml")]
#[test]
fn yaml_is_the_same_schema_with_the_same_places() {
    let yaml = r#"# Reviewed by two.
---
version: 1
permissions:
  notes:read: {}
  notes:delete: { privileged: true, acr: [phr], max_age: 10m }
roles:
  viewer: { grants: ["*:read"] }
  admin:
    inherits: [viewer]
    grants: ["notes:*"]
routes:
  GET /notes: { perm: notes:read }
  GET /livez: public
test:
  - { as: [viewer], do: GET /notes, expect: allow }
"#;
    let policy = Policy::parse(yaml).unwrap();
    let viewer = Principal::user("i", "s").role("viewer").build();
    assert!(policy.may(&viewer, "notes:read") && !policy.may(&viewer, "notes:delete"));
    assert_eq!((policy.run_tests().passed, policy.run_tests().failures.len()), (1, 0));
    let bad = yaml.replace("privileged: true", "privleged: true").replace("[viewer]\n", "[viewr]\n");
    assert_eq!(ids(&bad), [("unknown-key", 6), ("unknown-role", 10)]);
    for (from, to, expected) in [
        ("[\"*:read\"]", "[*:read]", ("syntax", 8)),
        ("privileged: true", "privileged: yes", ("wrong-type", 6)),
        ("version: 1", "version: '1'", ("unknown-version", 3)),
        ("  GET /livez: public", "  GET /notes: public", ("syntax", 14)),
        ("  GET /livez: public", "  GET /livez:", ("null", 14)),
    ] {
        assert_eq!(ids(&yaml.replace(from, to))[0], expected, "{to}");
    }
    assert_eq!(ids("--- []")[0], ("wrong-type", 1));
}

#[cfg(not(feature = "yaml"))]
#[test]
fn yaml_without_its_feature_is_told() {
    let error = Policy::parse("# why\n---\nversion: 1").unwrap_err().to_string();
    assert!(error.contains("feature `yaml`"), "{error}");
}

#[test]
fn sections_that_come_later_are_refused_and_not_ignored() {
    for section in ["[[separation_of_duties]]", "[[break_glass]]"] {
        assert_eq!(ids(&format!("version = 1\n{section}\n"))[0], ("unknown-key", 2), "{section}");
    }
    let conditional =
        "version = 1\n[permissions]\na = {}\n[roles]\nr = { grants = [{ perm = \"a\", when = {} }] }";
    assert_eq!(ids(conditional), [("wrong-type", 5)]);
}

#[test]
fn a_reload_keeps_the_numbers_and_forgets_what_is_gone() {
    let before = Policy::parse("version = 1\n[permissions]\na = {}\nb = {}").unwrap();
    let text = "version = 1\n[permissions]\nb = {}\nc = {}\n[roles]\nr = { grants = [\"*\"] }";
    let after = Policy::parse_after(text, Some(&before)).unwrap();
    assert_eq!(before.permission("b"), after.permission("b"));
    assert_eq!(after.permission("a"), None);
    let caller = Principal::user("i", "s").role("r").build();
    assert_eq!(after.decide(&caller, before.permission("a").unwrap()), Decision::Indeterminate);
    assert!(after.may(&caller, "b") && after.may(&caller, "c") && !after.may(&caller, "a"));
}

#[test]
fn an_actor_needs_the_permission_too() {
    let policy = Policy::parse(
        "version = 1\n[permissions]\na = {}\nb = {}\n[roles]\nall = { grants = [\"*\"] }\none = { grants = [\"a\"] }",
    )
    .unwrap();
    let service = Principal::service("i", "reports").role("one").build();
    let delegated = Principal::user("i", "alice").role("all").actor(service).build();
    assert!(policy.may(&delegated, "a") && !policy.may(&delegated, "b"));
}

#[test]
fn a_chain_of_ten_thousand_roles_needs_no_deep_stack() {
    let mut text = String::from("version = 1\n[permissions]\na = {}\n[roles]\nr0 = { grants = [\"a\"] }\n");
    for role in 1..10_000 {
        let _ = writeln!(text, "r{role} = {{ inherits = [\"r{}\"] }}", role - 1);
    }
    let policy = Policy::parse(&text).unwrap();
    assert!(policy.may(&Principal::user("i", "s").role("r9999").build(), "a"));
}
