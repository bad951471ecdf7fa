//! Issuers that are not bound to their tenants.

use crate::finding::Findings;
use crate::policy::Policy;

pub(super) fn check(policy: &Policy, findings: &mut Findings<'_>) {
    let document = policy.document();
    if !document.has_several_issuers() {
        return;
    }
    for claims in document.claims.iter().flatten().filter(|claims| claims.tenants.is_none()) {
        let issuer = &claims.issuer;
        let message =
            format!("`{}` is one of several issuers, and no tenants are said to be its own", issuer.value);
        let cure = "its callers are in none: write `tenants` with those that it may name, or [] for none";
        findings.warning("unbound-tenants", issuer.at, message, cure);
    }
}
