//! Decisions under a storm of reloads, on a large policy.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gambeson_core::Principal;
use gambeson_rbac::{Decision, PolicyHandle};

const ROLES: usize = 10_000;
const TASKS: usize = 64;

/// Each role may do exactly one of two things: in even generations the one, in odd ones the other. Both are declared
/// in another order each time, and a third comes and goes, so that a mixture of generations would show.
fn policy(generation: usize) -> String {
    let (given, other) = if generation.is_multiple_of(2) { ("even", "odd") } else { ("odd", "even") };
    let mut text = format!("version = 1\n[permissions]\n\"do:{other}\" = {{}}\n\"do:{given}\" = {{}}\n");
    let _ = writeln!(text, "\"extra:g{}\" = {{}}\n[roles]", generation % 3);
    let _ = writeln!(text, "r0 = {{ grants = [\"do:{given}\", \"extra:*\"] }}");
    for role in 1..ROLES {
        let _ = writeln!(text, "r{role} = {{ inherits = [\"r{}\"] }}", role / 2);
    }
    text
}

#[test]
fn no_decision_fails_and_none_mixes_generations() {
    const RELOADS: usize = 5;
    let handle: PolicyHandle = policy(0).parse().unwrap();
    let texts: Vec<String> = (1..=RELOADS).map(policy).collect();
    let (even, odd) = ids(&handle);
    let (over, decided) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    std::thread::scope(|scope| {
        for task in 0..TASKS {
            let (handle, over, decided) = (handle.clone(), Arc::clone(&over), Arc::clone(&decided));
            scope.spawn(move || {
                let mut callers = (0..50).map(|n| {
                    let role = format!("r{}", (task * 151 + n * 997) % ROLES);
                    Principal::user("https://id.example", format!("u{task}-{n}")).role(role).build()
                });
                let callers: Vec<Principal> = callers.by_ref().collect();
                while !over.load(Ordering::Relaxed) {
                    for caller in &callers {
                        let policy = handle.policy();
                        let both = (policy.decide(caller, even), policy.decide(caller, odd));
                        let one = [(Decision::Allow, Decision::Deny), (Decision::Deny, Decision::Allow)];
                        assert!(one.contains(&both), "{both:?} under {}", policy.digest());
                        decided.fetch_add(1, Ordering::Relaxed);
                    }
                    std::thread::yield_now();
                }
            });
        }
        for text in &texts {
            assert!(handle.replace(text).unwrap().changed());
            let before = decided.load(Ordering::Relaxed);
            while decided.load(Ordering::Relaxed) < before + TASKS {
                std::thread::yield_now();
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(ids(&handle), (even, odd), "numbers stay over all reloads");
    assert!(decided.load(Ordering::Relaxed) >= RELOADS * TASKS);
}

fn ids(handle: &PolicyHandle) -> (gambeson_rbac::PermissionId, gambeson_rbac::PermissionId) {
    let policy = handle.policy();
    (policy.permission("do:even").unwrap(), policy.permission("do:odd").unwrap())
}

/// Threads keep the policy they decided by last. Between two replacements none may use one from before the first.
#[test]
fn once_a_policy_is_replaced_no_thread_decides_by_it() {
    const REPLACEMENTS: usize = 50;
    fn policy(generation: usize) -> String {
        format!(
            "version = 1\n# {generation}\n[permissions]\n\"do:even\" = {{}}\n\"do:odd\" = {{}}\n\
            [roles]\nworker = {{ grants = [\"do:{}\"] }}\n",
            if generation.is_multiple_of(2) { "even" } else { "odd" }
        )
    }
    let handle: PolicyHandle = policy(0).parse().unwrap();
    // Twice the generation while it is in force, one more while it is being replaced.
    let [state, asked, wrong] = [const { AtomicUsize::new(0) }; 3];
    std::thread::scope(|scope| {
        for task in 0..8 {
            let (handle, state, asked, wrong) = (&handle, &state, &asked, &wrong);
            scope.spawn(move || {
                let caller = Principal::user("https://id.example", format!("u{task}")).role("worker").build();
                loop {
                    let before = state.load(Ordering::SeqCst);
                    let (even, odd) = (handle.may(&caller, "do:even"), handle.may(&caller, "do:odd"));
                    if before.is_multiple_of(2) && before == state.load(Ordering::SeqCst) {
                        let in_force = (before / 2).is_multiple_of(2);
                        // Counted and not asserted: else nobody would be left for the others to wait for.
                        wrong.fetch_add(usize::from((even, odd) != (in_force, !in_force)), Ordering::Relaxed);
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                    if before == 2 * REPLACEMENTS {
                        return;
                    }
                    std::thread::yield_now();
                }
            });
        }
        for generation in 1..=REPLACEMENTS {
            state.fetch_add(1, Ordering::SeqCst);
            assert!(handle.replace(&policy(generation)).unwrap().changed());
            state.fetch_add(1, Ordering::SeqCst);
            let before = asked.load(Ordering::Relaxed);
            while asked.load(Ordering::Relaxed) == before {
                std::thread::yield_now();
            }
        }
    });
    assert_eq!(wrong.load(Ordering::Relaxed), 0, "of {}", asked.load(Ordering::Relaxed));
}
