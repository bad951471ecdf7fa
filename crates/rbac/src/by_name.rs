//! Tables by names that the policy gives.

use std::collections::HashMap;

/// A table by names that the policy gives, which strangers' names are only looked up in.
///
/// Such a table never grows by a look-up, so names that strangers choose can't make it slow; the digest may be a cheap one.
pub(crate) type ByName<T> = HashMap<Box<str>, T, foldhash::fast::RandomState>;

/// An empty one for so many names.
pub(crate) fn by_name<T>(names: usize) -> ByName<T> {
    HashMap::with_capacity_and_hasher(names, foldhash::fast::RandomState::default())
}
