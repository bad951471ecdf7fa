//! Tables that strangers can fill, but not without end.

use std::collections::VecDeque;

/// The youngest entries by their key; where there are too many, the oldest goes.
pub(super) struct Capped<V> {
    entries: VecDeque<(String, V)>,
    most: usize,
}

impl<V> Capped<V> {
    pub(super) const fn new(most: usize) -> Self {
        Self { entries: VecDeque::new(), most }
    }

    pub(super) fn insert(&mut self, key: String, value: V) {
        self.entries.retain(|(known, _)| *known != key);
        self.entries.push_back((key, value));
        while self.entries.len() > self.most {
            self.entries.pop_front();
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&V> {
        self.entries.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        self.entries.iter_mut().rev().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<V> {
        let at = self.entries.iter().position(|(known, _)| known == key)?;
        self.entries.remove(at).map(|(_, value)| value)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.entries.retain(|(_, value)| keep(value));
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes() {
        let mut table = Capped::new(2);
        for key in ["a", "b", "a", "c"] {
            table.insert(key.to_owned(), key);
        }
        assert_eq!((table.get("a"), table.get("b"), table.get("c")), (Some(&"a"), None, Some(&"c")));
        assert_eq!((table.remove("a"), table.remove("a")), (Some("a"), None));
    }
}
