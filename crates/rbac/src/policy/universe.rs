//! All permissions there are.

use super::document::Document;
use crate::bits::{PermissionId, words_for};
use crate::by_name::{ByName, by_name};
use crate::log_in::LogIn;

/// The closed universe of permissions: numbered, and each with its properties.
///
/// Numbers given once are kept when a policy is loaded anew, so that route tables stay good over a reload.
#[derive(Debug, Default)]
pub(crate) struct Universe {
    permissions: Vec<Known>,
    ids: ByName<PermissionId>,
    /// Whether any permission asks for a log-in of a kind.
    has_log_ins: bool,
}

#[derive(Debug, Clone)]
struct Known {
    name: Box<str>,
    /// `false`: an earlier policy had it.
    declared: bool,
    privileged: bool,
    strict: bool,
    log_in: Option<LogIn>,
}

impl Universe {
    /// The permissions that `document` declares, numbered as in `previous` as far as that had them.
    pub(super) fn of(document: &Document, previous: Option<&Self>) -> Self {
        let before = previous.map_or(&[][..], |previous| &previous.permissions);
        let most = before.len() + document.permissions.len();
        let mut universe =
            Self { permissions: Vec::with_capacity(most), ids: by_name(most), has_log_ins: false };
        for known in before {
            universe.add(Known { declared: false, ..known.clone() });
        }
        for declared in &document.permissions {
            universe.add(Known {
                name: declared.name.value.as_str().into(),
                declared: true,
                privileged: declared.privileged,
                strict: declared.strict,
                log_in: declared.log_in.clone(),
            });
        }
        universe
    }

    fn add(&mut self, known: Known) {
        self.has_log_ins |= known.log_in.is_some();
        let next = u32::try_from(self.permissions.len()).unwrap_or(u32::MAX);
        match self.ids.get(&known.name).and_then(|id| self.permissions.get_mut(id.0 as usize)) {
            Some(slot) => *slot = known,
            None => {
                self.ids.insert(known.name.clone(), PermissionId(next));
                self.permissions.push(known);
            }
        }
    }

    /// The number of a declared permission.
    pub(crate) fn id(&self, name: &str) -> Option<PermissionId> {
        self.ids.get(name).copied().filter(|id| self.is_declared(*id))
    }

    fn get(&self, id: PermissionId) -> Option<&Known> {
        self.permissions.get(id.0 as usize).filter(|known| known.declared)
    }

    pub(crate) fn is_declared(&self, id: PermissionId) -> bool {
        self.get(id).is_some()
    }

    /// Whether an act under it must be on record before it happens.
    pub(crate) fn is_strict(&self, id: PermissionId) -> bool {
        self.get(id).is_some_and(|known| known.strict)
    }

    /// Whether any permission asks for a log-in of a kind.
    #[inline]
    pub(crate) fn has_log_ins(&self) -> bool {
        self.has_log_ins
    }

    /// How callers must be signed in for it.
    #[inline]
    pub(crate) fn log_in(&self, id: PermissionId) -> Option<&LogIn> {
        // Most policies ask for nothing, and look for nothing.
        let known = if self.has_log_ins { self.get(id) } else { None };
        known.and_then(|known| known.log_in.as_ref())
    }

    pub(crate) fn is_privileged(&self, id: PermissionId) -> bool {
        self.get(id).is_some_and(|known| known.privileged)
    }

    /// The declared names, in the order of their numbers.
    pub(crate) fn declared(&self) -> impl Iterator<Item = &str> {
        self.permissions.iter().filter(|known| known.declared).map(|known| &*known.name)
    }

    /// How many numbers were given.
    pub(crate) fn len(&self) -> usize {
        self.permissions.len()
    }

    pub(crate) fn words(&self) -> usize {
        words_for(self.permissions.len())
    }

    /// A set that nothing is in.
    pub(crate) fn no_permissions(&self) -> Box<[u64]> {
        vec![0; self.words()].into_boxed_slice()
    }

    /// The permissions that `pattern` names; a `*` stands for exactly one segment.
    pub(super) fn matching<'a>(&'a self, pattern: &'a str) -> impl Iterator<Item = PermissionId> + 'a {
        let exact = self.id(pattern);
        let wild = exact.is_none() && pattern.contains('*');
        let by_wildcard = self
            .permissions
            .iter()
            .filter(move |known| wild && known.declared && matches(pattern, &known.name))
            .filter_map(|known| self.ids.get(&known.name).copied());
        exact.into_iter().chain(by_wildcard)
    }
}

/// Whether `pattern` names `name`; a `*` stands for exactly one segment.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let mut names = name.split(':');
    pattern.split(':').all(|wanted| names.next().is_some_and(|segment| wanted == "*" || wanted == segment))
        && names.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_is_one_whole_segment() {
        assert!(matches("*:read", "notes:read") && matches("notes:*", "notes:read") && matches("*", "a"));
        for (pattern, name) in [
            ("*", "a:b"),
            ("*:*", "a"),
            ("notes:*", "notes:a:b"),
            ("no*:read", "notes:read"),
            ("*:read", "x:readall"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
