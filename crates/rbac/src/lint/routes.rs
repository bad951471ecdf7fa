//! Whether a policy and the routes of an app fit together.

use std::collections::HashSet;

use gambeson_core::Access;

use crate::finding::Findings;
use crate::nearest::did_you_mean;
use crate::policy::Policy;
use crate::table::RouteEntry;

pub(super) fn check(policy: &Policy, routes: &[RouteEntry], findings: &mut Findings<'_>) {
    let name = |method: &http::Method, template: &str| format!("{method} {template}");
    let running: HashSet<String> = routes.iter().map(|entry| name(&entry.method, &entry.template)).collect();
    let document = policy.document();
    for declared in &document.routes {
        let name = name(&declared.method, &declared.template);
        if !running.contains(&name) {
            let message = format!("the app has no route `{name}`");
            let cure = format!("drop it; {}", did_you_mean(&name, running.iter().map(String::as_str)));
            findings.warning("policy-without-route", declared.at, message, cure);
        }
    }
    for entry in routes {
        let name = name(&entry.method, &entry.template);
        match &entry.access {
            Access::Permission(permission) if policy.permission(permission).is_none() => {
                let message = format!("route `{name}` needs the unknown permission `{permission}`");
                let near = did_you_mean(permission, policy.permissions());
                findings.warning(
                    "route-without-policy",
                    0,
                    message,
                    format!("declare it in [permissions]; {near}"),
                );
            }
            Access::Management if policy.table().find(&entry.template).is_none() => {
                let message = format!("route `{name}` has no rule");
                findings.warning(
                    "route-without-policy",
                    0,
                    message,
                    format!("declare \"{name}\" in [routes]"),
                );
            }
            _ => {}
        }
    }
}
