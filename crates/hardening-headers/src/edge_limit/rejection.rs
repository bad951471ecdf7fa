//! The refusals of this module.

use gambeson_core::{Rejection, RejectionClass};
use http::StatusCode;

use crate::PACKAGE;

pub(super) fn too_many_requests() -> Rejection {
    Rejection::new(PACKAGE, RejectionClass::Limit, "too-many-requests", StatusCode::TOO_MANY_REQUESTS)
        .detail("too many requests from this network")
}

pub(super) fn layer_order() -> Rejection {
    Rejection::new(PACKAGE, RejectionClass::Bug, "layer-order", StatusCode::INTERNAL_SERVER_ERROR)
        .cause("the edge limiter found no peer: put PeerLayer outside of EdgeLimitLayer, from the same version of gambeson-core")
}
