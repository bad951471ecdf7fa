//! Which tenants an issuer may name.

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

    pub(crate) fn has(&self, tenant: &str) -> bool {
        self.0.iter().any(|name| match name.strip_suffix('*') {
            Some(start) => tenant.starts_with(start),
            None => **name == *tenant,
        })
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
}
