//! Test rows about records and times, and what a lint says of rules that none of them looks at.

use gambeson_rbac::{Policy, lint};

const POLICY: &str = r#"version = 1
[permissions]
read = {}
pay = { attributes = { amount = "number", currency = "text", urgent = "flag" } }
ship = {}
[roles]
clerk = { grants = ["read", { perm = "pay", when = { amount = { max = 500 }, currency = "EUR" } }] }
boss = { inherits = ["clerk"], grants = ["pay"], deny = [{ perm = "pay", when = { urgent = true } }] }
temp = { grants = [{ perm = "ship", from = "2026-12-01T00:00:00Z", until = "2027-01-01T00:00:00Z" }] }
night = { grants = [{ perm = "pay", when = { urgent = false }, until = "2027-01-01T00:00:00Z" }] }
[routes]
"POST /pay" = { perm = "pay" }
"GET /livez" = { public = "probe" }
"#;

fn rows(rows: &str) -> String {
    let rows: String =
        rows.lines().map(|row| format!("[[test]]\n{}\n", row.trim().replace("; ", "\n"))).collect();
    format!("{POLICY}{rows}")
}

fn failures(text: &str) -> Vec<String> {
    Policy::parse(&rows(text)).unwrap().run_tests().failures
}

#[test]
fn a_row_says_upon_which_record_and_when() {
    let held = r#"as = ["clerk"]; do = "pay"; expect = "allow"; record = { amount = 500, currency = "EUR" }
        as = ["clerk"]; do = "pay"; expect = "deny"; record = { amount = 501, currency = "EUR" }
        as = ["clerk"]; do = "pay"; expect = "deny"; record = { amount = 0x10, currency = "CHF" }
        as = ["clerk"]; do = "POST /pay"; expect = "conditional"
        as = ["boss"]; do = "pay"; expect = "conditional"
        as = ["boss"]; do = "pay"; expect = "deny"; record = { urgent = true }
        as = ["boss"]; do = "pay"; expect = "allow"; record = { urgent = false }
        as = ["temp"]; do = "ship"; expect = "conditional"
        as = ["temp"]; do = "ship"; expect = "deny"; at = "2026-11-30T23:59:59Z"
        as = ["temp"]; do = "ship"; expect = "allow"; at = 2026-12-01T01:00:00+01:00
        as = ["temp"]; do = "ship"; expect = "deny"; at = "2027-01-01T00:00:00Z"
        as = ["night"]; do = "pay"; expect = "conditional"; record = { urgent = false }
        as = ["night"]; do = "pay"; expect = "deny"; record = { urgent = true }
        as = ["night"]; do = "pay"; expect = "conditional"; at = "2026-12-01T00:00:00Z"
        as = ["night"]; do = "pay"; expect = "deny"; at = "2027-01-01T00:00:00Z"
        as = []; do = "GET /livez"; expect = "allow"
        as = ["temp"]; do = "pay"; expect = "deny""#;
    assert_eq!(failures(held), Vec::<String>::new());
}

#[test]
fn what_depends_on_something_is_neither_allowed_nor_denied_and_the_failure_says_on_what() {
    let failed = failures(
        r#"as = ["clerk"]; do = "pay"; expect = "deny"
        as = ["clerk"]; do = "pay"; expect = "allow"
        as = ["temp"]; do = "ship"; expect = "deny"
        as = ["night"]; do = "pay"; expect = "deny"
        as = ["night"]; do = "pay"; expect = "allow"; record = { urgent = false }
        as = ["clerk", "boss"]; do = "pay"; expect = "conditional"; record = { amount = -1, currency = "\"", urgent = true }; at = "2026-12-01T09:00:00Z"
        as = ["clerk"]; do = "pay"; expect = "allow"; record = { amount = 1 }
        as = ["clerk"]; do = "read"; expect = "conditional"
        as = ["boss"]; do = "pay"; expect = "allow"
        as = []; do = "pay"; expect = "allow""#,
    );
    let clerk = "clerk grants pay when amount is at most 500 and currency is EUR";
    let expected = [
        format!("clerk · pay: expected deny, got conditional: it depends on the record: {clerk}"),
        format!("clerk · pay: expected allow, got conditional: it depends on the record: {clerk}"),
        "temp · ship: expected deny, got conditional: it depends on the time: temp grants ship from \
         2026-12-01T00:00:00.000Z until 2027-01-01T00:00:00.000Z"
            .to_owned(),
        "night · pay: expected deny, got conditional: it depends on the record and the time: night grants pay when \
         urgent is false until 2027-01-01T00:00:00.000Z"
            .to_owned(),
        "night · pay { \"urgent\" = false }: expected allow, got conditional: it depends on the time: night grants pay \
         when urgent is false until 2027-01-01T00:00:00.000Z"
            .to_owned(),
        "clerk + boss · pay { \"amount\" = -1, \"currency\" = \"\\\"\", \"urgent\" = true } at 2026-12-01T09:00:00.000Z: \
         expected conditional, got deny"
            .to_owned(),
        format!("clerk · pay {{ \"amount\" = 1 }}: expected allow, got indeterminate: the record can't tell: {clerk}"),
        "clerk · read: expected conditional, got allow".to_owned(),
        "boss · pay: expected allow, got conditional: it depends on the record: boss denies pay when urgent is true; boss → "
            .to_owned()
            + clerk,
        "no role · pay: expected allow, got deny".to_owned(),
    ];
    assert_eq!(failed, expected);
}

