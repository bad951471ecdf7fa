//! `gambeson rbac …` on a policy of realistic size, and on files that are no policy.

use std::fs;
use std::path::{Path, PathBuf};

use gambeson_core::Access;
use gambeson_rbac::{RouteEntry, inventory_text};

use crate::gambeson;

/// 12 roles, 60 permissions, 80 routes.
pub(crate) const COMPANY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../rbac/tests/fixtures/company.toml");

/// Exit code and both streams, one after the other.
fn said(arguments: &[&str]) -> (i32, String) {
    let (code, out, err) = gambeson(arguments);
    (code, out + &err)
}

/// A policy in a file of its own.
fn written(folder: &Path, name: &str, text: &str) -> String {
    let path: PathBuf = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn company() -> String {
    fs::read_to_string(COMPANY).unwrap()
}

#[test]
fn files_that_are_no_policy_are_told_by_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let directory = folder.path().to_str().unwrap().to_owned();
    let binary = file("binary", b"\x7fELF\x02\x01\xff\xfe");
    let zeros = file("zeros", b"version = 1\0\0");
    let large = folder.path().join("large");
    fs::File::create(&large).unwrap().set_len((16 << 20) + 1).unwrap();
    let cases = [
        ("no/such.toml".to_owned(), 3, "can't read no/such.toml: there is no such file"),
        (directory, 3, "it is a directory; name the file in it"),
        (binary, 3, "it is no text, byte 6 is not UTF-8; is it the right file?"),
        (zeros, 3, "it is no text, byte 11 is zero; is it the right file?"),
        (large.to_str().unwrap().to_owned(), 3, "it is longer than 16 MiB; is it the right file?"),
        (
            file("empty", b""),
            1,
            "1:1: the policy has no version [missing-version]: write `version = 1` as the first line",
        ),
        (
            file("other", b"version = 7"),
            1,
            "1:11: version 7 of the policy format is not known [unknown-version]",
        ),
        (file("json", b"{\"version\": 1"), 1, "[syntax]: mend the JSON here"),
    ];
    for (path, expected, words) in &cases {
        for arguments in [
            vec!["rbac", "lint", path],
            vec!["rbac", "test", path],
            vec!["rbac", "matrix", path],
            vec!["rbac", "why", "clerk", "invoice:read", "--policy", path],
            vec!["rbac", "diff", COMPANY, path],
            vec!["rbac", "diff", path, COMPANY],
            vec!["rbac", "unused", "--policy", path, "--from", "no/trail"],
            vec!["rbac", "replay", "--policy", path, "--from", "no/trail"],
        ] {
            let (code, text) = said(&arguments);
            assert_eq!(code, *expected, "{arguments:?}: {text}");
            assert!(text.contains(words), "{arguments:?}: {text}");
        }
    }
}

#[test]
fn a_wrong_command_line_is_misuse() {
    for arguments in [
        &["rbac", "lint"][..],
        &["rbac", "lint", COMPANY, "--allow", "nonsense"],
        &["rbac", "lint", COMPANY, "--allow", "role-cycle"],
        &["rbac", "matrix", COMPANY, "--csv", "--html"],
        &["rbac", "why", "clerk"],
        &["rbac", "why", "clerk", "GET", "/", "more"],
        &["rbac", "diff", COMPANY],
        &["rbac", "unused", "--policy", COMPANY],
        &["rbac", "replay", "--policy", COMPANY],
    ] {
        assert_eq!(gambeson(arguments).0, 2, "{arguments:?}");
    }
    let (_, text) = said(&["rbac", "lint", COMPANY, "--allow", "nonsense"]);
    assert!(text.contains("no warning is called nonsense; there are broad-role, "), "{text}");
}

#[test]
fn warnings_fail_when_asked_and_can_be_left_out() {
    let (code, text) = said(&["rbac", "lint", COMPANY]);
    assert!(code == 0 && text.contains("warning: ") && text.contains("\n0 errors, "), "{text}");
    assert_eq!(gambeson(&["rbac", "lint", COMPANY, "--strict"]).0, 1);
    let allowed =
        ["rbac", "lint", COMPANY, "--strict", "--allow", "standing-privilege", "--allow", "untested-rule"];
    assert_eq!(gambeson(&allowed), (0, "0 errors, 0 warnings\n".to_owned(), String::new()));
    let (code, text) = said(&["rbac", "test", COMPANY]);
    assert_eq!((code, text.as_str()), (0, "20 rows hold, 0 failed\n"));
}

#[test]
fn a_policy_without_test_rows_shows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bare = written(folder.path(), "bare.toml", "version = 1\n[roles]\nviewer = {}\n");
    let (code, text) = said(&["rbac", "test", &bare]);
    assert!(code == 1 && text.contains("bare.toml has no [[test]] row: write what must come out"), "{text}");
}

