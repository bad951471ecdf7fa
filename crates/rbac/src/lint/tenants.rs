//! Issuers that are not bound to their tenants, or to those of another.

use std::collections::BTreeMap;

use crate::finding::Findings;
use crate::policy::{Document, Policy};
use crate::table::RouteEntry;

const UNBOUND: &str = "unbound-tenants";

pub(super) fn check(policy: &Policy, routes: Option<&[RouteEntry]>, findings: &mut Findings<'_>) {
    let document = policy.document();
    if document.has_several_issuers() {
        persons(document, findings);
    }
    let in_code = routes.unwrap_or_default().iter().map(|entry| &entry.scope);
    let mut scopes = document.routes.iter().map(|route| &route.scope).chain(in_code);
    let said = document.claims.iter().flatten().any(|claims| claims.tenants.is_some());
    if said || scopes.any(|scope| scope.tenant().is_some()) {
        services(policy, findings);
    }
    shared(document, findings);
}

fn persons(document: &Document, findings: &mut Findings<'_>) {
    for claims in document.claims.iter().flatten().filter(|claims| claims.tenants.is_none()) {
        let issuer = &claims.issuer;
        let message =
            format!("`{}` is one of several issuers, and no tenants are said to be its own", issuer.value);
        let cure = "its callers are in none: write `tenants` with those that it may name, or [] for none";
        findings.warning(UNBOUND, issuer.at, message, cure);
    }
}

/// Issuers of services without a table. With `[claims]` their callers are in no tenant; without any, each may name all.
fn services(policy: &Policy, findings: &mut Findings<'_>) {
    let document = policy.document();
    let mut first = BTreeMap::new();
    for service in document.services.iter().flatten() {
        first.entry(service.issuer.as_str()).or_insert(service.name.at);
    }
    let (several, has_claims) = (first.len() > 1, document.claims.is_some());
    let tables = || document.claims.iter().flatten().map(|claims| claims.issuer.value.as_str());
    for (issuer, at) in first.into_iter().filter(|(issuer, _)| !tables().any(|table| table == *issuer)) {
        let (message, cure) = match (has_claims, several) {
            (true, _) => (
                format!("the services of `{issuer}` are in no tenant"),
                "if they have one, write a [claims] table with this `issuer` and the `tenants` that it may name",
            ),
            (false, true) => (
                format!(
                    "`{issuer}` is one of several issuers of services, and each of them may name any tenant"
                ),
                "write a [claims] table with `issuer` and `tenants` for each of them, and one for the issuer of persons",
            ),
            (false, false) => continue,
        };
        findings.warning(UNBOUND, at, message, cure);
    }
}

/// Tables that let two issuers name one tenant.
fn shared(document: &Document, findings: &mut Findings<'_>) {
    let bound: Vec<_> = document
        .claims
        .iter()
        .flatten()
        .filter_map(|claims| Some((&claims.issuer, claims.tenants.as_ref()?)))
        .collect();
    for (number, (issuer, tenants)) in bound.iter().enumerate() {
        for (other, others) in bound.iter().take(number) {
            let Some(name) = tenants.shared_with(others) else { continue };
            let message = format!("`{}` may name tenants of `{}`, by `{name}`", issuer.value, other.value);
            let cure = "let each tenant be one issuer's: each of them can put its callers among the other's";
            findings.warning("shared-tenants", issuer.at, message, cure);
        }
    }
}
