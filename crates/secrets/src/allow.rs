//! Which references may be read.

use gambeson_core::{ConfigProblems, SecretRef};

/// Patterns of references: a whole one, or all beneath a place (`file://app/*`).
#[derive(Debug, Clone, Default)]
pub(crate) struct AllowList(Vec<Pattern>);

#[derive(Debug, Clone)]
struct Pattern {
    scheme: Box<str>,
    location: Box<str>,
    beneath: bool,
}

impl AllowList {
    /// The list that these patterns make; what is wrong with them is added to `problems`.
    pub(crate) fn new(patterns: &[String], field: &str, problems: &mut ConfigProblems) -> Self {
        let parsed = patterns.iter().filter_map(|pattern| match Pattern::parse(pattern) {
            Ok(parsed) => Some(parsed),
            Err(cure) => {
                // Not shown: it may be a secret that stands in the wrong place.
                problems.add(field, "", cure);
                None
            }
        });
        Self(parsed.collect())
    }

    /// Whether what lies at `scheme://location` may be read, whatever its version or field.
    pub(crate) fn allows(&self, scheme: &str, location: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(scheme, location))
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (whole, beneath) = match text.strip_suffix('*') {
            Some(rest) if rest.ends_with('/') => (rest, true),
            Some(_) => return Err("a * stands only for all beneath a place: scheme://place/*"),
            None => (text, false),
        };
        if whole.contains('*') {
            return Err("a * stands only at the end: scheme://place/*");
        }
        // `env://*` is all of a store: its location is empty, which no reference's is.
        if let Some(scheme) = whole.strip_suffix("://") {
            return Ok(Self { scheme: scheme.into(), location: "".into(), beneath: true });
        }
        let reference: SecretRef =
            whole.parse().map_err(|_| "an entry is no reference such as file://app/key or file://app/*")?;
        if reference.version().is_some() || reference.field().is_some() {
            return Err("an entry allows all versions and fields: leave the query away");
        }
        Ok(Self { scheme: reference.scheme().into(), location: reference.location().into(), beneath })
    }

    fn matches(&self, scheme: &str, location: &str) -> bool {
        let place = match self.beneath {
            true => location.len() > self.location.len() && location.starts_with(&*self.location),
            false => *location == *self.location,
        };
        place && *scheme == *self.scheme
    }
}

/// Whether each segment of a location is a plain name: nothing empty, nothing that climbs, hides or has two spellings.
pub(crate) fn is_plain(location: &str) -> bool {
    location.split('/').all(|segment| {
        !segment.is_empty() && segment != "." && segment != ".." && !segment.contains(['\\', '%', '\0'])
    })
}

/// Whether a location has the shape of `user:password@host`: an address that stands in a reference's place.
pub(crate) fn holds_password(location: &str) -> bool {
    location.rsplit_once('@').is_some_and(|(before, _)| before.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_what_is_beneath() {
        let mut problems = ConfigProblems::new();
        let list = ["file://app/*", "env://MODEL_KEY", "mem://*"].map(str::to_owned);
        let list = AllowList::new(&list, "secrets.allow", &mut problems);
        assert!(problems.is_empty());
        for (scheme, location, allowed) in [
            ("file", "app/key", true),
            ("file", "app/deep/key", true),
            ("file", "app/", false),
            ("file", "app", false),
            ("file", "application/key", false),
            ("env", "MODEL_KEY", true),
            ("env", "MODEL_KEY_2", false),
            ("mem", "whatever", true),
            ("vault", "app/key", false),
        ] {
            assert_eq!(list.allows(scheme, location), allowed, "{scheme}://{location}");
        }
    }

    #[test]
    fn odd_patterns_are_problems_that_do_not_repeat_them() {
        for pattern in ["*", "hunter2", "file://app*", "file://*/key", "env://A?version=1", ""] {
            let mut problems = ConfigProblems::new();
            AllowList::new(&[pattern.to_owned()], "secrets.allow", &mut problems);
            let error = problems.check().unwrap_err();
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn locations_are_spelt_in_one_way() {
        for (location, plain) in [
            ("app/key", true),
            ("app//key", false),
            ("app/./key", false),
            ("app/%2e%2e/key", false),
            ("app/", false),
        ] {
            assert_eq!(is_plain(location), plain, "{location}");
        }
    }
}
