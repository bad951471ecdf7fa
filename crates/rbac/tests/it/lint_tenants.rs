//! When a policy is told that its issuers are not bound to their tenants.

use gambeson_rbac::{Linter, PolicyHandle, Routes, need};

use crate::lint_samples::{of_id, said};

const HEAD: &str = "version = 1\n[permissions]\n\"notes:read\" = {}\n";

#[test]
fn tenants_are_asked_for_only_of_several_issuers_and_only_where_they_are_not_said() {
    let a = "[claims.a]\nissuer = \"a\"\nroles_at = \"r\"\n";
    let b = "[claims.b]\nissuer = \"b\"\nroles_at = \"r\"\ntenants = []\n";
    let told = |claims: &str| said(&format!("{HEAD}{claims}"), "unbound-tenants").len();
    assert_eq!((told(a), told(b), told(&format!("{a}{b}"))), (0, 0, 1));
}

#[test]
fn issuers_of_services_are_bound_where_tenants_matter() {
    let jobs =
        "[services]\njobs = { issuer = \"edge\", roles = [] }\nmore = { issuer = \"edge\", roles = [] }\n";
    let others = "others = { issuer = \"other\", roles = [] }\n";
    let scope = "[routes]\n\"GET /{t}\" = { perm = \"notes:read\", scope = { tenant = \"path:t\" } }\n";
    let (claims, edge) = (
        "[claims.a]\nissuer = \"a\"\nroles_at = \"r\"\n",
        "[claims.edge]\nissuer = \"edge\"\ntenants = [\"*\"]\n",
    );
    let told = |parts: &[&str]| said(&format!("{HEAD}{}", parts.concat()), "unbound-tenants");
    for quiet in [&[claims, jobs, others][..], &[jobs, scope], &[jobs, others], &[claims, edge, jobs, scope]]
    {
        assert_eq!(told(quiet), Vec::<String>::new(), "{quiet:?}");
    }
    let none =
        "if they have one, write a [claims] table with this `issuer` and the `tenants` that it may name";
    let first = format!("the services of `edge` are in no tenant [unbound-tenants]: {none}");
    assert_eq!(told(&[claims, jobs, scope]), [format!("8:1: {first}")]);
    let second = format!("the services of `other` are in no tenant [unbound-tenants]: {none}");
    assert_eq!(told(&[claims, edge, jobs, others]), [format!("13:1: {second}")]);
    let each = told(&[jobs, others, scope]);
    assert!(each.len() == 2 && each[0].contains("`edge` is one of several issuers of services"), "{each:?}");
    // Scopes of routes in code count too.
    let text = format!("{HEAD}{jobs}{others}");
    let policy: PolicyHandle = text.parse().unwrap();
    let ask = need("notes:read").tenant_in("t");
    let entries = Routes::<()>::new(&policy).get("/{t}", ask, || async {}).inventory();
    let linter = Linter::new(&text).routes(&entries);
    assert_eq!(of_id(&linter, "unbound-tenants").len(), 2);
}

/// Whoever may name all tenants does so on purpose, and what is one issuer's alone is no matter.
#[test]
fn tenants_are_shared_only_where_two_lists_meet() {
    let told = |one: &str, other: &str| {
        let table = |name: &str, tenants: &str| {
            format!("[claims.{name}]\nissuer = \"{name}\"\ntenants = [{tenants}]\n")
        };
        said(&format!("{HEAD}{}{}", table("a", one), table("b", other)), "shared-tenants").len()
    };
    assert_eq!(told("\"acme\", \"eu-*\"", "\"globex\", \"us-*\""), 0);
    assert_eq!(told("\"*\"", "\"globex\""), 0);
    assert_eq!(told("\"eu-*\"", "\"eu-fr\""), 1);
}
