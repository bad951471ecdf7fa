//! Why somebody may or may not: what is told, and that it agrees with what is decided.

use std::sync::LazyLock;

use gambeson_core::Principal;
use gambeson_rbac::{Attribute, Decision, Effect, Policy, Situation, Stage};
use proptest::prelude::*;

const POLICY: &str = r#"
version = 1
[permissions]
"notes:read" = {}
"notes:write" = {}
"notes:delete" = { privileged = true }
"audit:read" = {}
"audit:purge" = {}
[roles]
base = { grants = ["notes:read"] }
viewer = { inherits = ["base"] }
editor = { inherits = ["viewer"], grants = ["notes:write"] }
keeper = { grants = ["notes:*"] }
sweeper = { grants = ["notes:delete"] }
intern = { inherits = ["careful"], grants = ["*:read"] }
careful = { deny = ["*:delete"] }
[business_roles]
"Team Lead" = ["editor", "sweeper"]
"House Keeping" = ["sweeper"]
[routes]
"GET /notes" = { perm = "notes:read" }
"DELETE /notes/{id}" = { perm = "notes:delete" }
"GET /livez" = { public = "probe" }
"#;

fn policy() -> Policy {
    Policy::parse(POLICY).unwrap()
}

#[test]
fn a_grant_is_told_with_the_way_to_it() {
    let why = policy().why_roles(["editor"], "GET /notes");
    assert_eq!((why.decision, why.stage), (Decision::Allow, Stage::Roles));
    assert_eq!(why.line(), "editor → viewer → base grants notes:read");
    let expected = "allow: GET /notes asks for notes:read\n  stage: roles\n  \
                    reason: editor → viewer → base grants notes:read\n  \
                    the caller: editor → viewer → base grants notes:read";
    assert_eq!(why.to_string(), expected);
}

#[test]
fn a_denial_wins_and_is_told_first() {
    let why = policy().why_roles(["keeper", "intern"], "DELETE /notes/{id}");
    assert_eq!(why.decision, Decision::Deny);
    assert_eq!(why.line(), "intern → careful denies *:delete");
    let effects: Vec<Effect> = why.caller.rules.iter().map(|rule| rule.effect).collect();
    assert_eq!(effects, [Effect::Denies, Effect::Grants]);
    assert_eq!(why.missing, None, "no grant would help");
}

#[test]
fn the_nearest_missing_grant_names_the_narrowest_roles_that_give_it() {
    let why = policy().why_roles(["editor", "nobody\u{1b}[2J"], "DELETE /notes/{id}");
    let missing = why.missing.clone().unwrap();
    assert_eq!(&*missing.permission, "notes:delete");
    assert_eq!(missing.role.as_deref(), Some("sweeper"), "keeper gives more");
    assert_eq!(missing.business_role.as_deref(), Some("House Keeping"));
    let line =
        "no role of the caller grants notes:delete; role sweeper gives it, or business role House Keeping";
    assert_eq!(why.line(), line);
    assert!(why.to_string().contains(r"role nobody\u{1b}[2J is unknown to the policy"), "{why}");
    let never = policy().why_roles(["editor"], "audit:purge").line();
    assert_eq!(never, "no role of the caller grants audit:purge; no role gives it");
}

#[test]
fn stages_before_the_roles_are_told_apart() {
    let policy = policy();
    let stage = |asked: &str| {
        let why = policy.why_roles(["editor"], asked);
        (why.stage, why.decision)
    };
    assert_eq!(stage("GET /livez"), (Stage::Public, Decision::Allow));
    assert_eq!(stage("GET /other"), (Stage::Route, Decision::Deny));
    assert_eq!(stage("PUT /notes"), (Stage::Method, Decision::Deny));
    assert_eq!(stage("notes:print"), (Stage::Permission, Decision::Indeterminate));
    assert_eq!(stage("HEAD /notes"), (Stage::Roles, Decision::Allow));
    let open = format!("{POLICY}\"fallback\" = {{ perm = \"audit:read\" }}\n");
    let open = Policy::parse(&open).unwrap();
    assert_eq!(open.why_roles(["intern"], "GET /other").line(), "intern grants *:read");
}

#[test]
fn an_actor_that_lacks_what_the_caller_has_decides() {
    let service = Principal::service("i", "sync").role("viewer").build();
    let caller = Principal::user("i", "alice").role("sweeper").actor(service).build();
    let why = policy().why(&caller, "notes:delete");
    assert_eq!((why.decision, why.stage), (Decision::Deny, Stage::Actor));
    assert!(
        why.line().starts_with("no role of the actor grants notes:delete; role sweeper"),
        "{}",
        why.line()
    );
}

#[test]
fn a_line_has_an_end() {
    let long = "é".repeat(400);
    let text = format!("version = 1\n[permissions]\na = {{}}\n[roles]\n\"{long}\" = {{ deny = [\"a\"] }}\n");
    let line = Policy::parse(&text).unwrap().why_roles([long.as_str()], "a").line();
    assert!(line.len() <= 512 && line.ends_with('…'), "{}", line.len());
}

const ROLES: [&str; 9] =
    ["base", "viewer", "editor", "keeper", "sweeper", "intern", "careful", "Team Lead", "unknown"];

