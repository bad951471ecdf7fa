//! How decisions ended, remembered in one word each.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bits::PermissionId;
use crate::decision::Decision;

/// Remembers how decisions on recently seen callers ended, where that depends on nothing but the caller and the policy.
///
/// Bounded, direct-mapped, and read without a lock. A word holds caller, permission and outcome together, so it is whole
/// or not there, whoever writes beside: no order between words matters, and relaxed is enough. It belongs to one policy,
/// and no id is ever given twice ([`Principal::id`](gambeson_core::Principal::id)), so what it says stays true.
pub(crate) struct Outcomes<const N: usize = SLOTS>(Box<[AtomicU64; N]>);

/// Slots a policy has, at eight bytes each.
pub const SLOTS: usize = 4_096;

const OUTCOME_BITS: u32 = 2;
/// What the outcome's bits say; 0 is a slot that nobody wrote.
const ALLOWED: u64 = 1;
const DENIED: u64 = 2;
const DOUBTFUL: u64 = 3;
const PERMISSION_BITS: u32 = 18;
/// What is left of the word. Callers and permissions beyond are decided anew each time.
const CALLER_BITS: u32 = 44;

/// Spreads the permissions of one caller over the slots; callers count up and need no spreading.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl<const N: usize> Outcomes<N> {
    /// So that the lower bits of a number are a slot's.
    const POWER_OF_TWO: () = assert!(N.is_power_of_two());

    pub(crate) fn new() -> Self {
        const { Self::POWER_OF_TWO };
        Self(Box::new(std::array::from_fn(|_| AtomicU64::new(0))))
    }

    /// How it ended for this caller; `None`: that is not remembered.
    #[inline]
    pub(crate) fn get(&self, caller: u64, permission: PermissionId) -> Option<Decision> {
        let key = key(caller, permission)?;
        let outcome = self.slot(caller, permission)?.load(Ordering::Relaxed) ^ (key << OUTCOME_BITS);
        // Asked one after the other, what allows first: a table of jumps costs more than the rest of this.
        if outcome == ALLOWED {
            Some(Decision::Allow)
        } else if outcome == DENIED {
            Some(Decision::Deny)
        } else if outcome == DOUBTFUL {
            Some(Decision::Indeterminate)
        } else {
            None
        }
    }

    /// Remembers how it ended, in place of what was in the slot. What waits for a record is never remembered.
    #[inline]
    pub(crate) fn put(&self, caller: u64, permission: PermissionId, decision: Decision) {
        let outcome = match decision {
            Decision::Allow => ALLOWED,
            Decision::Deny => DENIED,
            Decision::Indeterminate => DOUBTFUL,
            Decision::Conditional => return,
        };
        if let Some((key, slot)) = key(caller, permission).zip(self.slot(caller, permission)) {
            slot.store(key << OUTCOME_BITS | outcome, Ordering::Relaxed);
        }
    }

    #[inline]
    fn slot(&self, caller: u64, permission: PermissionId) -> Option<&AtomicU64> {
        let spread = u64::from(permission.0).wrapping_mul(SPREAD) >> 32;
        self.0.get(caller.wrapping_add(spread) as usize & (N - 1))
    }
}

/// Caller and permission in one number; `None`: one of them is too large for it, and might look like another.
#[inline]
fn key(caller: u64, permission: PermissionId) -> Option<u64> {
    let permission = u64::from(permission.0);
    let fits = caller >> CALLER_BITS == 0 && permission >> PERMISSION_BITS == 0;
    fits.then_some(caller << PERMISSION_BITS | permission)
}

impl<const N: usize> fmt::Debug for Outcomes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outcomes({N} slots)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Decision; 4] =
        [Decision::Allow, Decision::Deny, Decision::Indeterminate, Decision::Conditional];

    #[test]
    fn a_shared_slot_never_answers_for_another_caller_or_permission() {
        let outcomes = Outcomes::<1>::new();
        let asked: Vec<_> = [0, 1, 2, 1 << 18, (1 << 44) - 1]
            .map(|caller| [0, 1, (1 << 18) - 1].map(|p| (caller, p)))
            .concat();
        for (caller, permission) in asked.clone() {
            assert_eq!(outcomes.get(caller, PermissionId(permission)), None);
            outcomes.put(caller, PermissionId(permission), Decision::Allow);
            for (other, about) in asked.clone() {
                let own = (other, about) == (caller, permission);
                let known = outcomes.get(other, PermissionId(about));
                assert_eq!(known, own.then_some(Decision::Allow), "{other} {about}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_or_waits_for_a_record_is_not_remembered() {
        let outcomes = Outcomes::<SLOTS>::new();
        for (caller, permission) in [(1 << 44, 7), (u64::MAX, 7), (3, 1 << 18), (3, u32::MAX)] {
            outcomes.put(caller, PermissionId(permission), Decision::Allow);
            assert_eq!(outcomes.get(caller, PermissionId(permission)), None, "{caller} {permission}");
            assert_eq!(outcomes.get(caller & 0xff, PermissionId(permission & 0xff)), None);
        }
        for decision in ALL {
            let outcomes = Outcomes::<SLOTS>::new();
            outcomes.put(3, PermissionId(7), decision);
            let lasts = decision != Decision::Conditional;
            assert_eq!(outcomes.get(3, PermissionId(7)), lasts.then_some(decision));
        }
    }

    /// Many write the same few slots with what only they would write; whoever finds an answer finds its own.
    #[test]
    fn no_answer_is_torn_between_writers() {
        let outcomes = Outcomes::<2>::new();
        let truth = |caller: u64, permission: u32| match (caller ^ u64::from(permission)) % 3 {
            0 => Decision::Allow,
            1 => Decision::Deny,
            _ => Decision::Indeterminate,
        };
        std::thread::scope(|scope| {
            for first in 0..4 {
                let outcomes = &outcomes;
                scope.spawn(move || {
                    for round in 0..20_000_u64 {
                        let (caller, permission) = (first + round % 7, (round % 5) as u32);
                        let found = outcomes.get(caller, PermissionId(permission));
                        assert!(found.is_none_or(|found| found == truth(caller, permission)), "{found:?}");
                        outcomes.put(caller, PermissionId(permission), truth(caller, permission));
                    }
                });
            }
        });
    }

    #[test]
    fn callers_seen_at_the_same_time_do_not_share_slots() {
        let outcomes = Outcomes::<64>::new();
        let callers = 1_000..1_064;
        callers.clone().for_each(|caller| outcomes.put(caller, PermissionId(9), Decision::Deny));
        assert!(
            callers.into_iter().all(|caller| outcomes.get(caller, PermissionId(9)) == Some(Decision::Deny))
        );
    }
}
