//! Sessions in memory by what they have in common.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use super::session::SessionKey;

/// The keys of sessions under each name, oldest first. A name without sessions takes no room.
pub(super) struct Index<N>(HashMap<N, VecDeque<SessionKey>>);

impl<N> Default for Index<N> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<N: Hash + Eq> Index<N> {
    pub(super) fn add(&mut self, name: N, key: SessionKey) {
        self.0.entry(name).or_default().push_back(key);
    }

    pub(super) fn remove(&mut self, name: &N, key: &SessionKey) {
        if let Some(keys) = self.0.get_mut(name) {
            keys.retain(|other| other != key);
            if keys.is_empty() {
                self.0.remove(name);
            }
        }
    }

    /// All of a name.
    pub(super) fn of(&self, name: &N) -> Vec<SessionKey> {
        self.0.get(name).map(|keys| keys.iter().copied().collect()).unwrap_or_default()
    }

    /// The oldest of a name that has so many already.
    pub(super) fn oldest_beyond(&self, name: &N, most: usize) -> Option<SessionKey> {
        let keys = self.0.get(name)?;
        keys.front().filter(|_| keys.len() >= most).copied()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
