//! Others that do the same work, with the feature `peers`.

#[cfg(feature = "peers")]
mod audit_trail;
#[cfg(feature = "peers")]
mod cost_guard;
#[cfg(feature = "peers")]
mod hardening_headers;
#[cfg(feature = "peers")]
pub(crate) mod oidc_auth;
#[cfg(feature = "peers")]
mod otel_setup;
#[cfg(feature = "peers")]
mod rbac;

use crate::Case;

/// Adds the peers of a case.
#[cfg(feature = "peers")]
pub(crate) fn join(case: Case) -> Case {
    match case.krate {
        "audit-trail" => audit_trail::join(case),
        "cost-guard" => cost_guard::join(case),
        "hardening-headers" => hardening_headers::join(case),
        "oidc-auth" => oidc_auth::join(case),
        "otel-setup" => otel_setup::join(case),
        "rbac" => rbac::join(case),
        _ => case,
    }
}

/// Without the feature there are none.
#[cfg(not(feature = "peers"))]
pub(crate) fn join(case: Case) -> Case {
    case
}