/// A window must not make a condition out of a record that lacks what is asked for.
#[test]
fn what_the_record_cannot_tell_at_one_time_is_indeterminate_over_all() {
    let night = "night grants pay when urgent is false until 2027-01-01T00:00:00.000Z";
    let failed =
        failures(r#"as = ["night"]; do = "pay"; expect = "conditional"; record = { currency = "EUR" }"#);
    let expected = "night · pay { \"currency\" = \"EUR\" }: expected conditional, got indeterminate: the record can't tell";
    assert_eq!(failed, [format!("{expected}: {night}")]);
}

#[test]
fn windows_without_a_gap_are_no_condition() {
    let both = r#"temp = { grants = [{ perm = "ship", until = "2027-01-01T00:00:00Z" }, { perm = "ship", from = "2027-01-01T00:00:00Z" }] }"#;
    let gap = both.replace("from = \"2027-01-01T00:00:00Z\"", "from = \"2027-01-01T00:00:01Z\"");
    let test = |temp: &str| {
        let line = POLICY.lines().find(|line| line.starts_with("temp")).unwrap();
        let text = rows(r#"as = ["temp"]; do = "ship"; expect = "allow""#).replace(line, temp);
        Policy::parse(&text).unwrap().run_tests().is_ok()
    };
    assert!(test(both) && !test(&gap));
}

#[test]
fn a_condition_after_a_window_counts_as_both() {
    let late = r#"temp = { grants = [{ perm = "pay", until = "2027-01-01T00:00:00Z" }, { perm = "pay", when = { urgent = true }, from = "2027-02-01T00:00:00Z" }] }"#;
    let line = POLICY.lines().find(|line| line.starts_with("temp")).unwrap();
    let text = rows(r#"as = ["temp"]; do = "pay"; expect = "deny""#).replace(line, late);
    let failures = Policy::parse(&text).unwrap().run_tests().failures;
    assert!(
        failures[0].contains("it depends on the record and the time: temp grants pay until"),
        "{failures:?}"
    );
}

#[test]
fn rows_that_cannot_be_run_are_told_with_their_place() {
    let text = rows(
        r#"as = ["clerk"]; do = "pay"; expect = "allow"; record = { ammount = 1 }
        as = ["clerk"]; do = "POST /pay"; expect = "allow"; record = { amount = "1" }
        as = ["clerk"]; do = "pay"; expect = "allow"; record = { amount = 1.5 }
        as = ["clerk"]; do = "pay"; expect = "allow"; record = { amount = 9223372036854775808 }
        as = ["clerk"]; do = "pay"; expect = "allow"; record = 7
        as = ["clerk"]; do = "pay"; expect = "allow"; at = "noon"
        as = ["clerk"]; do = "GET /livez"; expect = "allow"; record = { amount = 1 }
        as = ["clerk"]; do = "read"; expect = "sometimes"; when = 1"#,
    );
    let error = Policy::parse(&text).unwrap_err();
    let first = POLICY.lines().count();
    let found: Vec<_> = error
        .findings()
        .iter()
        .map(|finding| (finding.id, text.lines().nth(finding.position.line - 1).unwrap()))
        .collect();
    assert!(error.findings().iter().all(|finding| finding.position.line > first), "{error}");
    let expected = [
        ("unknown-attribute", "record = { ammount = 1 }"),
        ("attribute-type", "record = { amount = \"1\" }"),
        ("wrong-type", "record = { amount = 1.5 }"),
        ("wrong-type", "record = { amount = 9223372036854775808 }"),
        ("wrong-type", "record = 7"),
        ("moment", "at = \"noon\""),
        ("unknown-attribute", "record = { amount = 1 }"),
        ("unknown-expectation", "expect = \"sometimes\""),
        ("unknown-key", "when = 1"),
    ];
    assert_eq!(found, expected, "{error}");
    let error = error.to_string();
    for words in [
        "`pay` looks at no attribute `ammount` [unknown-attribute]: did you mean `amount`?",
        "attribute `amount` of `pay` is a number, but the record has a text [attribute-type]: write a number",
        "`GET /livez` looks at no attribute `amount` [unknown-attribute]: none is declared",
    ] {
        assert!(error.contains(words), "{words} in {error}");
    }
}

#[test]
fn rows_can_be_json() {
    let text = r#"{
        "version": 1,
        "permissions": { "pay": { "attributes": { "amount": "number" } } },
        "roles": { "clerk": { "grants": [{ "perm": "pay", "when": { "amount": { "max": 500 } }, "until": "2027-01-01T00:00:00Z" }] } },
        "test": [
            { "as": ["clerk"], "do": "pay", "expect": "conditional" },
            { "as": ["clerk"], "do": "pay", "expect": "allow", "record": { "amount": 500 }, "at": "2026-12-01T09:00:00Z" },
            { "as": ["clerk"], "do": "pay", "expect": "deny", "record": { "amount": 501 } }
        ]
    }"#;
    let report = Policy::parse(text).unwrap().run_tests();
    assert_eq!((report.passed, report.failures), (3, Vec::new()));
}

#[cfg(feature = "yaml")]
#[test]
fn rows_can_be_yaml() {
    let text = "---
version: 1
permissions:
  pay: { attributes: { amount: number, urgent: flag } }
roles:
  clerk:
    grants:
      - { perm: pay, when: { amount: { max: 500 }, urgent: true } }
test:
  - { as: [clerk], do: pay, expect: conditional }
  - { as: [clerk], do: pay, expect: allow, record: { amount: 500, urgent: true }, at: 2026-12-01T09:00:00Z }
  - { as: [clerk], do: pay, expect: deny, record: { amount: 500, urgent: false } }
";
    let report = Policy::parse(text).unwrap().run_tests();
    assert_eq!((report.passed, report.failures), (3, Vec::new()));
}

#[test]
fn a_rule_with_limits_is_tested_by_a_row_within_them() {
    let untested = |tests: &str| -> Vec<String> {
        let findings = lint(&rows(tests)).into_iter();
        findings.filter(|finding| finding.id == "untested-rule").map(|finding| finding.message).collect()
    };
    let clerk = "no test row expects what `clerk` grants by `pay`";
    let boss = "no test row expects what `boss` denies by `pay`";
    let temp = "no test row expects what `temp` grants by `ship`";
    let of_clerk = |row: &str| {
        untested(&format!(
            "as = [\"clerk\"]; do = \"pay\"; {row}\nas = [\"clerk\"]; do = \"read\"; expect = \"allow\""
        ))
    };
    assert_eq!(of_clerk(r#"expect = "deny"; record = { amount = 501, currency = "EUR" }"#), [clerk]);
    assert_eq!(of_clerk(r#"expect = "allow"; record = { amount = 500 }"#), [clerk], "that can't be told");
    assert!(of_clerk(r#"expect = "allow"; record = { amount = 500, currency = "EUR" }"#).is_empty());
    assert!(of_clerk(r#"expect = "conditional""#).is_empty());
    let of_boss = |row: &str| {
        untested(&format!(
            "as = [\"boss\"]; do = \"pay\"; {row}\nas = [\"boss\"]; do = \"pay\"; expect = \"allow\"; record = {{ urgent = false }}"
        ))
    };
    assert_eq!(of_boss(r#"expect = "allow"; record = { urgent = false }"#), [boss]);
    assert!(of_boss(r#"expect = "deny"; record = { urgent = true }"#).is_empty());
    let of_temp = |row: &str| untested(&format!("as = [\"temp\"]; do = \"ship\"; {row}"));
    assert_eq!(of_temp(r#"expect = "deny"; at = "2027-01-01T00:00:00Z""#), [temp]);
    assert!(of_temp(r#"expect = "allow"; at = "2026-12-01T00:00:00Z""#).is_empty());
    assert!(of_temp(r#"expect = "conditional""#).is_empty());
    let two = r#"temp = { grants = [{ perm = "pay", when = { urgent = true }, until = "2027-01-01T00:00:00Z" }, { perm = "pay", when = { urgent = false }, until = "2027-01-01T00:00:00Z" }] }"#;
    let line = POLICY.lines().find(|line| line.starts_with("temp")).unwrap();
    let row = rows(r#"as = ["temp"]; do = "pay"; expect = "conditional"; record = { urgent = false }"#);
    let found = lint(&row.replace(line, two)).into_iter().filter(|finding| finding.id == "untested-rule");
    let places: Vec<usize> = found.map(|finding| finding.position.column).collect();
    assert_eq!(places, [two.find("\"pay\"").unwrap() + 1], "the record rules it out");
    let cures =
        lint(&rows("as = [\"temp\"]; do = \"ship\"; expect = \"deny\"; at = \"2027-01-01T00:00:00Z\""));
    let cure = cures.iter().find(|finding| finding.message == temp).unwrap();
    assert_eq!(
        cure.cure,
        "add a [[test]] with `expect = \"allow\"`, and a record or time within its limits, for it"
    );
}
