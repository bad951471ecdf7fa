//! The refusals of this module.

use gambeson_core::{Rejection, RejectionClass};
use http::StatusCode;

use crate::PACKAGE;

pub(super) const BODY_TOO_LARGE: &str = "body-too-large";
pub(super) const BODY_TOO_SLOW: &str = "body-too-slow";
pub(super) const HANDLER_DEADLINE: &str = "handler-deadline";
/// No refusal: the head of the answer was sent. The name under which it is observed.
pub(super) const STREAM_IDLE: &str = "stream-idle";

pub(super) fn body_too_large() -> Rejection {
    Rejection::new(PACKAGE, RejectionClass::Limit, BODY_TOO_LARGE, StatusCode::PAYLOAD_TOO_LARGE)
        .detail("the request body is larger than this server takes")
}

pub(super) fn body_too_slow() -> Rejection {
    Rejection::new(PACKAGE, RejectionClass::Limit, BODY_TOO_SLOW, StatusCode::REQUEST_TIMEOUT)
        .detail("the request body came too slowly")
}

pub(super) fn handler_deadline() -> Rejection {
    Rejection::new(PACKAGE, RejectionClass::Dependency, HANDLER_DEADLINE, StatusCode::GATEWAY_TIMEOUT)
        .detail("the answer took too long")
}
