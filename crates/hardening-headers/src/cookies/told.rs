//! Of which cookies something was said already.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// So many names: an app has a handful, and what strangers make it set must not fill memory or the log.
const NAMES: usize = 64;

/// Names of which something was said, by their hashes; a fixed number of them, and nothing is said of any further one.
#[derive(Debug)]
pub(super) struct Told([AtomicU64; NAMES]);

impl Told {
    pub(super) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; NAMES])
    }

    /// Whether this name comes for the first time, and there was a place for it.
    pub(super) fn is_first(&self, name: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let hash = hasher.finish().max(1);
        for place in &self.0 {
            match place.load(Ordering::Relaxed) {
                0 => match place.compare_exchange(0, hash, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => return true,
                    Err(other) if other == hash => return false,
                    Err(_) => {}
                },
                known if known == hash => return false,
                _ => {}
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_first_once_and_there_are_only_so_many() {
        let told = Told::new();
        let names: Vec<String> = (0..NAMES + 10).map(|number| format!("n{number}")).collect();
        let first = || names.iter().filter(|name| told.is_first(name.as_bytes())).count();
        assert_eq!((first(), first()), (NAMES, 0));
    }
}
