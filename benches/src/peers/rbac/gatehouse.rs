//! gatehouse's policy by roles, with roles as numbers and the table of what a thing asks for in the app's hands.

use gatehouse::{EvaluationSession, PermissionChecker, PolicyDomain, RbacPolicy};

use super::Decider;
use crate::drive::now;

struct Things;

impl PolicyDomain for Things {
    type Subject = Caller;
    type Action = Read;
    type Resource = Thing;
    type Context = ();
}

struct Read;

struct Thing {
    asks_for: usize,
}

pub(super) struct Caller {
    roles: Vec<usize>,
}

pub(super) struct Gatehouse {
    checker: PermissionChecker<Things>,
    session: EvaluationSession,
    things: Vec<Thing>,
}

impl Decider for Gatehouse {
    const NAME: &'static str = "gatehouse";
    type Caller = Caller;

    fn with_roles(roles: usize) -> Self {
        let mut checker = PermissionChecker::<Things>::new();
        checker.add_policy(RbacPolicy::<Things, _, _>::new(
            |_: &Read, thing: &Thing| vec![thing.asks_for],
            |caller: &Caller| caller.roles.clone(),
        ));
        let things = (0..roles).map(|asks_for| Thing { asks_for }).collect();
        Self { checker, session: EvaluationSession::empty(), things }
    }

    fn caller(&mut self, _: usize, role: usize) -> Caller {
        Caller { roles: vec![role, 1, 2] }
    }

    fn allows(&self, caller: &Caller, thing: usize) -> bool {
        let thing = &self.things[thing];
        now(self.checker.bind(&self.session, caller, &Read, &()).check(thing)).is_granted()
    }
}
