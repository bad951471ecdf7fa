//! The functions of INCITS 359 as properties: core (§5), hierarchical (§6.2), static and dynamic separation of duties
//! (§6.3, §6.4), over random hierarchies in which each role `r3` has one permission of its own, `own:r3`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use gambeson_core::{Authentication, Challenges, ManualClock, Principal, RequestFacts, RequestHead};
use gambeson_rbac::{Activations, AuthorizeLayer, MemoryActivations, Policy, PolicyHandle};
use http::Request;
use proptest::prelude::*;
use proptest::sample::Index;
use tower::{Layer, ServiceExt};

use crate::support::{Inner, Sink};

const ROLES: usize = 8;

type Edges = Vec<(usize, usize)>;

/// A child and its parent; a cycle is possible where `acyclic` is false.
fn edges(acyclic: bool) -> impl Strategy<Value = Edges> {
    proptest::collection::vec((0..ROLES, 0..ROLES), 0..12).prop_map(move |edges| {
        let keep = |(child, parent): &(usize, usize)| !acyclic || child > parent;
        edges.into_iter().filter(keep).collect()
    })
}

fn text(edges: &Edges, duties: &[(&str, BTreeSet<usize>, usize)]) -> String {
    let mut text = String::from("version = 1\n[permissions]\n");
    (0..ROLES).for_each(|role| text.push_str(&format!("\"own:r{role}\" = {{}}\n")));
    text.push_str("[roles]\n");
    for role in 0..ROLES {
        let parents: Vec<String> = edges
            .iter()
            .filter(|(child, _)| *child == role)
            .map(|(_, parent)| format!("r{parent}"))
            .collect();
        let _ = writeln!(text, "r{role} = {{ grants = [\"own:r{role}\"], inherits = {parents:?} }}");
    }
    for (kind, roles, max) in duties {
        let roles: Vec<String> = roles.iter().map(|role| format!("r{role}")).collect();
        let _ = writeln!(
            text,
            "[[separation_of_duties]]\nname = \"s\"\nkind = \"{kind}\"\nroles = {roles:?}\nmax = {max}"
        );
    }
    text.push_str("[routes]\n");
    (0..ROLES)
        .for_each(|role| text.push_str(&format!("\"GET /own:r{role}\" = {{ perm = \"own:r{role}\" }}\n")));
    text
}

fn caller(roles: impl IntoIterator<Item = usize>) -> Principal {
    roles.into_iter().fold(Principal::user("i", "s"), |caller, role| caller.role(format!("r{role}"))).build()
}

/// The roles whose own permission the holder of these has.
fn authorized(policy: &Policy, roles: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
    let caller = caller(roles);
    (0..ROLES).filter(|role| policy.may(&caller, &format!("own:r{role}"))).collect()
}

fn reaches(edges: &Edges, from: usize, to: usize, left: usize) -> bool {
    let parents = || edges.iter().filter(|(child, _)| *child == from).map(|(_, parent)| *parent);
    left > 0 && parents().any(|parent| parent == to || reaches(edges, parent, to, left - 1))
}

