//! Which tenants an issuer may name.

use std::sync::LazyLock;

/// Stands for all tenants.
const EVERY: &str = "*";

/// Names of tenants; one that ends with `*` stands for all that begin so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tenants(Box<[Box<str>]>);

impl Tenants {
    /// These tenants.
    ///
    /// # Errors
    /// The first name that is empty, or has a `*` elsewhere than at its end.
    pub(crate) fn read(names: &[String]) -> Result<Self, &str> {
        let sound = |name: &String| !name.is_empty() && name.find('*').is_none_or(|at| at + 1 == name.len());
        match names.iter().find(|name| !sound(name)) {
            Some(bad) => Err(bad),
            None => Ok(Self(names.iter().map(|name| name.as_str().into()).collect())),
        }
    }

    /// All that there are.
    pub(crate) fn all() -> &'static Self {
        static ALL: LazyLock<Tenants> = LazyLock::new(|| Tenants([Box::from(EVERY)].into()));
        &ALL
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }

    /// Whether this tenant is among them; of a name of another list, whether all are that it stands for.
    pub(crate) fn has(&self, tenant: &str) -> bool {
        self.names().any(|name| stands_for(name, tenant))
    }

    /// A name of these that stands for a tenant of the others too. Whoever may name all does so on purpose.
    pub(crate) fn shared_with(&self, others: &Self) -> Option<&str> {
        let some = |name: &&str| *name != EVERY;
        let shared = |name: &&str| {
            others.names().filter(some).any(|other| stands_for(name, other) || stands_for(other, name))
        };
        self.names().filter(some).find(shared)
    }
}

fn stands_for(name: &str, tenant: &str) -> bool {
    match name.strip_suffix('*') {
        Some(start) => tenant.starts_with(start),
        None => name == tenant,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_end_and_nothing_else() {
        let read = |names: &[&str]| {
            Tenants::read(&names.iter().map(ToString::to_string).collect::<Vec<_>>()).map_err(str::to_owned)
        };
        let tenants = read(&["acme", "eu-*"]).unwrap();
        for (tenant, expected) in [
            ("acme", true),
            ("Acme", false),
            ("acme2", false),
            ("eu-", true),
            ("eu-1", true),
            ("eu", false),
            ("", false),
        ] {
            assert_eq!(tenants.has(tenant), expected, "{tenant}");
        }
        assert!(read(&["*"]).unwrap().has("any") && !read(&[]).unwrap().has("any"));
        for bad in ["", "*a", "a*b", "**"] {
            assert_eq!(read(&["a", bad]), Err(bad.to_owned()));
        }
    }

    #[test]
    fn lists_are_compared_by_what_their_names_stand_for() {
        let of = |names: &[&str]| {
            Tenants::read(&names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
        };
        for (one, other, shared) in [
            (&["acme"][..], &["acme"][..], Some("acme")),
            (&["a", "eu-*"], &["eu-1"], Some("eu-*")),
            (&["eu-1"], &["eu-*"], Some("eu-1")),
            (&["eu-*"], &["eu-fr-*"], Some("eu-*")),
            (&["eu-*"], &["eu", "us-*", "acme"], None),
            (&["*"], &["acme"], None),
            (&["acme"], &["*"], None),
            (&["acme"], &[], None),
        ] {
            assert_eq!(of(one).shared_with(&of(other)), shared, "{one:?} {other:?}");
        }
        let europe = of(&["eu-*"]);
        assert!(europe.has("eu-fr-*") && !europe.has("eu*") && !europe.has("*") && Tenants::all().has("*"));
    }
}
