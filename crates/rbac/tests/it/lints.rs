//! What a lint says about a policy that works, but probably not as meant.

use gambeson_core::Access;
use gambeson_rbac::{Linter, Policy, RouteEntry, Severity, lint};
use http::Method;

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

/// Two permissions, of which one is privileged.
const HEAD: &str = "version = 1\n[permissions]\nread = { attributes = { urgent = \"flag\" } }\npurge = { privileged = true, attributes = { urgent = \"flag\" } }\n";

fn told(linter: &Linter<'_>, id: &str) -> Vec<String> {
    linter.findings().into_iter().filter(|finding| finding.id == id).map(|finding| finding.message).collect()
}

#[test]
fn a_privilege_that_asks_for_something_or_ends_is_not_standing() {
    let standing = |grant: &str| {
        told(
            &Linter::new(&format!("{HEAD}[roles]\na = {{ grants = [{{ perm = \"purge\", {grant} }}] }}\n")),
            "standing-privilege",
        )
        .len()
    };
    assert_eq!(standing("when = { urgent = true }"), 0);
    assert_eq!(standing("until = 2027-01-01T00:00:00Z"), 0);
    assert_eq!(standing("from = 2027-01-01T00:00:00Z"), 1);
}

#[test]
fn only_a_wildcard_of_the_same_role_captures() {
    let old = format!("{HEAD}[roles]\na = {{ grants = [\"*\", \"read\"] }}\nb = {{ grants = [\"read\"] }}\n");
    let previous = Policy::parse(&old).unwrap();
    let new = old.replace("purge = {", "burn = { privileged = true }\npurge = {");
    let captured = |text: &str| told(&Linter::new(text).previous(&previous), "wildcard-captures-privileged");
    assert_eq!(captured(&new), ["`*` of role `a` now gives the privileged `burn`"]);
    assert_eq!(
        captured(&new.replace("b = { grants = [\"read\"]", "b = { grants = [\"*\"]")).len(),
        1,
        "b's is new"
    );
    let named = old.replace("read = {", "read = { privileged = true,");
    assert_eq!(
        captured(&named),
        ["`*` of role `a` now gives the privileged `read`"],
        "a name is no wildcard"
    );
}

#[test]
fn names_and_uses_of_every_kind_of_role_count() {
    let roles = "[roles]\na = { deny = [\"read\"] }\nb = { grants = [{ perm = \"read\", until = 2027-01-01T00:00:00Z }] }\n\
                 c = { inherits = [\"a\"] }\n[business_roles]\nA = [\"b\"]\n";
    let text = format!("{HEAD}{roles}");
    assert!(told(&Linter::new(&text), "unused-role").is_empty());
    assert_eq!(told(&Linter::new(&text), "case-only-names"), ["`A` and `a` differ only in case"]);
    let claims = "[claims.x]\nissuer = \"i\"\ngroups = { g = [\"b\", \"c\"] }\n";
    let text = format!("{HEAD}{roles}{claims}");
    assert_eq!(told(&Linter::new(&text), "unreachable-role"), ["nobody comes by role `A`"]);
}

#[test]
fn routes_that_fit_are_not_told() {
    let text = format!(
        "{HEAD}[routes]\n\"GET /x\" = {{ perm = \"read\" }}\n\"GET /metrics\" = {{ perm = \"read\" }}\n"
    );
    let routes = [
        RouteEntry::new(Method::GET, "/x", Access::Permission("read".into())),
        RouteEntry::new(Method::GET, "/metrics", Access::Management),
    ];
    let linter = Linter::new(&text).routes(&routes);
    assert!(
        told(&linter, "policy-without-route").is_empty() && told(&linter, "route-without-policy").is_empty()
    );
}

#[test]
fn doubts_wait_until_the_policy_can_be_read() {
    let found = lint(&format!("{HEAD}[roles]\na = {{ grants = [\"raed\"] }}\nb = {{}}\n"));
    assert!(
        !found.is_empty() && found.iter().all(|finding| finding.severity == Severity::Error),
        "{found:?}"
    );
}

#[test]
fn a_long_name_may_be_further_off_and_of_many_names_some_are_told() {
    let cure = |names: &[&str], asked: &str| {
        let declared: String = names.iter().map(|name| format!("{name:?} = {{}}\n")).collect();
        let text = format!("version = 1\n[permissions]\n{declared}[roles]\na = {{ grants = [{asked:?}] }}\n");
        lint(&text).into_iter().find(|finding| finding.id == "unknown-permission").unwrap().cure
    };
    let long = "administration:read";
    assert!(cure(&[long, "x"], "xdministrxtixn:rexd").ends_with("did you mean `administration:read`?"));
    assert!(cure(&["read", "x"], "rxxx").contains("known are"));
    let names: Vec<String> = (10..23).map(|number| format!("name{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!(cure(&names[..12], "other-thing").ends_with("`name20`, `name21`"));
    assert!(cure(&names, "other-thing").ends_with("`name20`, `name21`, …"));
}

#[test]
fn the_matrix_names_privileges_and_only_roles_that_there_are() {
    let text = format!(
        "{HEAD}[roles]\na = {{}}\n[routes]\n\"GET /p\" = {{ perm = \"purge\" }}\n\"GET /o\" = {{ public = \"a\\nb|c\" }}\n"
    );
    let matrix = gambeson_rbac::Matrix::of_policy(&Policy::parse(&text).unwrap());
    assert!(matrix.markdown().contains("| purge (privileged) |"), "{}", matrix.markdown());
    assert!(matrix.markdown().contains("| public: a b\\|c |"), "{}", matrix.markdown());
    assert!(
        matrix.html().contains(">Roles</th>") && !matrix.html().contains("Business roles"),
        "{}",
        matrix.html()
    );
}
