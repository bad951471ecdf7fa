//! What a caller may do, remembered.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

/// Remembers the effective permissions of recently seen callers.
///
/// Bounded, direct-mapped, and read without a lock. It belongs to one policy, so nothing remembered can outlive the
/// policy that it was computed from. Ids count up, so callers seen at the same time rarely share a slot.
pub(crate) struct Memo<T>(Box<[ArcSwapOption<Entry<T>>]>);

struct Entry<T> {
    principal: u64,
    resolved: T,
}

/// Slots a policy starts with; at eight bytes each, and about a hundred for what is remembered.
pub(crate) const SLOTS: usize = 4_096;

impl<T> Memo<T> {
    pub(crate) fn new(slots: usize) -> Self {
        Self((0..slots.max(1)).map(|_| ArcSwapOption::empty()).collect())
    }

    /// Looks at what is resolved of `principal`, which `resolve` does when it is not remembered.
    pub(crate) fn with<U>(
        &self,
        principal: u64,
        resolve: impl FnOnce() -> T,
        look: impl FnOnce(&T) -> U,
    ) -> U {
        let index = usize::try_from(principal).unwrap_or(usize::MAX) % self.0.len();
        let Some(slot) = self.0.get(index) else {
            return look(&resolve());
        };
        if let Some(entry) = &*slot.load()
            && entry.principal == principal
        {
            return look(&entry.resolved);
        }
        let entry = Arc::new(Entry { principal, resolved: resolve() });
        slot.store(Some(Arc::clone(&entry)));
        look(&entry.resolved)
    }
}

impl<T> fmt::Debug for Memo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memo({} slots)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_slot_never_answers_for_another_caller() {
        let memo = Memo::<Box<[u64]>>::new(1);
        let look =
            |principal: u64| memo.with(principal, || Box::from([principal]), |set| set.first().copied());
        assert_eq!(look(1), Some(1));
        assert_eq!(look(2), Some(2));
        assert_eq!(look(1), Some(1));
        let remembered = memo.with(1, || Box::from([99]), |set| set.first().copied());
        assert_eq!(remembered, Some(1), "resolved once");
    }
}
