//! The refusals of this module.

use gambeson_core::{Member, Rejection, RejectionClass};
use http::StatusCode;

use super::fields::POLICY;
use crate::PACKAGE;

pub(super) fn too_many_requests() -> Rejection {
    Rejection::new(PACKAGE, RejectionClass::Limit, "too-many-requests", StatusCode::TOO_MANY_REQUESTS)
        .detail("too many requests from this network")
        .member("violated-policies", Member::Texts(vec![POLICY.to_owned()]))
}

pub(super) fn layer_order() -> Rejection {
    Rejection::new(PACKAGE, RejectionClass::Bug, "layer-order", StatusCode::INTERNAL_SERVER_ERROR)
        .cause("the edge limiter found no peer: put PeerLayer outside of EdgeLimitLayer, from the same version of gambeson-core")
}
