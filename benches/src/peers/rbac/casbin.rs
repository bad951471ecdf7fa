//! casbin, with one rule for each role and one role for each of three groups of the caller.

use std::hint::black_box;

use casbin::{CoreApi as _, DefaultModel, Enforcer, MemoryAdapter, MgmtApi as _, RbacApi as _};

use crate::drive::now;
use crate::{Case, Run};

const MODEL: &str = "
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act
";

pub(super) fn join(case: Case) -> Case {
    match case.name {
        "decide_warm" | "decide_cold_10_roles" => case.peer("casbin", || enforced(10)),
        _ => case,
    }
}

fn enforced(roles: usize) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut enforcer = runtime.block_on(async {
        let model = DefaultModel::from_str(MODEL).await.expect("a model");
        Enforcer::new(model, MemoryAdapter::default()).await.expect("an enforcer")
    });
    for n in 0..roles {
        let rule = vec![format!("role{n}"), format!("thing{n}"), "read".to_owned()];
        assert!(now(enforcer.add_policy(rule)).is_ok_and(|added| added), "the rule is new");
    }
    for role in ["role3", "role1", "role2"] {
        assert!(
            now(enforcer.add_role_for_user("alice", role, None)).is_ok_and(|added| added),
            "the role is new"
        );
    }
    // It decides as ours does before it is timed.
    for (thing, allowed) in [("thing3", true), ("thing1", true), ("thing5", false)] {
        assert_eq!(
            enforcer.enforce(("alice", thing, "read")).expect("a decision"),
            allowed,
            "the same decision"
        );
    }
    Box::new(move || {
        black_box(enforcer.enforce(black_box(("alice", "thing3", "read"))).is_ok());
    })
}
