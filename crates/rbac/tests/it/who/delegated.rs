//! Who acts for somebody needs the permission too, by their own issuer's rules (RFC 8693 §4.1).

use gambeson_core::{Principal, PrincipalBuilder};

use super::providers::{outcome, policy};

const BOTH: &str = r#"[claims.id]
issuer = "https://id"
groups = { all = "Everything", clerks = "clerk" }
[services]
reports = { issuer = "https://id", roles = ["clerk"] }
gateway = { issuer = "https://edge", roles = ["Everything"] }
reports-of-edge = { issuer = "https://edge", client = "reports", roles = ["boss"] }
"#;

fn alice(group: &str) -> PrincipalBuilder {
    Principal::user("https://id", "alice").claims(format!(r#"{{"groups": ["{group}"]}}"#))
}

fn service(issuer: &'static str, name: &str) -> PrincipalBuilder {
    Principal::service(issuer, name)
}

#[test]
fn the_actor_is_mapped_by_its_own_issuer_and_both_must_be_allowed() {
    let policy = policy(BOTH);
    let through = |caller: PrincipalBuilder, actor: PrincipalBuilder| {
        outcome(&policy, &caller.actor(actor.build()).build())
    };
    assert_eq!(through(alice("all"), service("https://id", "reports")), "a");
    assert_eq!(through(alice("all"), service("https://edge", "reports")), "b");
    assert_eq!(through(alice("clerks"), service("https://edge", "reports")), "", "nothing in common");
    assert_eq!(through(alice("clerks"), service("https://edge", "gateway")), "a", "never more than alice");
    assert_eq!(
        through(alice("all"), service("https://id", "gateway")),
        "",
        "the gateway is of another issuer"
    );
    assert_eq!(through(alice("all"), service("https://third", "reports")), "");
    let person = || Principal::user("https://id", "bob").claims(r#"{"groups": ["clerks"]}"#);
    assert_eq!(through(alice("all"), person()), "a");
}

#[test]
fn of_two_behind_each_other_the_current_actor_counts() {
    let policy = policy(BOTH);
    let through = |current: PrincipalBuilder, before: PrincipalBuilder| {
        let actor = current.actor(before.build()).build();
        outcome(&policy, &alice("all").actor(actor).build())
    };
    // "Prior actors … are informational only": they neither give nor take.
    assert_eq!(through(service("https://id", "reports"), service("https://edge", "gateway")), "a");
    assert_eq!(through(service("https://edge", "gateway"), service("https://id", "reports")), "ab");
    assert_eq!(through(service("https://edge", "gateway"), service("https://third", "nobody")), "ab");
    assert_eq!(through(service("https://third", "nobody"), service("https://edge", "gateway")), "");
}

#[test]
fn a_doubt_about_either_is_no_answer() {
    let policy = policy(BOTH);
    let overage = || Principal::user("https://id", "bob").claims(r#"{"hasgroups": true}"#);
    assert_eq!(outcome(&policy, &alice("all").actor(overage().build()).build()), "?");
    assert_eq!(outcome(&policy, &overage().actor(service("https://edge", "gateway").build()).build()), "?");
}
