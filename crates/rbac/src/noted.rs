//! Names that were logged already.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// So many are remembered; names beyond them are not logged, because strangers may make up any number.
const REMEMBERED: usize = 256;

/// Remembers names, so that each is logged once.
#[derive(Debug, Default)]
pub(crate) struct Noted(Mutex<HashSet<Box<str>>>);

impl Noted {
    /// Whether `name` is new; `false` too when no more can be remembered.
    pub(crate) fn is_new(&self, name: &str) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.len() < REMEMBERED && !seen.contains(name) && seen.insert(name.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_new_once_and_there_is_an_end_to_it() {
        let noted = Noted::default();
        assert!(noted.is_new("a") && !noted.is_new("a"));
        assert_eq!((0..1_000).filter(|n| noted.is_new(&n.to_string())).count(), REMEMBERED - 1);
    }
}
