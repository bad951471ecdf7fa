//! What a newer policy gives and takes.

use gambeson_rbac::Policy;

const OLD: &str = r#"
version = 1
[permissions]
"notes:read" = {}
"notes:write" = {}
"notes:delete" = { audit = "strict" }
[roles]
viewer = { grants = ["notes:read"] }
editor = { inherits = ["viewer"], grants = ["notes:write"] }
intern = { inherits = ["editor"], deny = ["notes:write"] }
[business_roles]
"Team Lead" = ["editor"]
[routes]
"GET /notes" = { perm = "notes:read" }
"POST /notes" = { perm = "notes:write" }
"DELETE /notes/{id}" = { perm = "notes:delete" }
"#;

fn diff(change: impl Fn(String) -> String) -> (Vec<String>, Vec<String>) {
    let (old, new) = (Policy::parse(OLD).unwrap(), Policy::parse(&change(OLD.into())).unwrap());
    let lines = |changes: &[gambeson_rbac::Change]| changes.iter().map(ToString::to_string).collect();
    let diff = old.diff(&new);
    let back = new.diff(&old);
    assert_eq!(diff.gained.is_empty() && diff.lost.is_empty(), diff.is_empty());
    assert_eq!(diff.is_empty(), back.is_empty());
    (lines(&diff.gained), lines(&diff.lost))
}

#[test]
fn the_same_rights_in_other_words_are_no_difference() {
    let reworded =
        diff(|old| old.replace("grants = [\"notes:write\"]", "grants = [\"notes:write\", \"notes:read\"]"));
    assert_eq!(reworded, (vec![], vec![]));
}

#[test]
fn a_grant_is_told_for_each_role_and_endpoint_that_it_reaches() {
    let (gained, lost) =
        diff(|old| old.replace("grants = [\"notes:write\"]", "grants = [\"notes:write\", \"notes:delete\"]"));
    let expected = [
        "Team Lead: notes:delete",
        "Team Lead: DELETE /notes/{id}",
        "editor: notes:delete",
        "editor: DELETE /notes/{id}",
        "intern: notes:delete",
        "intern: DELETE /notes/{id}",
    ];
    assert_eq!((gained, lost), (expected.map(String::from).into(), vec![]));
}

#[test]
fn a_safeguard_that_is_gone_is_a_gain() {
    let (gained, lost) =
        diff(|old| old.replace(", deny = [\"notes:write\"]", "").replace("{ audit = \"strict\" }", "{}"));
    let expected = [
        "anyone: strict audit of notes:delete",
        "intern: notes:write",
        "intern: POST /notes",
        "intern: denial of notes:write",
    ];
    assert_eq!((gained, lost), (expected.map(String::from).into(), vec![]));
    let (gained, lost) =
        diff(|old| old.replace("\"notes:read\" = {}", "\"notes:read\" = { audit = \"strict\" }"));
    assert_eq!((gained, lost), (vec![], vec!["anyone: strict audit of notes:read".to_owned()]));
}

#[test]
fn a_route_that_becomes_public_is_a_gain_of_anyone_told_once() {
    let public = |old: String| {
        old.replace("\"GET /notes\" = { perm = \"notes:read\" }", "\"GET /notes\" = \"public\"")
    };
    assert_eq!(diff(public), (vec!["anyone: GET /notes".to_owned()], vec![]));
    // The way back: anyone loses it, those who have the permission keep it.
    let (old, new) = (Policy::parse(&public(OLD.into())).unwrap(), Policy::parse(OLD).unwrap());
    let lost: Vec<String> = old.diff(&new).lost.iter().map(ToString::to_string).collect();
    assert_eq!(lost, ["anyone: GET /notes"]);
}

#[test]
fn routes_and_roles_that_come_and_go_count() {
    let (gained, lost) =
        diff(|old| old.replace("\"POST /notes\"", "\"PUT /notes\"").replace("\"Team Lead\"", "\"Lead\""));
    assert!(gained.contains(&"editor: PUT /notes".into()) && gained.contains(&"Lead: notes:write".into()));
    assert!(lost.contains(&"editor: POST /notes".into()) && lost.contains(&"Team Lead: notes:write".into()));
    let (gained, lost) = diff(|old| format!("{old}\"fallback\" = {{ perm = \"notes:write\" }}\n"));
    assert_eq!(
        (gained, lost),
        (vec!["Team Lead: fallback".to_owned(), "editor: fallback".to_owned()], vec![])
    );
}

#[test]
fn what_anyone_may_is_said_once_and_limits_count_where_they_matter() {
    let text = |grants: &str, route: &str| {
        let text = format!(
            "version = 1\n[permissions]\na = {{ attributes = {{ n = \"number\" }} }}\n[roles]\nbase = {{ grants = [{grants}] }}\n\
             heir = {{ inherits = [\"base\"] }}\n[routes]\n\"GET /a\" = {route}\n"
        );
        Policy::parse(&text).unwrap()
    };
    let gained =
        |old: &Policy, new: &Policy| old.diff(new).gained.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (asks, limited) = ("{ perm = \"a\" }", "{ perm = \"a\", when = { n = 1 } }");
    assert_eq!(gained(&text("", asks), &text("", "\"public\"")), ["anyone: GET /a"]);
    let both = ["base: a when n is 1", "heir: a when n is 1"];
    assert_eq!(gained(&text("", asks), &text(limited, asks)), both, "by inheritance too");
    assert!(
        text("\"a\"", asks).diff(&text(&format!("\"a\", {limited}"), asks)).is_empty(),
        "it was granted anyway"
    );
}

#[test]
fn a_tenant_more_or_less_for_an_issuer_is_told() {
    let of = |tenants: &str| {
        let claims = match tenants {
            "no claims" => String::new(),
            _ => format!("[claims.a]\nissuer = \"https://a\"\nroles_at = \"roles\"\n{tenants}\n"),
        };
        Policy::parse(&format!("{OLD}{claims}")).unwrap()
    };
    let lines =
        |changes: &[gambeson_rbac::Change]| changes.iter().map(ToString::to_string).collect::<Vec<_>>();
    let diff = |old: &str, new: &str| {
        let diff = of(old).diff(&of(new));
        (lines(&diff.gained), lines(&diff.lost))
    };
    let none = Vec::<String>::new;
    let (acme, both, all) = ("tenants = ['acme']", "tenants = ['acme', 'eu-*']", "tenants = ['*']");
    assert_eq!(diff(acme, both), (vec!["anyone: tenant eu-*, named by https://a".to_owned()], none()));
    assert_eq!(diff(both, acme), (none(), vec!["anyone: tenant eu-*, named by https://a".to_owned()]));
    assert_eq!(diff(both, all), (vec!["anyone: tenant *, named by https://a".to_owned()], none()));
    assert_eq!(diff(all, ""), (none(), none()), "the only issuer names all");
    assert_eq!(diff("no claims", acme), (none(), vec!["anyone: tenant *, named by any issuer".to_owned()]));
    assert_eq!(diff("no claims", "no claims"), (none(), none()));
}
