//! Sets of permissions as rows of bits.

/// The dense number of a permission. It stays the same over all reloads of one [`PolicyHandle`](crate::PolicyHandle).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PermissionId(pub(crate) u32);

impl PermissionId {
    fn word_and_mask(self) -> (usize, u64) {
        ((self.0 / 64) as usize, 1 << (self.0 % 64))
    }
}

/// How many words a set over this many numbers takes.
pub(crate) fn words_for(numbers: usize) -> usize {
    numbers.div_ceil(64)
}

/// Whether the set holds `id`; an id that is beyond it is not in it.
pub(crate) fn contains(set: &[u64], id: PermissionId) -> bool {
    let (word, mask) = id.word_and_mask();
    set.get(word).is_some_and(|word| word & mask != 0)
}

/// Puts `id` into the set, if the set reaches so far.
pub(crate) fn insert(set: &mut [u64], id: PermissionId) {
    let (word, mask) = id.word_and_mask();
    if let Some(word) = set.get_mut(word) {
        *word |= mask;
    }
}

/// Puts a plain number into the set, if the set reaches so far.
pub(crate) fn insert_number(set: &mut [u64], number: usize) {
    if let Ok(number) = u32::try_from(number) {
        insert(set, PermissionId(number));
    }
}

/// Puts all of `other` into the set.
pub(crate) fn union(set: &mut [u64], other: &[u64]) {
    set.iter_mut().zip(other).for_each(|(a, b)| *a |= b);
}

/// Takes all of `other` out of the set.
pub(crate) fn subtract(set: &mut [u64], other: &[u64]) {
    set.iter_mut().zip(other).for_each(|(a, b)| *a &= !b);
}

/// Keeps what is in `other` too.
pub(crate) fn intersect(set: &mut [u64], other: &[u64]) {
    set.iter_mut().zip(other).for_each(|(a, b)| *a &= b);
}

/// The numbers that are in the set.
pub(crate) fn members(set: &[u64]) -> impl Iterator<Item = u32> {
    (0u32..).step_by(64).zip(set).flat_map(|(start, word)| {
        let mut left = *word;
        std::iter::from_fn(move || {
            let bit = (left != 0).then(|| left.trailing_zeros())?;
            left &= left - 1;
            Some(start + bit)
        })
    })
}

/// A row of bits for each role, in one allocation.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    bits: Vec<u64>,
    words: usize,
}

impl Rows {
    pub(crate) fn new(rows: usize, words: usize) -> Self {
        Self { bits: vec![0; rows * words], words }
    }

    /// How many words a row takes.
    pub(crate) fn words(&self) -> usize {
        self.words
    }

    pub(crate) fn row(&self, row: usize) -> &[u64] {
        let start = row * self.words;
        self.bits.get(start..start + self.words).unwrap_or_default()
    }

    /// Whether this row holds `id`.
    pub(crate) fn has(&self, row: usize, id: PermissionId) -> bool {
        contains(self.row(row), id)
    }

    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [u64] {
        let start = row * self.words;
        self.bits.get_mut(start..start + self.words).unwrap_or_default()
    }

    /// Puts all of row `from` into row `to`.
    pub(crate) fn union_rows(&mut self, to: usize, from: usize) {
        for word in 0..self.words {
            let value = self.row(from).get(word).copied().unwrap_or_default();
            if let Some(target) = self.row_mut(to).get_mut(word) {
                *target |= value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_beyond_the_set_are_not_in_it() {
        let mut set = vec![0; words_for(65)];
        for id in [PermissionId(0), PermissionId(64), PermissionId(500)] {
            insert(&mut set, id);
        }
        assert!(contains(&set, PermissionId(0)) && contains(&set, PermissionId(64)));
        assert!(!contains(&set, PermissionId(500)) && !contains(&set, PermissionId(1)));
        assert!(!contains(&[], PermissionId(0)));
        assert_eq!(members(&set).collect::<Vec<_>>(), [0, 64]);
    }
}