#[test]
fn test_rows_have_three_ends() {
    let folder = tempfile::tempdir().unwrap();
    let policy = r#"version = 1
[permissions]
"invoice:approve" = { attributes = { amount = "number" } }
[roles]
clerk = { grants = [{ perm = "invoice:approve", when = { amount = { max = 500 } }, until = 2027-01-01T00:00:00Z }] }
[[test]]
as = ["clerk"]
do = "invoice:approve"
expect = "conditional"
[[test]]
as = ["clerk"]
do = "invoice:approve"
record = { amount = 500 }
at = "2026-12-01T09:00:00Z"
expect = "allow"
"#;
    let good = written(folder.path(), "good.toml", policy);
    assert_eq!(said(&["rbac", "test", &good]), (0, "2 rows hold, 0 failed\n".to_owned()));
    let bad = policy.replace("\"conditional\"", "\"deny\"").replace("amount = 500", "amount = 501");
    let bad = written(folder.path(), "bad.toml", &bad);
    let rule = "clerk grants invoice:approve when amount is at most 500 until 2027-01-01T00:00:00.000Z";
    let expected = format!(
        "failed: clerk · invoice:approve: expected deny, got conditional: it depends on the record and the time: {rule}\n\
         failed: clerk · invoice:approve {{ \"amount\" = 501 }} at 2026-12-01T09:00:00.000Z: expected allow, got deny\n\
         0 rows hold, 2 failed\n"
    );
    assert_eq!(said(&["rbac", "test", &bad]), (1, expected));
}

#[test]
fn a_policy_is_held_against_its_previous_version_and_the_routes_of_the_app() {
    let folder = tempfile::tempdir().unwrap();
    let newer = company()
        .replace("\"stock:read\" = {}", "\"stock:read\" = {}\n\"stock:burn\" = { privileged = true }");
    let newer = written(folder.path(), "newer.toml", &newer);
    let (code, text) = said(&["rbac", "lint", &newer, "--previous", COMPANY]);
    assert!(code == 0 && text.contains("[wildcard-captures-privileged]"), "{text}");
    let over =
        company().replace("\"order:ship\"]", "{ perm = \"order:ship\", until = 2020-01-01T00:00:00Z }]");
    let over = written(folder.path(), "over.toml", &over);
    let (_, text) = said(&["rbac", "lint", &over]);
    assert!(
        text.contains("the grant of `order:ship` ended at 2020-01-01T00:00:00.000Z [expired-grant]"),
        "{text}"
    );
    let routes =
        written(folder.path(), "routes", "# of the app\nGET /api/invoices invoice:read\nGET /livez public\n");
    let (_, text) = said(&["rbac", "lint", COMPANY, "--routes", &routes]);
    assert_eq!(text.matches("[policy-without-route]").count(), 78, "{text}");
    let bad = written(folder.path(), "bad", "GET /livez public\nGET livez\n");
    let (code, text) = said(&["rbac", "lint", COMPANY, "--routes", &bad]);
    assert!(code == 3 && text.contains("bad:2: this is no route: write METHOD"), "{text}");
    // As an app writes them.
    let route = |template: &str, access| RouteEntry::new(http::Method::GET, template, access);
    let routes = [
        route("/livez", Access::Public("probe of the platform".into())),
        route("/api/invoices", Access::Permission("invoice:raed".into())),
    ];
    let routes = written(folder.path(), "routes", &inventory_text(&routes));
    let (code, text) = said(&["rbac", "lint", COMPANY, "--routes", &routes]);
    let wrong =
        "route `GET /api/invoices` needs the unknown permission `invoice:raed` [route-without-policy]";
    assert!(code == 0 && text.contains(wrong), "{text}");
    assert_eq!(text.matches("[policy-without-route]").count(), 78, "{text}");
}

#[test]
fn why_tells_rule_and_nearest_grant() {
    let (code, text) = said(&["rbac", "why", "accountant", "GET", "/api/stock", "--policy", COMPANY]);
    let way = "accountant → clerk → reader grants stock:read";
    let expected = format!(
        "allow: GET /api/stock asks for stock:read\n  stage: roles\n  reason: {way}\n  the caller: {way}\n"
    );
    assert_eq!((code, text), (0, expected));
    let asked = ["rbac", "why", "clerk, sales", "POST", "/api/invoices/{id}/approve", "--policy", COMPANY];
    let (code, text) = said(&asked);
    let missing =
        "nearest missing grant: invoice:approve: role approver gives it, or business role Finance Manager";
    assert!(code == 1 && text.contains(missing), "{text}");
    let (code, text) = said(&["rbac", "why", "sales,support", "customer:export", "--policy", COMPANY]);
    assert!(code == 1 && text.contains("reason: support denies *:export"), "{text}");
    assert_eq!(gambeson(&["rbac", "why", "", "GET /livez", "--policy", COMPANY]).0, 0);
}

