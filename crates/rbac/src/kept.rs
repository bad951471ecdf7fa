//! The policy that a thread decided by last, kept for its next decision.
//!
//! A policy that threads share is counted, and a count that all of them write is slow where many decide at once. So each thread keeps
//! the one it decided by, and looks only whether it is still in force.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::policy::Policy;

/// So many policies a thread keeps. Few processes decide by more at once; handles beyond share places, and find less kept.
const PLACES: usize = 4;

thread_local! {
    static PLACE: [Cell<Option<Arc<Policy>>>; PLACES] = const { [const { Cell::new(None) }; PLACES] };
}

/// What threads keep of one handle.
pub(crate) struct Kept {
    place: usize,
    /// The address of the policy in force. No other policy has it, since that one is freed only after another address stands here.
    in_force: AtomicUsize,
    /// Policies that were in force, and that a thread may still keep.
    former: Mutex<Vec<Arc<Policy>>>,
}

impl Kept {
    pub(crate) fn new(policy: &Arc<Policy>) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let place = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
        Self { place, in_force: AtomicUsize::new(address(policy)), former: Mutex::default() }
    }

    /// From now on no thread uses the policy before, which must still be in force.
    ///
    /// It is freed when a later one is superseded, if no thread keeps it by then: a large one takes milliseconds to
    /// free, and no request should be the one to do it.
    pub(crate) fn supersede(&self, before: Arc<Policy>, policy: &Arc<Policy>) {
        self.in_force.store(address(policy), Ordering::Release);
        let mut former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        former.retain(|former| Arc::strong_count(former) > 1);
        former.push(before);
    }

    /// Takes what this thread keeps, if it is in force.
    #[inline]
    pub(crate) fn take(&self) -> Option<Arc<Policy>> {
        let kept = PLACE.try_with(|places| places.get(self.place)?.take()).ok().flatten();
        kept.filter(|policy| address(policy) == self.in_force.load(Ordering::Acquire))
    }

    /// Keeps it for this thread's next decision; a thread that ends keeps nothing.
    #[inline]
    pub(crate) fn put(&self, policy: Arc<Policy>) {
        let _ = PLACE.try_with(|places| places.get(self.place).map(|place| place.set(Some(policy))));
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("place", &self.place).finish_non_exhaustive()
    }
}

fn address(policy: &Arc<Policy>) -> usize {
    Arc::as_ptr(policy).addr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PolicyHandle;

    const PERMISSIONS: &str = "version = 1\n[permissions]\n\"do:a\" = {}\n\"do:b\" = {}\n";

    fn policy(note: usize) -> String {
        format!("# {note}\n{PERMISSIONS}")
    }

    /// Which of the policies still exist.
    fn alive(policies: &[std::sync::Weak<Policy>]) -> Vec<bool> {
        policies.iter().map(|policy| policy.strong_count() > 0).collect()
    }

    #[test]
    fn a_thread_takes_what_it_keeps_only_while_that_is_in_force() {
        let [first, second] = [1, 2].map(|note| Arc::new(Policy::parse(&policy(note)).unwrap()));
        let kept = Kept::new(&first);
        assert!(kept.take().is_none());
        kept.put(Arc::clone(&first));
        kept.put(kept.take().expect("kept"));
        kept.supersede(Arc::clone(&first), &second);
        assert!(kept.take().is_none(), "another is in force");
        // Whoever loaded the policy before at that moment keeps it for nothing.
        kept.put(first);
        assert!(kept.take().is_none());
        kept.put(second);
        assert!(kept.take().is_some());
    }

    #[test]
    fn what_was_superseded_is_freed_by_a_later_reload_and_by_no_decision() {
        let handle: PolicyHandle = policy(0).parse().unwrap();
        let mut policies = Vec::new();
        let mut decide = || {
            policies.push(Arc::downgrade(&handle.policy()));
            handle.look(|policy| assert!(policy.permission("do:a").is_some()));
            policies.clone()
        };
        decide();
        handle.replace(&policy(1)).unwrap();
        assert_eq!(alive(&decide()), [true, true], "the thread lets it go, and does not free it");
        handle.replace(&policy(2)).unwrap();
        assert_eq!(alive(&decide()), [false, true, true]);
        for note in 3..100 {
            handle.replace(&policy(note)).unwrap();
            decide();
        }
        assert_eq!(
            alive(&decide()).iter().filter(|alive| **alive).count(),
            3,
            "two, the second of them twice"
        );
    }

    #[test]
    fn handles_that_share_a_place_never_answer_for_each_other() {
        let names: Vec<String> = (0..3 * PLACES).map(|n| format!("own:n{n}")).collect();
        let handles: Vec<PolicyHandle> = names
            .iter()
            .map(|name| format!("version = 1\n[permissions]\n\"{name}\" = {{}}\n").parse().unwrap())
            .collect();
        let own = |at: usize| handles[at].look(|policy| policy.permission(&names[at]).is_some());
        for round in 0..3 {
            for at in 0..handles.len() {
                assert!(own(at), "{round} {at}");
                // Also while another decides: of the same handle, and of one that shares its place.
                let beside = (at + PLACES) % handles.len();
                assert!(handles[at].look(|_| own(at) && own(beside)) && own(at));
            }
        }
    }

    #[test]
    fn a_decision_that_panics_takes_nothing_along() {
        let handle: PolicyHandle = policy(0).parse().unwrap();
        let shaken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            handle.look(|_| std::panic::resume_unwind(Box::new(())));
        }));
        assert!(shaken.is_err());
        assert!(handle.look(|policy| policy.permission("do:a").is_some()));
    }
}
