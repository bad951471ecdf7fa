//! The policy that a thread decided by last, kept for its next decision.
//!
//! What is looked at in a place that threads share costs an atomic write at each decision, one way or another. What a thread keeps costs a
//! look at whether it is still in force.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::policy::Policy;

/// So many policies a thread keeps. Few processes decide by more at once; handles beyond share places, and the first one keeps it.
const PLACES: usize = 4;

thread_local! {
    static PLACE: [Cell<Option<Entry>>; PLACES] = const { [const { Cell::new(None) }; PLACES] };
}

/// What a thread keeps of a handle.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) policy: Arc<Policy>,
    in_force: InForce,
}

/// The address of a handle's policy in force, [`GONE`] when there is no such handle any more. No other policy has the address:
/// it is freed only after another stands here.
type InForce = Arc<AtomicUsize>;

const GONE: usize = 0;

/// What threads keep of one handle.
pub(crate) struct Kept {
    place: usize,
    in_force: InForce,
    /// Policies that were in force, and that a thread may still keep.
    former: Mutex<Vec<Arc<Policy>>>,
}

/// What a thread has in the place of a handle.
#[derive(Debug)]
pub(crate) enum Found {
    /// The policy in force, until it is put back.
    InForce(Entry),
    /// Nothing: what is put there stays.
    Nothing,
    /// Another handle's.
    Others,
}

impl Kept {
    pub(crate) fn new(policy: &Arc<Policy>) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let place = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
        Self { place, in_force: Arc::new(address(policy).into()), former: Mutex::default() }
    }

    /// From now on no thread decides by what it keeps of the policy before.
    pub(crate) fn supersede(&self, policy: &Arc<Policy>) {
        self.in_force.store(address(policy), Ordering::Release);
    }

    /// Holds a policy that is no longer in force until another is retired and no thread keeps this one: a large one takes
    /// milliseconds to free, and no request should be the one to do it.
    pub(crate) fn retire(&self, before: Arc<Policy>) {
        let mut former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        former.retain(|former| Arc::strong_count(former) > 1);
        former.push(before);
    }

    /// Takes what this thread keeps, if it is in force.
    #[inline]
    pub(crate) fn take(&self) -> Found {
        // A thread that ends has no places any more.
        PLACE
            .try_with(|places| places.get(self.place).map(|place| self.take_from(place)))
            .ok()
            .flatten()
            .unwrap_or(Found::Others)
    }

    #[inline]
    fn take_from(&self, place: &Cell<Option<Entry>>) -> Found {
        let Some(entry) = place.take() else { return Found::Nothing };
        let in_force = entry.in_force.load(Ordering::Acquire);
        if Arc::ptr_eq(&entry.in_force, &self.in_force) {
            return if in_force == address(&entry.policy) { Found::InForce(entry) } else { Found::Nothing };
        }
        if in_force == GONE {
            return Found::Nothing;
        }
        place.set(Some(entry));
        Found::Others
    }

    /// What a thread can keep.
    pub(crate) fn entry(&self, policy: Arc<Policy>) -> Entry {
        Entry { policy, in_force: Arc::clone(&self.in_force) }
    }

    /// Keeps it for this thread's next decision.
    #[inline]
    pub(crate) fn put(&self, entry: Entry) {
        let _ = PLACE.try_with(|places| places.get(self.place).map(|place| place.set(Some(entry))));
    }
}

/// What threads keep of it makes room for others.
impl Drop for Kept {
    fn drop(&mut self) {
        self.in_force.store(GONE, Ordering::Release);
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
    use std::sync::Weak;

    use super::*;
    use crate::PolicyHandle;

    fn text(note: usize) -> String {
        format!("# {note}\nversion = 1\n[permissions]\n\"do:a\" = {{}}\n")
    }

    fn handle(note: usize) -> PolicyHandle {
        text(note).parse().unwrap()
    }

    fn weak(handle: &PolicyHandle) -> Weak<Policy> {
        Arc::downgrade(&handle.policy())
    }

    fn alive(policies: &[Weak<Policy>]) -> Vec<bool> {
        policies.iter().map(|policy| policy.strong_count() > 0).collect()
    }

    fn decide(handle: &PolicyHandle) {
        handle.look(|policy| assert!(policy.permission("do:a").is_some()));
    }

    #[test]
    fn a_thread_takes_what_it_keeps_only_while_that_is_in_force() {
        let [first, second] = [1, 2].map(|note| Arc::new(Policy::parse(&text(note)).unwrap()));
        let kept = Kept::new(&first);
        let is_kept = |policy: &Arc<Policy>| match kept.take() {
            Found::InForce(entry) => Arc::ptr_eq(&entry.policy, policy),
            _ => false,
        };
        assert!(!is_kept(&first));
        kept.put(kept.entry(Arc::clone(&first)));
        assert!(is_kept(&first) && !is_kept(&first), "taken is taken");
        kept.put(kept.entry(Arc::clone(&first)));
        kept.supersede(&second);
        assert!(!is_kept(&first), "another is in force");
        // Whoever loaded the policy before at that moment keeps it for nothing.
        kept.put(kept.entry(first));
        assert!(matches!(kept.take(), Found::Nothing));
        kept.put(kept.entry(Arc::clone(&second)));
        assert!(is_kept(&second));
    }

    #[test]
    fn what_was_superseded_is_freed_by_a_later_change_and_by_no_decision() {
        let handle = handle(0);
        let mut policies = vec![weak(&handle)];
        decide(&handle);
        handle.replace(&text(1)).unwrap();
        policies.push(weak(&handle));
        decide(&handle);
        assert_eq!(alive(&policies), [true, true], "the thread lets it go, and does not free it");
        handle.replace(&text(1)).unwrap();
        assert_eq!(alive(&policies), [true, true], "that was no change");
        handle.replace(&text(2)).unwrap();
        policies.push(weak(&handle));
        assert_eq!(alive(&policies), [false, true, true]);
        for note in 3..100 {
            handle.replace(&text(note)).unwrap();
            policies.push(weak(&handle));
            decide(&handle);
        }
        assert_eq!(alive(&policies).iter().filter(|alive| **alive).count(), 2);
    }

    #[test]
    fn what_a_dropped_handle_leaves_makes_room_for_the_next_in_its_place() {
        let gone = handle(0);
        let left = weak(&gone);
        decide(&gone);
        drop(gone);
        assert!(left.strong_count() > 0, "this thread keeps it");
        let mut others = Vec::new();
        // Other tests make handles too, so which of these gets the place is not known.
        while left.strong_count() > 0 && others.len() < 100 {
            others.push(handle(others.len()));
            others.iter().for_each(decide);
        }
        assert!(left.strong_count() == 0 && others.last().is_some_and(PolicyHandle::keeps));
    }

    #[test]
    fn handles_that_share_a_place_never_answer_for_each_other_and_the_first_keeps_it() {
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
        assert!(handles[0].keeps(), "{PLACES} places, and it was the first");
    }

    #[test]
    fn a_decision_that_panics_takes_nothing_along() {
        let handle = handle(0);
        let shaken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            handle.look(|_| std::panic::resume_unwind(Box::new(())));
        }));
        assert!(shaken.is_err());
        decide(&handle);
    }
}
