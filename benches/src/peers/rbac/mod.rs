//! Others that decide by roles. Each gets the same: so many roles, of which each may read one thing, and callers with three
//! roles. Each is seen to decide as ours does before it is timed.

mod axum_casbin;
mod casbin;
mod cedar;
mod gatehouse;

use std::collections::VecDeque;
use std::hint::black_box;

use ::casbin::{CachedEnforcer, Enforcer};
use gambeson_rbac::{Decision, Policy};

use self::casbin::Casbin;
use self::cedar::Cedar;
use self::gatehouse::Gatehouse;
use crate::cases::rbac::{CALLERS, policy, principal};
use crate::{Case, Run};

/// Somebody who decides whether a caller may read a thing.
trait Decider: Sized + 'static {
    /// Its name in the results.
    const NAME: &'static str;

    /// A caller as it is asked about.
    type Caller: 'static;

    /// With so many roles; `role3` may read `thing3` and nothing else.
    fn with_roles(roles: usize) -> Self;

    /// The caller of this number, with this role, `role1` and `role2`.
    fn caller(&mut self, number: usize, role: usize) -> Self::Caller;

    /// Whether the caller may read the thing.
    fn allows(&self, caller: &Self::Caller, thing: usize) -> bool;
}

pub(super) fn join(case: Case) -> Case {
    match case.name {
        "decide_warm" => case
            .peer(Casbin::<Enforcer>::NAME, warm::<Casbin<Enforcer>>)
            .peer(Casbin::<CachedEnforcer>::NAME, warm::<Casbin<CachedEnforcer>>)
            .peer(Cedar::NAME, warm::<Cedar>)
            .peer(Gatehouse::NAME, warm::<Gatehouse>),
        "decide_cold_10_roles" => case
            .peer(Casbin::<Enforcer>::NAME, || cold::<Casbin<Enforcer>>(10))
            .peer(Casbin::<CachedEnforcer>::NAME, || cold::<Casbin<CachedEnforcer>>(10))
            .peer(Cedar::NAME, || cold::<Cedar>(10))
            .peer(Gatehouse::NAME, || cold::<Gatehouse>(10)),
        "decide_cold_10000_roles" => case
            .peer(Casbin::<Enforcer>::NAME, || cold::<Casbin<Enforcer>>(10_000))
            .peer(Cedar::NAME, || cold::<Cedar>(10_000))
            .peer(Gatehouse::NAME, || cold::<Gatehouse>(10_000)),
        "layer_pass" => case.peer(axum_casbin::NAME, axum_casbin::passing),
        "layer_reject" => case.peer(axum_casbin::NAME, axum_casbin::refusing),
        _ => case,
    }
}

/// The peer, once it was seen to decide as ours does: every role of ten about everything; of more, ten of them about ten things
/// and what `role1` and `role2` give.
fn checked<D: Decider>(roles: usize) -> D {
    let ours = Policy::parse(&policy(roles)).expect("a policy");
    let mut peer = D::with_roles(roles);
    let some = || (0..roles).step_by((roles / 10).max(1)).chain([1, 2, 3]);
    let mut allowed = 0;
    for role in some() {
        let (caller, theirs) = (principal(&format!("role{role}")), peer.caller(CALLERS + role, role));
        for thing in some() {
            let permission = ours.permission(&format!("thing{thing}:read")).expect("declared");
            let expected = ours.decide(&caller, permission) == Decision::Allow;
            assert_eq!(peer.allows(&theirs, thing), expected, "{}: role{role}, thing{thing}", D::NAME);
            allowed += u32::from(expected);
        }
    }
    assert!(allowed > 0, "some are allowed");
    peer
}

fn warm<D: Decider>() -> Run {
    let mut peer = checked::<D>(10);
    let caller = peer.caller(0, 3);
    Box::new(move || {
        black_box(peer.allows(black_box(&caller), 3));
    })
}

fn cold<D: Decider>(roles: usize) -> Run {
    let mut peer = checked::<D>(roles);
    let mut callers: VecDeque<_> = (0..CALLERS).map(|number| peer.caller(number, 3)).collect();
    Box::new(move || {
        callers.rotate_left(1);
        if let Some(caller) = callers.front() {
            black_box(peer.allows(black_box(caller), 3));
        }
    })
}