proptest! {
    #[test]
    fn what_is_told_agrees_with_what_is_decided(
        held in proptest::sample::subsequence(&ROLES[..], 0..5),
        acting in proptest::option::of(proptest::sample::subsequence(&ROLES[..], 0..4)),
    ) {
        static SHARED: LazyLock<Policy> = LazyLock::new(policy);
        let policy = &*SHARED;
        let mut caller = Principal::user("i", "s");
        for role in &held {
            caller = caller.role(*role);
        }
        if let Some(acting) = &acting {
            let mut actor = Principal::service("i", "a");
            for role in acting {
                actor = actor.role(*role);
            }
            caller = caller.actor(actor.build());
        }
        let caller = caller.build();
        for name in policy.permissions() {
            let why = policy.why(&caller, name);
            prop_assert_eq!(why.decision, policy.decide(&caller, policy.permission(name).unwrap()), "{}", name);
            let sides = std::iter::once(&why.caller).chain(&why.actor);
            let allowed = sides.clone().all(|side| side.rules.first().is_some_and(|rule| rule.effect == Effect::Grants));
            prop_assert_eq!(why.decision == Decision::Allow, allowed, "{}", why);
            let denied = sides.flat_map(|side| &side.rules).any(|rule| rule.effect == Effect::Denies);
            prop_assert!(!denied || why.decision == Decision::Deny);
        }
    }
}

/// Roles that may, as far as the record, the time and each other let them.
const LIMITED: &str = r#"version = 1
[permissions]
pay = { attributes = { amount = "number", urgent = "flag" } }
[roles]
clerk = { grants = [{ perm = "pay", when = { amount = { max = 1 } } }] }
boss = { grants = ["pay"] }
late = { grants = [{ perm = "pay", until = 2020-01-01T00:00:00Z }, { perm = "pay", when = { amount = 7 } }] }
calm = { deny = [{ perm = "pay", when = { urgent = true } }] }
auditor = { deny = ["pay"] }
[[separation_of_duties]]
name = "four-eyes"
kind = "static"
roles = ["boss", "auditor", "late"]
max = 1
"#;

fn why_upon(roles: &[&str], record: Option<&dyn gambeson_rbac::Attributes>) -> gambeson_rbac::Why {
    let policy = Policy::parse(LIMITED).unwrap();
    let caller = roles.iter().fold(Principal::user("i", "bob"), |bob, role| bob.role(*role)).build();
    let now = Situation::then(gambeson_core::Timestamp::from_unix_seconds(1_800_000_000));
    policy.why_in(&caller, "pay", &record.map_or(now, |record| now.upon(record)))
}

#[test]
fn what_would_do_is_told_where_no_rule_says_it() {
    let large = [("amount", Attribute::Number(2)), ("urgent", Attribute::Flag(false))];
    let why = why_upon(&["clerk"], Some(&large));
    assert_eq!(
        why.missing.unwrap().role.as_deref(),
        Some("boss"),
        "another role gives it whatever the amount"
    );
    let why = why_upon(&["calm"], Some(&large));
    assert_eq!(
        why.line(),
        "no role of the caller grants pay; role boss gives it",
        "its denial does not hold"
    );
}

#[test]
fn the_rule_that_holds_is_told_before_those_that_do_not() {
    let large = [("amount", Attribute::Number(2)), ("urgent", Attribute::Flag(false))];
    assert_eq!(why_upon(&["clerk", "boss"], Some(&large)).line(), "boss grants pay");
    let why = why_upon(&["late"], None);
    assert_eq!(why.line(), "it depends on the record: late grants pay when amount is 7", "the other is over");
    let holds: Vec<_> = why.caller.rules.iter().map(|rule| rule.holds).collect();
    assert_eq!(holds, [Some(false), None]);
}

#[test]
fn roles_that_are_kept_apart_grant_nothing_and_still_deny() {
    let why = why_upon(&["auditor", "late"], None);
    assert_eq!(why.line(), "auditor denies pay");
    assert!(why.caller.rules.iter().any(|rule| rule.effect == Effect::Denies && rule.holds == Some(true)));
    let why = why_upon(&["boss", "late"], None);
    let expected = "the caller has roles that are kept apart, so they grant nothing: boss grants pay";
    assert!(why.line().starts_with(expected), "{}", why.line());
    assert!(why.caller.rules.iter().all(|rule| rule.holds == Some(false)), "{:?}", why.caller.rules);
}

#[test]
fn of_many_rules_and_roles_some_are_told() {
    let roles: String = (0..5_000)
        .map(|number| format!("r{number} = {{ inherits = [\"r{}\"], grants = [\"a\"] }}\n", number + 1))
        .collect();
    let text = format!(
        "version = 1\n[permissions]\na = {{}}\nb = {{}}\n[roles]\n{roles}r5000 = {{ grants = [\"b\"] }}\n"
    );
    let policy = Policy::parse(&text).unwrap();
    assert_eq!(policy.why_roles(["r0"], "a").caller.rules.len(), 16);
    let far = policy.why_roles(["r0"], "b");
    assert!(far.decision == Decision::Allow && far.caller.rules.is_empty(), "so far is not looked");
}

#[test]
fn what_is_shown_has_an_end_and_says_nothing_twice() {
    let many: Vec<String> = (0..40).map(|number| format!("unknown-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let why = why_upon(&many, None);
    assert_eq!(why.caller.unknown_roles.len(), 16);
    let shown = why.to_string();
    assert!(shown.starts_with("deny: pay\n"), "{shown}");
}

#[test]
fn the_narrowest_role_has_the_fewest_privileges_and_then_the_fewest_permissions() {
    let text = r#"version = 1
[permissions]
a = {}
b = {}
c = {}
p = { privileged = true }
[roles]
small = { grants = ["a", "p"] }
large = { grants = ["a", "b", "c"] }
nobody = { deny = ["b", "c"] }
[business_roles]
"Narrow" = ["large", "nobody"]
"#;
    let missing = Policy::parse(text).unwrap().why_roles([], "a").missing.unwrap();
    assert_eq!((missing.role.as_deref(), missing.business_role.as_deref()), (Some("large"), Some("Narrow")));
}
