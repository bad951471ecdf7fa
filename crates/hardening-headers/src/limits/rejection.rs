//! The refusals of this module.

use gambeson_core::{Rejection, RejectionClass};
use http::StatusCode;

use crate::PACKAGE;

pub(super) fn body_too_large() -> Rejection {
    Rejection::new(PACKAGE, RejectionClass::Limit, "body-too-large", StatusCode::PAYLOAD_TOO_LARGE)
        .detail("the request body is larger than this server takes")
}

pub(super) fn body_too_slow() -> Rejection {
    Rejection::new(PACKAGE, RejectionClass::Limit, "body-too-slow", StatusCode::REQUEST_TIMEOUT)
        .detail("the request body came too slowly")
}

pub(super) fn handler_deadline() -> Rejection {
    Rejection::new(PACKAGE, RejectionClass::Dependency, "handler-deadline", StatusCode::GATEWAY_TIMEOUT)
        .detail("the answer took too long")
}
