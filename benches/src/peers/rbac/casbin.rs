//! casbin, with one rule for each role, and a caller's roles as its grouping rules; also behind its cache.

use casbin::{CachedEnforcer, CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi, RbacApi};

use super::Decider;
use crate::drive::now;

/// Its documentation's model of roles.
pub(super) const MODEL: &str = "
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

pub(super) struct Casbin<E> {
    enforcer: E,
    things: Vec<String>,
}

impl Decider for Casbin<Enforcer> {
    const NAME: &'static str = "casbin";
    type Caller = String;

    fn with_roles(roles: usize) -> Self {
        ruled(roles)
    }

    fn caller(&mut self, number: usize, role: usize) -> String {
        known(&mut self.enforcer, number, role)
    }

    fn allows(&self, caller: &String, thing: usize) -> bool {
        allows(self, caller, thing)
    }
}

impl Decider for Casbin<CachedEnforcer> {
    const NAME: &'static str = "casbin-cached";
    type Caller = String;

    fn with_roles(roles: usize) -> Self {
        ruled(roles)
    }

    fn caller(&mut self, number: usize, role: usize) -> String {
        known(&mut self.enforcer, number, role)
    }

    fn allows(&self, caller: &String, thing: usize) -> bool {
        allows(self, caller, thing)
    }
}

fn ruled<E: CoreApi + MgmtApi>(roles: usize) -> Casbin<E> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut enforcer = runtime.block_on(async {
        let model = DefaultModel::from_str(MODEL).await.expect("a model");
        E::new(model, MemoryAdapter::default()).await.expect("an enforcer")
    });
    let rules = (0..roles).map(|n| vec![format!("role{n}"), format!("thing{n}"), "read".to_owned()]);
    assert!(now(enforcer.add_policies(rules.collect())).is_ok_and(|added| added), "the rules are new");
    Casbin { enforcer, things: (0..roles).map(|n| format!("thing{n}")).collect() }
}

fn known<E: RbacApi>(enforcer: &mut E, number: usize, role: usize) -> String {
    let name = format!("alice{number}");
    for role in [role, 1, 2] {
        // `role1` may be said twice, and is new once.
        now(enforcer.add_role_for_user(&name, &format!("role{role}"), None)).expect("a role");
    }
    name
}

fn allows<E: CoreApi>(casbin: &Casbin<E>, caller: &str, thing: usize) -> bool {
    casbin.enforcer.enforce((caller, casbin.things[thing].as_str(), "read")).expect("a decision")
}
