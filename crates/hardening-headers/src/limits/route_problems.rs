//! What of the limits of single routes would do nothing.

use gambeson_core::ConfigProblems;

use super::routes::RouteLimits;

const FIELD: &str = "hardening-headers.route-limits";

/// Notes entries that never match, or that change nothing where they do.
pub(super) fn look_through(routes: &[RouteLimits], problems: &mut ConfigProblems) {
    for (place, entry) in routes.iter().enumerate() {
        let (method, template) = parts(&entry.route);
        let upper = method.to_ascii_uppercase();
        if method != upper {
            let cure = format!("methods are in upper case; did you mean \"{upper} {template}\"?");
            problems.add(format!("{FIELD}.route"), &entry.route, cure);
        }
        let hides = |earlier: &&RouteLimits| {
            let (known, of) = parts(&earlier.route);
            of == template && (known.is_empty() || known == method)
        };
        if let Some(earlier) = routes.iter().take(place).find(hides) {
            let cure = format!(
                "\"{}\" stands before it and has all its requests: make one of the two, or write the one with a method first",
                earlier.route
            );
            problems.add(format!("{FIELD}.route"), &entry.route, cure);
        }
        if *entry == (RouteLimits { route: entry.route.clone(), ..RouteLimits::default() }) {
            let cure = "write which limit differs, such as body = \"1GiB\", or leave the entry out";
            problems.add(FIELD, &entry.route, cure);
        }
    }
}

/// The method, empty where there is none, and the template.
fn parts(route: &str) -> (&str, &str) {
    route.split_once(' ').unwrap_or(("", route))
}
