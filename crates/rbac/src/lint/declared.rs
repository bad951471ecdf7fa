//! Routes of the policy that are there, but probably not as meant.

use std::collections::HashMap;

use gambeson_core::Access;

use crate::finding::Findings;
use crate::nearest::did_you_mean;
use crate::policy::{Document, NO_REASON, Policy};

/// Methods of RFC 9110 §9 and RFC 5789.
const USUAL: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

/// Others of IANA's registry, and QUERY.
const REGISTERED: [&str; 28] = [
    "ACL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "ORDERPATCH",
    "PROPFIND",
    "PROPPATCH",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
];

pub(super) fn check(policy: &Policy, findings: &mut Findings<'_>) {
    let document = policy.document();
    reasons(document, findings);
    methods(document, findings);
    same_paths(document, findings);
}

fn reasons(document: &Document, findings: &mut Findings<'_>) {
    let routes = document.routes.iter().map(|route| (route.name(), route.at, &route.access));
    let fallback =
        document.fallback.iter().map(|fallback| ("fallback".to_owned(), fallback.at, &fallback.value));
    for (name, at, access) in routes.chain(fallback) {
        if let Access::Public(reason) = access
            && (reason == NO_REASON || reason.trim().is_empty())
        {
            let message = format!("`{name}` is public, and nobody says why");
            let cure = "write the reason, such as { public = \"probe\" }";
            findings.warning("public-without-reason", at, message, cure);
        }
    }
}

fn methods(document: &Document, findings: &mut Findings<'_>) {
    for route in &document.routes {
        let method = route.method.as_str();
        if !USUAL.contains(&method) && !REGISTERED.contains(&method) {
            let message = format!("`{}`: `{method}` is no registered method", route.name());
            findings.warning("unknown-method", route.at, message, did_you_mean(method, USUAL));
        }
    }
}

/// Routers refuse two templates that match the same paths, whatever the methods are.
fn same_paths(document: &Document, findings: &mut Findings<'_>) {
    let mut first: HashMap<String, &str> = HashMap::new();
    for route in &document.routes {
        let template = route.template.as_str();
        let other = *first.entry(without_names(template)).or_insert(template);
        if other != template {
            let message = format!("`{template}` and `{other}` match the same paths");
            let cure = "call the parameters the same in both: no router has both";
            findings.warning("same-paths", route.at, message, cure);
        }
    }
}

/// The template with all parameters called the same.
fn without_names(template: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, from)) = rest.split_once('{') {
        out.push_str(before);
        // Two braces are one that is meant to the letter.
        if let Some(after) = from.strip_prefix('{') {
            out.push_str("{{");
            rest = after;
            continue;
        }
        let (name, after) = from.split_once('}').unwrap_or((from, ""));
        out.push_str(if name.starts_with('*') { "{*}" } else { "{}" });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::without_names;

    #[test]
    fn only_the_names_of_parameters_are_left_out() {
        for (template, expected) in [
            ("/", "/"),
            ("/{id}", "/{}"),
            ("/a/{id}.json/{*rest}", "/a/{}.json/{*}"),
            ("/{{id}}/{x}", "/{{id}}/{}"),
            ("/{open", "/{}"),
        ] {
            assert_eq!(without_names(template), expected, "{template}");
        }
    }
}
