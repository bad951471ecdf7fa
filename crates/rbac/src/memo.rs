//! What a caller may do, remembered.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

/// Remembers the effective permissions of recently seen callers.
///
/// Bounded, direct-mapped, and read without a lock. It belongs to one policy, so nothing remembered can outlive the
/// policy that it was computed from. Ids count up, so callers seen at the same time rarely share a slot.
pub(crate) struct Memo(Box<[ArcSwapOption<Entry>]>);

struct Entry {
    principal: u64,
    /// `None`: it is not known what the caller may do.
    permissions: Option<Box<[u64]>>,
}

/// Slots a policy starts with; at eight bytes each, and about a hundred for what is remembered.
pub(crate) const SLOTS: usize = 4_096;

impl Memo {
    pub(crate) fn new(slots: usize) -> Self {
        Self((0..slots.max(1)).map(|_| ArcSwapOption::empty()).collect())
    }

    /// Looks at the permissions of `principal`, which `resolve` computes when they are not remembered.
    pub(crate) fn with<T>(
        &self,
        principal: u64,
        resolve: impl FnOnce() -> Option<Box<[u64]>>,
        look: impl FnOnce(Option<&[u64]>) -> T,
    ) -> T {
        let index = usize::try_from(principal).unwrap_or(usize::MAX) % self.0.len();
        let Some(slot) = self.0.get(index) else {
            return look(resolve().as_deref());
        };
        if let Some(entry) = &*slot.load()
            && entry.principal == principal
        {
            return look(entry.permissions.as_deref());
        }
        let entry = Arc::new(Entry { principal, permissions: resolve() });
        slot.store(Some(Arc::clone(&entry)));
        look(entry.permissions.as_deref())
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memo({} slots)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_slot_never_answers_for_another_caller() {
        let memo = Memo::new(1);
        let look = |principal: u64| {
            memo.with(principal, || Some(Box::from([principal])), |set| set?.first().copied())
        };
        assert_eq!(look(1), Some(1));
        assert_eq!(look(2), Some(2));
        assert_eq!(look(1), Some(1));
        let remembered = memo.with(1, || Some(Box::from([99])), |set| set?.first().copied());
        assert_eq!(remembered, Some(1), "resolved once");
    }
}
