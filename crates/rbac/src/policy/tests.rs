use gambeson_core::{ManualClock, Timestamp};

use super::*;
use crate::condition::{Attribute, Attributes};

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
fn a_template_with_a_blank_is_refused_since_no_path_has_one() {
    for template in ["/a b", "/a\u{a0}b", "/a\tb", " /a"] {
        let text = format!("version = 1\n[routes]\n{:?} = \"public\"", format!("GET {template}"));
        assert_eq!(ids(&text.replace("\\u{a0}", "\\u00a0")), [("route-name", 3)], "{template:?}");
    }
    let good = "version = 1\n[routes]\n\"GET /a%20b/{id}\" = \"public\"";
    assert!(Policy::parse(good).is_ok());
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

#[test]
fn what_is_wrong_in_a_clause_is_told_with_its_line() {
    let text = r#"version = 1
[permissions]
"a:b" = { attributes = { amount = "number", currency = "text", urgent = "flag" } }
"a:c" = { attributes = { amount = "nmber" } }
[roles]
r = { grants = [
  { perm = "a:b", when = {} },
  { perm = "a:b", when = { amont = { max = 1 } } },
  { perm = "a:b", when = { amount = "10" } },
  { perm = "a:*", when = { urgent = true } },
  { perm = "a:b", when = { amount = { min = 2, max = 1 } } },
  { perm = "a:b", when = { amount = 1.5 } },
  { perm = "a:b", when = { currency = { one_of = [] } } },
  { perm = "a:b", when = { currency = { one_of = ["EUR"], equals = "EUR" } } },
  { perm = "a:b", until = "2027-01-31" },
  { perm = "a:b", from = 2027-01-31T00:00:00Z, until = "2027-01-31T00:00:00Z" },
  { prem = "a:b" },
  7,
], deny = [{ perm = "a:d", when = { amount = { max = 1 } } }] }
"#;
    let expected = [
        ("attribute-type", 4),
        ("empty-condition", 7),
        ("unknown-attribute", 8),
        ("attribute-type", 9),
        ("unknown-attribute", 10),
        ("condition", 11),
        ("wrong-type", 12),
        ("condition", 13),
        ("condition", 14),
        ("moment", 15),
        ("empty-window", 16),
        ("missing-key", 17),
        ("unknown-key", 17),
        ("wrong-type", 18),
        ("unknown-permission", 19),
    ];
    assert_eq!(ids(text), expected);
    let error = Policy::parse(text).unwrap_err().to_string();
    assert!(error.contains("did you mean `amount`?"), "{error}");
    assert!(error.contains("attribute `amount` of `a:b` is a number, but is compared as a text"), "{error}");
}

const CLAUSES: &str = r#"version = 1
[permissions]
"a:b" = { attributes = { amount = "number", urgent = "flag" } }
[roles]
small = { grants = [{ perm = "a:b", when = { amount = { max = 10 } } }] }
urgent = { grants = [{ perm = "a:b", when = { urgent = true } }] }
all = { grants = ["a:b"] }
careful = { deny = [{ perm = "a:b", when = { amount = { min = 100 } } }] }
never = { deny = ["a:b"] }
soon = { grants = [{ perm = "a:b", from = "1970-01-01T00:00:10Z", until = "1970-01-01T00:00:20Z" }] }
rest = { deny = [{ perm = "a:b", until = "1970-01-01T00:00:10Z" }] }
heir = { inherits = ["small"] }
"#;

fn decided(roles: &[&str], second: i64, record: Option<&dyn Attributes>) -> Decision {
    let policy = Policy::parse(CLAUSES).unwrap();
    let clock = ManualClock::at(Timestamp::from_unix_seconds(second));
    let caller = roles.iter().fold(Principal::user("i", "s"), |caller, role| caller.role(*role)).build();
    let now = Situation::at(&clock);
    let situation = record.map_or(now, |record| now.upon(record));
    policy.decide_in(&caller, policy.permission("a:b").unwrap(), &situation)
}

#[test]
fn conditions_decide_upon_the_record_and_errors_never_allow() {
    use Decision::{Allow, Conditional, Deny, Indeterminate};
    let record = |amount: i64| [("amount", Attribute::Number(amount)), ("urgent", Attribute::Flag(true))];
    let (empty, text) = ([("other", Attribute::Flag(true))], [("amount", Attribute::Text("5"))]);
    for (roles, without, on_5, on_50, on_500, on_empty, on_text) in [
        (&["small"][..], Conditional, Allow, Deny, Deny, Indeterminate, Indeterminate),
        (&["heir"], Conditional, Allow, Deny, Deny, Indeterminate, Indeterminate),
        (&["small", "urgent"], Conditional, Allow, Allow, Allow, Indeterminate, Indeterminate),
        (&["all"], Allow, Allow, Allow, Allow, Allow, Allow),
        (&["all", "small"], Allow, Allow, Allow, Allow, Allow, Allow),
        (&["all", "careful"], Conditional, Allow, Allow, Deny, Indeterminate, Indeterminate),
        (&["careful"], Deny, Deny, Deny, Deny, Deny, Deny),
        (&["small", "careful"], Conditional, Allow, Deny, Deny, Indeterminate, Indeterminate),
        (&["all", "small", "never"], Deny, Deny, Deny, Deny, Deny, Deny),
    ] {
        assert_eq!(decided(roles, 0, None), without, "{roles:?}");
        assert_eq!(decided(roles, 0, Some(&record(5))), on_5, "{roles:?} 5");
        assert_eq!(decided(roles, 0, Some(&record(50))), on_50, "{roles:?} 50");
        assert_eq!(decided(roles, 0, Some(&record(500))), on_500, "{roles:?} 500");
        assert_eq!(decided(roles, 0, Some(&empty)), on_empty, "{roles:?} empty");
        assert_eq!(decided(roles, 0, Some(&text)), on_text, "{roles:?} text");
    }
}

#[test]
fn time_boxed_grants_and_denials_hold_in_their_time_only() {
    use Decision::{Allow, Deny};
    for (roles, at_9, at_10, at_19, at_20) in [
        (&["soon"][..], Deny, Allow, Allow, Deny),
        (&["all", "rest"], Deny, Allow, Allow, Allow),
        (&["soon", "never"], Deny, Deny, Deny, Deny),
    ] {
        for (second, expected) in [(9, at_9), (10, at_10), (19, at_19), (20, at_20)] {
            assert_eq!(decided(roles, second, None), expected, "{roles:?} {second}");
        }
    }
}

#[test]
fn one_remembered_caller_gains_and_loses_with_the_clock() {
    let policy = Policy::parse(CLAUSES).unwrap();
    let clock = ManualClock::at(Timestamp::from_unix_seconds(0));
    let caller = Principal::user("i", "s").role("soon").build();
    let id = policy.permission("a:b").unwrap();
    let decided = [0, 10, 20].map(|second| {
        clock.set(Timestamp::from_unix_seconds(second));
        policy.decide_in(&caller, id, &Situation::at(&clock))
    });
    assert_eq!(decided, [Decision::Deny, Decision::Allow, Decision::Deny]);
}

#[test]
fn who_acts_for_somebody_is_held_to_the_conditions_of_both() {
    let policy = Policy::parse(CLAUSES).unwrap();
    let service = Principal::service("i", "reports").role("small").build();
    let delegated = Principal::user("i", "alice").role("all").actor(service).build();
    let (clock, id) = (ManualClock::default(), policy.permission("a:b").unwrap());
    let now = Situation::at(&clock);
    assert_eq!(policy.decide_in(&delegated, id, &now), Decision::Conditional);
    for (amount, expected) in [(10, Decision::Allow), (11, Decision::Deny)] {
        assert_eq!(
            policy.decide_in(&delegated, id, &now.upon(&[("amount", Attribute::Number(amount))])),
            expected
        );
    }
}
