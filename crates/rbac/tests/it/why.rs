//! Why somebody may or may not: what is told, and that it agrees with what is decided.

use std::sync::LazyLock;

use gambeson_core::Principal;
use gambeson_rbac::{Decision, Effect, Policy, Stage};
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
