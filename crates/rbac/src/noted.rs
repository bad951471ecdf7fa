//! Names that were logged already.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

/// So many are remembered; names beyond them are not logged, because strangers may make up any number.
const REMEMBERED: usize = 256;

/// Remembers names, so that each is logged once. Only a new one takes the lock: names that the policy does not know come with every
/// token of some providers.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    seen: ArcSwap<HashSet<Box<str>>>,
    adding: Mutex<()>,
}

impl Noted {
    /// Whether `name` is new; `false` too when no more can be remembered.
    pub(crate) fn is_new(&self, name: &str) -> bool {
        self.lacks(name) && self.add(name)
    }

    fn lacks(&self, name: &str) -> bool {
        let seen = self.seen.load();
        seen.len() < REMEMBERED && !seen.contains(name)
    }

    /// Whether nobody else has added it meanwhile.
    #[cold]
    fn add(&self, name: &str) -> bool {
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let lacks = self.lacks(name);
        if lacks {
            let seen = self.seen.load();
            let more = seen.iter().cloned().chain([name.into()]).collect();
            self.seen.store(Arc::new(more));
        }
        lacks
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

    #[test]
    fn what_is_known_or_too_much_waits_for_no_lock() {
        // Asked by a thread that is left behind where it waits.
        fn is_new_while_locked(noted: &Arc<Noted>, name: &'static str) -> Option<bool> {
            let (answer, told) = std::sync::mpsc::channel();
            let _adding = noted.adding.lock().unwrap();
            let noted = Arc::clone(noted);
            std::thread::spawn(move || answer.send(noted.is_new(name)));
            told.recv_timeout(std::time::Duration::from_secs(10)).ok()
        }
        let noted = Arc::new(Noted::default());
        assert!(noted.is_new("a"));
        assert_eq!(is_new_while_locked(&noted, "a"), Some(false));
        assert_eq!((0..1_000).filter(|n| noted.is_new(&n.to_string())).count(), REMEMBERED - 1);
        assert_eq!(is_new_while_locked(&noted, "b"), Some(false));
    }

    #[test]
    fn of_many_threads_one_is_told_that_a_name_is_new() {
        let noted = Noted::default();
        let new = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let found = (0..200).filter(|n| noted.is_new(&n.to_string())).count();
                    new.fetch_add(found, std::sync::atomic::Ordering::Relaxed);
                });
            }
        });
        assert_eq!(new.into_inner(), 200);
    }
}