fn set() -> impl Strategy<Value = (BTreeSet<usize>, usize)> {
    (proptest::collection::btree_set(0..ROLES, 2..5), any::<Index>()).prop_map(|(roles, max)| {
        let max = 1 + max.index(roles.len() - 1);
        (roles, max)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_closure_is_a_partial_order(edges in edges(false)) {
        let cyclic = (0..ROLES).any(|role| reaches(&edges, role, role, ROLES));
        let policy = match Policy::parse(&text(&edges, &[])) {
            Ok(policy) => policy,
            Err(error) => {
                prop_assert!(cyclic, "{}", error);
                prop_assert!(error.findings().iter().all(|finding| finding.id == "role-cycle"), "{}", error);
                return Ok(());
            }
        };
        prop_assert!(!cyclic);
        let above = |role: usize| authorized(&policy, [role]);
        for a in 0..ROLES {
            prop_assert!(above(a).contains(&a), "reflexive");
            for b in above(a) {
                prop_assert!(a == b || !above(b).contains(&a), "antisymmetric");
                prop_assert!(above(b).is_subset(&above(a)), "transitive");
                prop_assert!(a == b || reaches(&edges, a, b, ROLES), "no more than is written");
            }
        }
    }

    /// AssignUser, DeassignUser: what a user has is what each of the roles has.
    #[test]
    fn a_user_has_the_union_of_the_roles(edges in edges(true), held in proptest::collection::btree_set(0..ROLES, 0..5)) {
        let policy = Policy::parse(&text(&edges, &[])).unwrap();
        let each: BTreeSet<usize> = held.iter().flat_map(|role| authorized(&policy, [*role])).collect();
        prop_assert_eq!(authorized(&policy, held.clone()), each);
    }

    /// GrantPermission, RevokePermission: a grant reaches the role and those that inherit from it, and nobody else.
    #[test]
    fn a_grant_reaches_the_role_and_its_seniors(edges in edges(true), role in 0..ROLES) {
        let before = text(&edges, &[]).replace("[permissions]\n", "[permissions]\n\"new:one\" = {}\n");
        let after = before.replace(&format!("grants = [\"own:r{role}\"]"), &format!("grants = [\"own:r{role}\", \"new:one\"]"));
        let (before, after) = (Policy::parse(&before).unwrap(), Policy::parse(&after).unwrap());
        for other in 0..ROLES {
            let senior = other == role || reaches(&edges, other, role, ROLES);
            prop_assert_eq!(after.may(&caller([other]), "new:one"), senior);
            prop_assert!(!before.may(&caller([other]), "new:one"));
        }
    }

    /// AddInheritance, DeleteInheritance: more inheritance never takes away.
    #[test]
    fn inheritance_only_adds(edges in edges(true), more in (1..ROLES, any::<Index>()), held in 0..ROLES) {
        let mut wider = edges.clone();
        wider.push((more.0, more.1.index(more.0)));
        let (before, after) = (Policy::parse(&text(&edges, &[])).unwrap(), Policy::parse(&text(&wider, &[])).unwrap());
        prop_assert!(authorized(&before, [held]).is_subset(&authorized(&after, [held])));
    }

    #[test]
    fn static_separation_holds_over_inherited_roles(
        edges in edges(true),
        (roles, max) in set(),
        held in proptest::collection::btree_set(0..ROLES, 0..5),
    ) {
        let plain = Policy::parse(&text(&edges, &[])).unwrap();
        let count = |authorized: &BTreeSet<usize>| authorized.intersection(&roles).count();
        let alone = (0..ROLES).any(|role| count(&authorized(&plain, [role])) > max);
        match Policy::parse(&text(&edges, &[("static", roles.clone(), max)])) {
            Err(error) => prop_assert!(alone, "{}", error),
            Ok(policy) => {
                prop_assert!(!alone);
                let has = authorized(&policy, held.clone());
                prop_assert!(count(&has) <= max);
                let all = authorized(&plain, held);
                if count(&all) <= max {
                    prop_assert_eq!(has, all, "who has no more keeps everything");
                } else {
                    prop_assert!(count(&has) == 0, "who has more keeps none");
                }
            }
        }
    }

    /// CreateSession, AddActiveRole, DropActiveRole, CheckAccess.
    #[test]
    fn dynamic_separation_holds_over_the_active_set(
        edges in edges(true),
        (roles, max) in set(),
        held in proptest::collection::btree_set(0..ROLES, 0..6),
        steps in proptest::collection::vec((any::<bool>(), 0..ROLES), 0..8),
    ) {
        let Ok(policy) = text(&edges, &[("dynamic", roles.clone(), max)]).parse::<PolicyHandle>() else {
            return Ok(());
        };
        let clock = ManualClock::default();
        let activations = Activations::open(
            &policy,
            MemoryActivations::default(),
            Arc::new(Sink::default()),
            Arc::new(clock.clone()),
        )
        .unwrap();
        let layer = AuthorizeLayer::new(&policy, by_path)
            .clock(Arc::new(clock))
            .audit(Arc::new(Sink::default()))
            .activations(&activations);
        let caller = caller(held.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut active = BTreeSet::new();
            for (add, role) in steps {
                let facts = RequestFacts::of(asking(&caller, role).extensions()).cloned().unwrap();
                if add {
                    let before = usable(&layer, &caller).await;
                    if activations.activate(&facts, &format!("r{role}")).await.is_ok() {
                        prop_assert!(held.contains(&role));
                        active.insert(role);
                        prop_assert!(usable(&layer, &caller).await.is_superset(&before), "activation only adds");
                        prop_assert!(usable(&layer, &caller).await.contains(&role));
                    } else {
                        prop_assert_eq!(usable(&layer, &caller).await, before);
                    }
                } else {
                    prop_assert_eq!(activations.end(&facts, &format!("r{role}")).unwrap(), active.remove(&role));
                }
                let in_use = usable(&layer, &caller).await.intersection(&roles).count();
                prop_assert!(in_use <= max, "{} in use", in_use);
            }
            Ok(())
        })?;
    }
}

fn asking(caller: &Principal, role: usize) -> Request<()> {
    let mut request = Request::get(format!("/own:r{role}")).body(()).unwrap();
    let authentication = Authentication::Verified(caller.clone(), Challenges::none());
    RequestFacts::ensure(&mut request).authenticate(authentication).unwrap();
    request
}

async fn usable(layer: &AuthorizeLayer, caller: &Principal) -> BTreeSet<usize> {
    let mut usable = BTreeSet::new();
    for role in 0..ROLES {
        let answer = layer.layer(Inner::default()).oneshot(asking(caller, role)).await.unwrap();
        if answer.status() == 200 {
            usable.insert(role);
        }
    }
    usable
}

fn by_path<'a>(head: &RequestHead<'a>) -> Option<&'a str> {
    Some(head.uri.path())
}
