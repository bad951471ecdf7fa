//! Others that do the same work, with the feature `peers`.

#[cfg(feature = "peers")]
mod hardening_headers;

use crate::Case;

/// Adds the peers of a case.
#[cfg(feature = "peers")]
pub(crate) fn join(case: Case) -> Case {
    match case.krate {
        "hardening-headers" => hardening_headers::join(case),
        _ => case,
    }
}

/// Without the feature there are none.
#[cfg(not(feature = "peers"))]
pub(crate) fn join(case: Case) -> Case {
    case
}