const APART: &str = r#"version = 1
[permissions]
"invoice:pay" = {}
"invoice:approve" = {}
[roles]
approver = { grants = ["invoice:approve"] }
payer = { grants = ["invoice:pay"] }
[[separation_of_duties]]
name = "four eyes"
kind = "dynamic"
roles = ["approver", "payer"]
max = 1
[routes]
"GET /invoices/{id}" = { perm = "invoice:pay" }
"GET /files/{*path}" = { perm = "invoice:pay" }
"#;

#[test]
fn who_has_a_role_is_not_told_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let why = |policy: &str| said(&["rbac", "why", "approver,payer", "invoice:pay", "--policy", policy]);
    let (code, text) = why(&written(folder.path(), "dynamic.toml", APART));
    assert!(code == 1 && text.contains("\n  cure: activate payer"), "{text}");
    assert!(!text.contains("missing"), "{text}");
    // Of a static set no activation helps.
    let (code, text) = why(&written(folder.path(), "static.toml", &APART.replace("dynamic", "static")));
    assert!(code == 1 && text.contains("roles that are kept apart"), "{text}");
    assert!(!text.contains("activate") && !text.contains("missing"), "{text}");
}

#[test]
fn a_name_that_is_not_there_leads_to_the_one_that_may_be_meant() {
    let folder = tempfile::tempdir().unwrap();
    let policy = written(folder.path(), "policy.toml", APART);
    let cases = [
        (&["payer", "invoice:aprove"][..], "cure: did you mean `invoice:approve`?"),
        (&["payr", "invoice:pay"], "cure: role payr: did you mean `payer`?"),
        (&["payer", "GET", "/invoices/7"], "cure: did you mean `GET /invoices/{id}`?"),
        (&["payer", "get", "/invoices/{id}"], "cure: did you mean `GET /invoices/{id}`?"),
        (&["payer", "get", "/files/a/b"], "cure: did you mean `GET /files/{*path}`?"),
        (&["payer", "GET", "/invoice/{id}"], "cure: did you mean `GET /invoices/{id}`?"),
        (
            &["payer", "DELETE", "/somewhere/else"],
            "cure: known are `GET /files/{*path}`, `GET /invoices/{id}`",
        ),
    ];
    for (asked, words) in cases {
        let (code, text) = said(&[&["rbac", "why"], asked, &["--policy", &policy]].concat());
        assert!(
            code == 1 && text.ends_with(&format!("{words}\n"))
                || text.contains(&format!("{words}\n  nearest")),
            "{asked:?}: {text}"
        );
    }
    assert!(!said(&["rbac", "why", "payer,odd", "invoice:pay", "--policy", &policy]).1.contains("cure"));
}

#[test]
fn diff_fails_when_something_was_gained() {
    let folder = tempfile::tempdir().unwrap();
    let less = company().replace("\"invoice:void\", ", "");
    let less = written(folder.path(), "less.toml", &less);
    assert_eq!(said(&["rbac", "diff", COMPANY, COMPANY]), (0, "0 gained, 0 lost\n".to_owned()));
    let cells = [
        "Finance Manager: invoice:void",
        "Finance Manager: POST /api/invoices/{id}/void",
        "accountant: invoice:void",
        "accountant: POST /api/invoices/{id}/void",
    ];
    let lines = |sign: char| cells.map(|cell| format!("{sign} {cell}\n")).concat();
    assert_eq!(said(&["rbac", "diff", COMPANY, &less]), (0, format!("{}0 gained, 4 lost\n", lines('-'))));
    assert_eq!(said(&["rbac", "diff", &less, COMPANY]), (1, format!("{}4 gained, 0 lost\n", lines('+'))));
}

#[test]
fn the_matrix_has_three_forms() {
    let (code, markdown) = said(&["rbac", "matrix", COMPANY, "--md"]);
    assert_eq!((code, markdown.lines().count()), (0, 82));
    assert_eq!(said(&["rbac", "matrix", COMPANY]).1, markdown);
    let csv = said(&["rbac", "matrix", COMPANY, "--csv"]).1;
    assert!(csv.starts_with("route,asks for,reader,clerk,") && csv.lines().count() == 81, "{csv}");
    let html = said(&["rbac", "matrix", COMPANY, "--html"]).1;
    assert!(html.starts_with("<!doctype html>") && html.contains("<code>GET /api/stock</code>"), "{html}");
}
