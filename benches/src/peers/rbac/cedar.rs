//! Cedar, with one policy for each role; a caller's entity and the request are made beforehand.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request};

use super::Decider;

pub(super) struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    things: Vec<EntityUid>,
}

pub(super) struct Caller {
    /// The caller with its roles as parents.
    entities: Entities,
    /// By thing.
    requests: HashMap<usize, Request>,
}

fn uid(text: &str) -> EntityUid {
    text.parse().expect("a name")
}

impl Decider for Cedar {
    const NAME: &'static str = "cedar-policy";
    type Caller = Caller;

    fn with_roles(roles: usize) -> Self {
        let policy = |n| {
            format!(
                "permit(principal in Role::\"role{n}\", action == Action::\"read\", resource == Thing::\"thing{n}\");\n"
            )
        };
        let policies = (0..roles).map(policy).collect::<String>().parse().expect("policies");
        let things = (0..roles).map(|n| uid(&format!("Thing::\"thing{n}\""))).collect();
        Self { authorizer: Authorizer::new(), policies, things }
    }

    fn caller(&mut self, number: usize, role: usize) -> Caller {
        let caller = uid(&format!("User::\"alice{number}\""));
        let parents: HashSet<_> =
            [role, 1, 2].iter().map(|role| uid(&format!("Role::\"role{role}\""))).collect();
        let roles = parents.iter().cloned().map(|role| Entity::new_no_attrs(role, HashSet::new()));
        let entities: Vec<_> = roles.chain([Entity::new_no_attrs(caller.clone(), parents.clone())]).collect();
        let request = |thing: &EntityUid| {
            Request::new(caller.clone(), uid("Action::\"read\""), thing.clone(), Context::empty(), None)
                .expect("a request")
        };
        // All of the things for the few that are compared with ours; for those that are timed, the one that they ask for.
        let asked = |thing: usize| {
            number >= crate::cases::rbac::CALLERS && thing.is_multiple_of(self.things.len() / 10)
        };
        let requests = self
            .things
            .iter()
            .enumerate()
            .filter(|(n, _)| asked(*n) || matches!(n, 1..=3))
            .map(|(n, thing)| (n, request(thing)))
            .collect();
        Caller { entities: Entities::from_entities(entities, None).expect("entities"), requests }
    }

    fn allows(&self, caller: &Caller, thing: usize) -> bool {
        let request = &caller.requests[&thing];
        self.authorizer.is_authorized(request, &self.policies, &caller.entities).decision() == Decision::Allow
    }
}
